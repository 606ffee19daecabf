"""The choice that shares most with its question: character n-grams in common (TF-IDF cosine), times one solved weight.

Source: Salton & Buckley (1988); Clark et al. 2018 (ARC) for word overlap as the floor of multiple choice; the weight is that
of a conditional logit (McFadden 1974).

Trains: the weight of each term (how rare it is) and one number, how much an overlap counts; no base model.

Shapes: pairs -> features (m, at most 80,000), sparse; cosines (m,) -> scores (m, 1).

Relations: :mod:`lexical_overlap` for pairs that stand alone; :mod:`choice_cosine` compares what a base makes of the texts.

>>> from hasei.engine.derivation import Context
>>> from hasei.tasks import open_task
>>> task = open_task("multiple_choice")
>>> toy = task.toy()
>>> space = task.space(toy.targets)
>>> units = [str(row) for row in toy.inputs]
>>> context = Context(task, space, toy.inputs, task.encode(space, toy.targets), task.truth(toy.targets), units)
>>> found = derive(context, Params()).predictor.outputs([("my parcel?", '["reset a password", "ask about a parcel"]')])
>>> task.answers(space, found).values
['ask about a parcel']
"""

from __future__ import annotations

from hasei.baselines import _lexical, _vocabulary
from hasei.engine.choosing import ChoicePredictor, expanded, sharpness
from hasei.engine.derivation import Context, Derivation, Supports
from hasei.engine.pairs import sides
from hasei.formats._predictors import OverlapPredictor, overlap

SUPPORTS = Supports(inputs=("text",), targets=("choice",), bases=0, texts=(2,))


class Params(_lexical.LexicalSettings):
    """The size of the vocabulary."""


def derive(context: Context, params: Params) -> Derivation:
    """Learn the vocabulary from all questions and choices, then the weight."""
    SUPPORTS.refuse("choice_overlap", context.task)
    pairs = expanded(context.inputs)[0]
    vectoriser = _vocabulary.learn(sides(pairs)[0], params.max_features, context.watch)
    weight, bias = sharpness(overlap(vectoriser, pairs, context.watch), context)
    predictor = ChoicePredictor(OverlapPredictor(vectoriser, weight, bias))
    return Derivation(predictor, "choice_overlap", params, 2, ("weight", "bias"))
