"""A linear head solved on frozen features of the base: every layer, pooling and strength from one forward pass.

The base stays as it is. For a linear head the best weights are the solution of a convex problem, so it is solved, not
trained for epochs. Layer, pooling and strength are chosen by the loss on an inner fifth of the train rows (whole units; the
strength for sets of labels and spans by the metric), first roughly on few rows; the head is then solved on all of them.

Source: Yosinski et al. 2014, "How transferable are features in deep neural networks?"; for the layer choice Tenney et
al. 2019, "BERT rediscovers the classical NLP pipeline".
Trains: the head only (width x hidden weights, width biases).
Shapes: features (n, h), weight (w, h), outputs (n, w).
Relations: the head that ``partial_fine_tuning``, ``full_fine_tuning`` and ``lora`` start from (linear probing, then
fine-tuning: Kumar et al. 2022); ``as_it_is`` is this with class means instead of solved weights.

>>> hasei.study("tickets.csv", methods=["feature_extraction"])  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from hasei.engine.batching import Ints
from hasei.engine.derivation import Context, Derivation, Facts, Settings, Supports
from hasei.engine.heads import solve_head
from hasei.engine.pooled import linear
from hasei.engine.ragged import flat, padded
from hasei.engine.readings import reading_of
from hasei.engine.splits import inner_split
from hasei.ground.errors import NotSupported
from hasei.ground.language import _
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array

SUPPORTS = Supports(inputs=("text", "image"), gradients=False)
BY_ROWS = ("l2",)
"""Settings whose best value hangs on the number of rows: a learning curve finds them anew at every size."""
_Option = tuple[int, str, float]
_By = Callable[[Context, _Option, Ints, Ints], float]
STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
_SCREEN_ROWS = 1500
WEAK_STRENGTHS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
_OF_SETS = frozenset({"categories", "spans"})
"""Targets of which most places hold nothing: the head of least loss then says "nothing" too often to have the best F1."""


class Params(Settings):
    """Settings; what is None is chosen on the train rows.

    *layer* counts from 0 (the embeddings) to the number of layers; *l2* is the weight of the squared norm of the head's
    weights against the mean loss, for features of variance one.
    """

    layer: int | None = Field(None, ge=0)
    pooling: Literal["mean", "cls", "max", "last", "own"] | None = None
    l2: float | None = Field(None, gt=0, le=1e3)


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _(
        "the base is read once and the best head is solved: the cheapest way to learn from {rows} rows",
        rows=f"{facts.rows:,}",
    )


def check(params: Params, layers: int) -> None:
    """Raise NotSupported when the layer does not exist in a base of *layers* layers."""
    if params.layer is not None and params.layer > layers:
        raise NotSupported(
            f"the base has no layer {params.layer}", expected=f"0 to {layers}",
            do="set layer lower, or leave it out to have it chosen",
        )  # fmt: skip


def derive(context: Context, params: Params) -> Derivation:
    """Solve the head; raises NotSupported when the layer does not exist or can't be the last one of a model."""
    SUPPORTS.refuse("feature_extraction", context.task)
    trunk, reading = context.trunk, reading_of(context.task)
    check(params, trunk.layers)
    frozen = _choose(context, params)
    layer, pooling = int(frozen.layer or 0), str(frozen.pooling)
    model = trunk.truncated(layer)
    if model is None:
        raise NotSupported(
            f"layer {layer} of '{trunk.base.name}' can't be the last one of a model", do="leave layer out"
        )
    features = reading.features(trunk, context.inputs, layer, pooling, context.watch)
    targets = flat(reading.targets(context))
    weight, bias = solve_head(context.task, context.space, features, targets, float(frozen.l2 or 0.0))
    for parameter in model.parameters():
        parameter.requires_grad_(False)

    def from_store(inputs: Sequence[Input]) -> Array:
        return reading.rows(trunk, inputs, reading.features(trunk, inputs, layer, pooling) @ weight.T + bias)

    return Derivation(
        predictor=reading.predictor(reading.model(model, pooling, linear(weight, bias)), trunk),
        format=reading.format,
        frozen=frozen,
        trainable_parameters=weight.size + bias.size,
        trained=("head.weight", "head.bias"),
        from_store=from_store,
    )


def _choose(context: Context, params: Params) -> Params:
    """Fill in what *params* leaves open, by the loss on an inner fifth of the train rows; the strength for sets by the metric.

    Layer, then pooling, on few rows; then the strength on all; each from the last layer, the base's own pooling and a
    middle strength, so that equal ones go to those.
    """
    trunk, reading = context.trunk, reading_of(context.task)
    fit, held = inner_split(context.units, 0.2, context.seed)
    few = fit[:_SCREEN_ROWS], held[:_SCREEN_ROWS]
    ends = reading.ends(trunk)
    sets = context.task.target_kind in _OF_SETS
    strengths: tuple[float, ...] = WEAK_STRENGTHS if sets else STRENGTHS
    strengths = strengths if params.l2 is None else (params.l2,)
    pooling, middle = params.pooling or trunk.base.pooling, strengths[len(strengths) // 2]
    layer = _best(context, [(j, pooling, middle) for j in ends], few)[0] if params.layer is None else params.layer
    if params.pooling is None:
        pooling = _best(context, [(layer, how, middle) for how in reading.poolings(trunk)], few)[1]
    best = _best(context, [(layer, pooling, l2) for l2 in strengths], (fit, held), _lost if sets else None)
    return Params.model_validate(dict(zip(("layer", "pooling", "l2"), best)))


def _best(context: Context, options: list[_Option], rows: tuple[Ints, Ints], by: _By | None = None) -> _Option:
    """The option of least loss, or for which *by* is least; nothing is solved where there is only one."""
    by = by or _loss
    return min(options, key=lambda option: by(context, option, *rows)) if len(options) > 1 else options[0]


def _loss(context: Context, option: _Option, fit: Ints, held: Ints) -> float:
    """Mean loss on *held* of a head solved on *fit*: steadier than the metric where rows are few."""
    import torch

    outputs = torch.from_numpy(_outputs(context, option, fit, held))
    reading = reading_of(context.task)
    targets = reading.targets(context)
    stacked = reading.stack(outputs, reading.counts(context.trunk, [context.inputs[i] for i in held]))
    return float(context.task.loss(stacked, padded(targets[held])).mean())


def _lost(context: Context, option: _Option, fit: Ints, held: Ints) -> float:
    """The metric on *held* of a head solved on *fit*, less being better."""
    inputs = [context.inputs[i] for i in held]
    found = reading_of(context.task).rows(context.trunk, inputs, _outputs(context, option, fit, held))
    return -context.quality(found, held)


def _outputs(context: Context, option: _Option, fit: Ints, held: Ints) -> Array:
    """Outputs, a row for each thing answered, for *held* of a head solved on *fit*."""
    context.watch.check()
    layer, pooling, l2 = option
    trunk, reading = context.trunk, reading_of(context.task)
    targets = reading.targets(context)
    learnt, scored = ([context.inputs[i] for i in rows] for rows in (fit, held))
    features = reading.features(trunk, learnt, layer, pooling, context.watch)
    weight, bias = solve_head(context.task, context.space, features, flat(targets[fit]), l2)
    features = reading.features(trunk, scored, layer, pooling, context.watch)
    return (features @ weight.T + bias).astype(np.float32)
