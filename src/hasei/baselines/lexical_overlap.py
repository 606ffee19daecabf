"""How many character n-grams two texts share (TF-IDF cosine), put on the scale of the targets by a line.

Source: Salton & Buckley (1988); the line is least squares.

Trains: the weight of each term (how rare it is) and a line (two numbers); no base model.

Shapes: texts -> features (n, at most 80,000), sparse; cosines (n,) -> outputs (n, 1).

Relations: :mod:`cosine` compares what a base makes of the texts; what it gains over this is meaning beyond words.

>>> from hasei.engine.derivation import Context
>>> from hasei.tasks import open_task
>>> task = open_task("similarity")
>>> toy = task.toy()
>>> space = task.space(toy.targets)
>>> units = [" ".join(pair) for pair in toy.inputs]
>>> context = Context(task, space, toy.inputs, task.encode(space, toy.targets), task.truth(toy.targets), units)
>>> same, other = derive(context, Params()).predictor.outputs([("a parcel", "a parcel"), ("a parcel", "my card")])[:, 0]
>>> bool(same > other)
True
"""

from __future__ import annotations

from hasei.baselines import _lexical, _vocabulary
from hasei.engine.derivation import Context, Derivation, Supports
from hasei.engine.pairs import line, sides
from hasei.formats._predictors import OverlapPredictor, overlap

SUPPORTS = Supports(inputs=("text",), targets=("number",), bases=0, texts=(2,))


class Params(_lexical.LexicalSettings):
    """The size of the vocabulary."""


def derive(context: Context, params: Params) -> Derivation:
    """Learn the vocabulary from all single texts, then the line."""
    SUPPORTS.refuse("lexical_overlap", context.task)
    texts, __, __ = sides(context.inputs)
    vectoriser = _vocabulary.learn(texts, params.max_features, context.watch)
    weight, bias = line(overlap(vectoriser, context.inputs, context.watch), context.targets)
    predictor = OverlapPredictor(vectoriser, weight, bias)
    return Derivation(predictor, "lexical_overlap", params, 2, ("weight", "bias"))
