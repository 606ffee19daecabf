"""The base as it is, for choices: the choice whose features are nearest to the question's, by cosine, each read alone.

Source: Reimers & Gurevych 2019, "Sentence-BERT"; the one weight is that of a conditional logit (McFadden 1974).
Trains: nothing of the base; one number, how much a cosine counts, which changes no order of a row's choices.
Shapes: features (t, h), cosines (m,), scores (m, 1).
Relations: :mod:`cosine` for pairs that stand alone; ``feature_extraction`` reads question and choice at once.

>>> hasei.study("exam.csv", task="multiple_choice")  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence

from hasei.engine.apart import ApartModel, ApartPredictor
from hasei.engine.choosing import ChoicePredictor, expanded, sharpness, told
from hasei.engine.derivation import Context, Derivation, Settings, Supports
from hasei.engine.pairs import cosines, sides
from hasei.engine.pooled import linear
from hasei.engine.trunk import Trunk
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats

SUPPORTS = Supports(targets=("choice",), texts=(2,))


class Params(Settings):
    """There is nothing to set."""


def derive(context: Context, params: Params) -> Derivation:
    """Read every question and every choice alone and fit the weight."""
    SUPPORTS.refuse("choice_cosine", context.task)
    trunk, pooling = context.trunk, context.trunk.base.pooling

    def measured(rows: Sequence[Input]) -> Floats:
        texts, first, second = sides(expanded(rows)[0])
        alone = trunk.beside(rows, _alone)
        return cosines(alone.pooled(texts, alone.layers, pooling, context.watch), first, second)

    weight, bias = sharpness(measured(context.inputs), context)
    model = ApartModel(trunk.fresh(), pooling, linear(weight, bias))
    for parameter in model.parameters():
        parameter.requires_grad_(False)

    def from_store(rows: Sequence[Input]) -> Array:
        return told(rows, measured(rows) * weight[0, 0])

    return Derivation(
        ChoicePredictor(ApartPredictor(model, trunk.tokenizer, trunk.base.max_tokens)), "choice_cosine", params,
        trainable_parameters=0, trained=("head.weight", "head.bias"), from_store=from_store,
    )  # fmt: skip


def _alone(trunk: Trunk, rows: list[Input]) -> Trunk:
    """Make every question and every choice of *rows* a row of its own."""
    trunk.prepare(sides(expanded(rows)[0])[0])
    return trunk
