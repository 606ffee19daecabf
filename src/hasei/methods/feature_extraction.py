"""A linear head solved on frozen features of the base: every layer, pooling and strength from one forward pass.

The base stays as it is. For a linear head the best weights are the solution of a convex problem, so it is solved, not
trained for epochs. Layer and pooling are chosen by solving on a part of the train rows, then the strength on all of them
but an inner fifth, always by units; the head is then solved on all rows.

Source: Yosinski et al. 2014, "How transferable are features in deep neural networks?"; for the layer choice Tenney et
al. 2019, "BERT rediscovers the classical NLP pipeline".
Trains: the head only (width x hidden weights, width biases).
Shapes: features (n, h), weight (w, h), outputs (n, w).
Relations: the head that ``partial_fine_tuning``, ``full_fine_tuning`` and ``lora`` start from (linear probing, then
fine-tuning: Kumar et al. 2022); ``as_it_is`` is this with class means instead of solved weights.

>>> hasei.study("tickets.csv", methods=["feature_extraction"])  # doctest: +SKIP
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Settings, Supports
from hasei.engine.pooled import PooledModel, linear
from hasei.engine.prediction import PooledPredictor
from hasei.engine.splits import inner_split
from hasei.ground.errors import NotSupported

SUPPORTS = Supports(gradients=False)
STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)
_SCREEN_ROWS = 1500


class Params(Settings):
    """Settings; what is None is chosen on the train rows.

    *layer* counts from 0 (the embeddings) to the number of layers; *l2* is the weight of the squared norm of the head's
    weights against the mean loss, on standardised features.
    """

    layer: int | None = Field(None, ge=0)
    pooling: Literal["mean", "cls", "max", "last"] | None = None
    l2: float | None = Field(None, gt=0, le=1e3)


def derive(context: Context, params: Params) -> Derivation:
    """Solve the head; raises NotSupported when the layer does not exist or can't be the last one of a model."""
    SUPPORTS.refuse("feature_extraction", context.task)
    trunk = context.trunk
    if params.layer is not None and params.layer > trunk.layers:
        raise NotSupported(
            f"the base '{trunk.base.name}' has no layer {params.layer}", expected=f"0 to {trunk.layers}",
            do="set layer lower, or leave it out to have it chosen",
        )  # fmt: skip
    frozen = _choose(context, params)
    layer, pooling = int(frozen.layer or 0), str(frozen.pooling)
    model = trunk.truncated(layer)
    if model is None:
        raise NotSupported(
            f"layer {layer} of '{trunk.base.name}' can't be the last one of a model", do="leave layer out"
        )
    features = trunk.pooled(context.inputs, layer, pooling, context.watch)
    weight, bias = context.task.solve(features, context.targets, context.space, float(frozen.l2 or 0.0))
    head = linear(weight, bias)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return Derivation(
        predictor=PooledPredictor(PooledModel(model, pooling, head), trunk.tokenizer, trunk.base.max_tokens),
        format="sentence_transformers",
        frozen=frozen,
        trainable_parameters=weight.size + bias.size,
        trained=("head.weight", "head.bias"),
        from_store=lambda inputs: trunk.pooled(inputs, layer, pooling) @ weight.T + bias,
    )


def _choose(context: Context, params: Params) -> Params:
    """Fill in what *params* leaves open; equal quality goes to the later layer and the stronger regulariser."""
    trunk = context.trunk
    fit, held = inner_split(context.units, 0.2, context.seed)
    if params.layer is None or params.pooling is None:
        layer, pooling = _choose_features(context, params, fit[:_SCREEN_ROWS], held[:_SCREEN_ROWS])
    else:
        layer, pooling = params.layer, params.pooling
    strengths = STRENGTHS if params.l2 is None else (params.l2,)
    if len(strengths) > 1:
        features = trunk.pooled(context.inputs, layer, pooling, context.watch)
        scored = [(_quality(context, features, fit, held, l2), l2) for l2 in strengths]
        strengths = (max(scored)[1],)
    return Params.model_validate({"layer": layer, "pooling": pooling, "l2": strengths[0]})


def _choose_features(context: Context, params: Params, fit: np.ndarray, held: np.ndarray) -> tuple[int, str]:
    trunk = context.trunk
    layers = [params.layer] if params.layer is not None else range(trunk.layers, 0, -1)
    poolings = (params.pooling,) if params.pooling else trunk.poolings
    best: tuple[float, int, str] | None = None
    for layer in layers:
        if not trunk.can_end_at(layer):
            continue
        for pooling in poolings:
            context.watch.check()
            features = trunk.pooled(context.inputs, layer, pooling, context.watch)
            quality = _quality(context, features, fit, held, STRENGTHS[1])
            if best is None or quality > best[0]:
                best = (quality, layer, pooling)
    return (best[1], best[2]) if best else (trunk.layers, trunk.base.pooling)


def _quality(context: Context, features: np.ndarray, fit: np.ndarray, held: np.ndarray, l2: float) -> float:
    weight, bias = context.task.solve(features[fit], context.targets[fit], context.space, l2)
    return context.quality(features[held] @ weight.T + bias, held)
