"""The base as it is: each row goes to the nearest label, by the label's name or by the mean of its train rows.

Source: zero-shot by label names: Yin et al. 2019, "Benchmarking zero-shot text classification"; nearest class mean: Snell
et al. 2017, "Prototypical networks for few-shot learning".
Trains: nothing; a prototype (h,) for each output is computed, not fitted.
Shapes: features (n, h), prototypes (w, h), outputs (n, w) = scale * cosine up to a row's own length.
Relations: ``feature_extraction`` replaces the means by solved weights.

>>> hasei.study("tickets.csv")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from hasei.engine.derivation import Context, Derivation, Facts, Settings, Supports
from hasei.engine.pooled import PooledModel, linear
from hasei.engine.prediction import PooledPredictor
from hasei.engine.readings import reading_of
from hasei.ground.errors import NotSupported
from hasei.tasks import Array, Floats

SUPPORTS = Supports(inputs=("text", "image"), targets=("category",))
_SCALE = 20.0


class Params(Settings):
    """Where prototypes come from: the labels' ``"names"`` (no train row is read) or the ``"means"`` of train rows."""

    by: Literal["names", "means"] = "means"


def proposals(facts: Facts) -> list[Params]:
    """Both."""
    return [Params(by="names"), Params(by="means")]


def derive(context: Context, params: Params) -> Derivation:
    """Compute prototypes; raises NotSupported by names where the task's outputs have none."""
    SUPPORTS.refuse("as_it_is", context.task)
    trunk, reading = context.trunk, reading_of(context.task)
    layer, pooling = trunk.layers, trunk.base.pooling
    features = reading.features(trunk, context.inputs, layer, pooling, context.watch)
    if params.by == "names":
        if context.task.input_kind != "text":
            raise NotSupported("an image base reads no names of labels", do="use by: means")
        names = context.task.describe(context.space)
        if not names:
            raise NotSupported(f"the outputs of the task {context.task.name} have no names", do="use by: means")
        prototypes = _encode(context, names)
    else:
        prototypes = _means(features, context.targets, context.space.width)
    unit = prototypes / np.maximum(np.linalg.norm(prototypes, axis=1, keepdims=True), 1e-9)
    # A row's own length changes no order of its outputs; the usual length keeps confidences on the scale of cosines.
    scale = _SCALE / max(1e-9, float(np.median(np.linalg.norm(features, axis=1))))
    head = linear(unit * scale, np.zeros(len(unit), np.float32))
    predictor = reading.predictor(reading.model(trunk.fresh(), pooling, head), trunk)
    weight = (unit * scale).astype(np.float32)
    return Derivation(
        predictor, reading.format, params, trainable_parameters=0, trained=("head.weight", "head.bias"),
        from_store=lambda inputs: reading.features(trunk, inputs, layer, pooling) @ weight.T,
    )  # fmt: skip


def _encode(context: Context, texts: list[str]) -> Floats:
    """Pooled last states (n, h) of *texts*: the outputs of the base under an identity head."""
    trunk = context.trunk
    identity = linear(np.eye(trunk.hidden), np.zeros(trunk.hidden))
    model = PooledModel(trunk.model, trunk.base.pooling, identity)
    return PooledPredictor(model, trunk.tokenizer, trunk.base.max_tokens).outputs(texts, context.watch)


def _means(features: Floats, targets: Array, width: int) -> Floats:
    sums = np.zeros((width, features.shape[1]), np.float64)
    np.add.at(sums, targets, features)
    return (sums / np.maximum(np.bincount(targets, minlength=width), 1)[:, None]).astype(np.float32)
