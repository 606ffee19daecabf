"""The base as it is, for two texts: the cosine of their features, put on the scale of the train rows by a line.

Source: Reimers & Gurevych 2019, "Sentence-BERT"; the line is least squares.
Trains: nothing of the base; a line (two numbers) from cosine to target.
Shapes: features (t, h), cosines (n,), outputs (n, 1).
Relations: ``cosine_tuning`` is this with a base that has learnt from the rows.

>>> hasei.study("pairs.csv", task="similarity")  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence

from hasei.engine.apart import ApartModel, ApartPredictor
from hasei.engine.derivation import Context, Derivation, Settings, Supports
from hasei.engine.pairs import cosines, line, sides
from hasei.engine.pooled import linear
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

SUPPORTS = Supports(targets=("number",), texts=(2,))


class Params(Settings):
    """There is nothing to set."""


def derive(context: Context, params: Params) -> Derivation:
    """Read each text alone and fit the line."""
    SUPPORTS.refuse("cosine", context.task)
    trunk, pooling = context.trunk, context.trunk.base.pooling

    def measured(inputs: Sequence[Input]) -> Floats:
        texts, first, second = sides(inputs)
        apart = trunk.apart(inputs)
        return cosines(apart.pooled(texts, apart.layers, pooling, context.watch), first, second)

    weight, bias = line(measured(context.inputs), context.targets)
    model = ApartModel(trunk.fresh(), pooling, linear(weight, bias))
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return Derivation(
        ApartPredictor(model, trunk.tokenizer, trunk.base.max_tokens), "bi_encoder", params, trainable_parameters=0,
        trained=("head.weight", "head.bias"), from_store=lambda inputs: measured(inputs)[:, None] * weight[0] + bias,
    )  # fmt: skip
