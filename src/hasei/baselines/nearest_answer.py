"""The answer of the train row whose prompt is nearest by its words: looking up instead of writing.

Source: Salton & Buckley (1988) for the features; Khandelwal et al. (2020), "Generalization through memorization", for how far
looking up goes.

Trains: the weight of each term (how rare it is); no base model.

Shapes: prompts -> features (n, at most 80,000), sparse; the answer of the largest cosine among the train rows.

Relations: ``retrieval_augmented`` shows the nearest rows to the base and lets it write.

>>> from hasei.engine.derivation import Context
>>> from hasei.tasks import open_task
>>> task = open_task("text_generation")
>>> toy = task.toy()
>>> space = task.space(toy.targets)
>>> context = Context(task, space, toy.inputs, task.encode(space, toy.targets), task.truth(toy.targets), toy.inputs)
>>> derive(context, Params()).predictor.outputs(["PASSWORD forgotten"])[0][0]
'Please reset your password with this link.'
"""

from __future__ import annotations

from hasei.baselines import _lexical, _vocabulary
from hasei.engine.derivation import Context, Derivation, Supports
from hasei.formats._predictors import NearestAnswerPredictor
from hasei.tasks._messages import shown

SUPPORTS = Supports(inputs=("text",), targets=("text",), bases=0)


class Params(_lexical.LexicalSettings):
    """The size of the vocabulary."""


def derive(context: Context, params: Params) -> Derivation:
    """Learn the vocabulary from all prompts and keep the rows."""
    SUPPORTS.refuse("nearest_answer", context.task)
    rows = tuple((i if isinstance(i, str) else i[0], str(answer)) for i, answer in zip(context.inputs, context.truth))
    vectoriser = _vocabulary.learn([shown(prompt) for prompt, _ in rows], params.max_features, context.watch)
    predictor = NearestAnswerPredictor(vectoriser, rows)
    return Derivation(predictor, "nearest_answer", params, vectoriser.idf.size, ("idf",))
