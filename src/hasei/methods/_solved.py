"""The body that methods with a head solved from sums share: which head, how strong its penalty, how sharp its outputs.

Classes get a discriminant (one covariance, each class its mean), other targets least squares. The outputs of either order rows
well but are no log probabilities as they stand; one number, the *sharpness*, makes them such.

Relations: the sums are :class:`hasei.engine.moments.Moments`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from hasei.engine.batching import Ints
from hasei.engine.derivation import Context
from hasei.engine.moments import Doubles, Kind, Moments, one_hot
from hasei.engine.readings import reading_of
from hasei.engine.splits import inner_split
from hasei.tasks import Array, Floats

STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
SHARPNESS = (0.03, 0.06, 0.12, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass(frozen=True)
class Solved:
    """What was chosen: the features' *layer* and *pooling*; *l2*, what is added to the scatter; the *sharpness*."""

    layer: int
    pooling: str
    l2: float
    sharpness: float


def kind_of(target_kind: str) -> Kind:
    """Return which head targets of *target_kind* get."""
    return "discriminant" if target_kind == "category" else "ridge"


def absent_of(target_kind: str) -> float:
    """Return the target of an output that does not hold for a row."""
    return -1.0 if target_kind == "categories" else 0.0


def targets_of(context: Context) -> Doubles:
    """Return the targets (n, w) as sums read them: 1 and 0 of classes, 1 and -1 of labels, numbers on the space's scale."""
    kind = context.task.target_kind
    if kind == "category":
        return one_hot(context.targets, context.space.width)
    if kind == "categories":
        return np.asarray(context.targets, np.float64) * 2 - 1
    extra = dict(context.space.extra)
    if not extra:
        return np.asarray(context.targets, np.float64).reshape(-1, 1)
    # Not as encoded: those are rounded to 32 bits on a scale that hangs on the rows.
    return (np.asarray(context.truth, np.float64)[:, None] - extra["mean"]) / extra["deviation"]


def features_of(context: Context, layer: int, pooling: str, rows: Sequence[int] | Ints | None = None) -> Floats:
    """Return the features (n, f) of the rows *rows* of *context*, of all without."""
    inputs = context.inputs if rows is None else [context.inputs[i] for i in rows]
    return reading_of(context.task).features(context.trunk, inputs, layer, pooling, context.watch)


def sums(context: Context, features: Array, targets: Array, forget: float = 1.0) -> Moments:
    """Return the sums over rows of *features* (n, f) and *targets* (n, w)."""
    found = Moments.empty(features.shape[1], targets.shape[1], absent_of(context.task.target_kind))
    found.learn(features, targets, forget)
    return found


def choose(
    context: Context, rows: Ints, *, layer: int | None, pooling: str | None, l2: float | None, sharpness: float | None
) -> Solved:
    """Fill in what is None by the loss on an inner fifth of *rows*: the layer, then the pooling, then strength and sharpness."""
    trunk, reading = context.trunk, reading_of(context.task)
    parts = inner_split([context.units[i] for i in rows], 0.2, context.seed) if len(rows) > 1 else (np.arange(1),) * 2
    fit, held = (np.asarray(rows)[part] for part in parts)
    how = pooling or trunk.base.pooling
    sharps = _sharps(context, sharpness)
    layers = reading.ends(trunk) if layer is None else [layer]
    if len(layers) > 1:
        layer = min(layers, key=lambda one: _best(context, fit, held, one, how, l2, sharps, STRENGTHS[1:2])[0])
    layer = layers[0] if layer is None else layer
    poolings = reading.poolings(trunk) if pooling is None else (pooling,)
    if len(poolings) > 1:
        how = min(poolings, key=lambda one: _best(context, fit, held, layer, one, l2, sharps, STRENGTHS[1:2])[0])
    if l2 is not None and len(sharps) == 1:
        return Solved(layer, how, l2, sharps[0])
    _, penalty, sharp = _best(context, fit, held, layer, how, l2, sharps, STRENGTHS)
    return Solved(layer, how, penalty, sharp)


def penalty_of(features: Array, rows: float) -> float:
    """Return the penalty that weighs as much as *rows* rows of the variance of *features* (n, f)."""
    return rows * max(float(np.var(np.asarray(features, np.float64), axis=0).mean()), 1e-12)


def _sharps(context: Context, given: float | None) -> tuple[float, ...]:
    if context.task.target_kind == "number":
        return (1.0,)
    return SHARPNESS if given is None else (given,)


def _best(
    context: Context, fit: Ints, held: Ints, layer: int, pooling: str, l2: float | None, sharps: Sequence[float],
    strengths: Sequence[float],
) -> tuple[float, float, float]:  # fmt: skip
    """Return the least loss on *held* of heads solved on *fit*, and the penalty and sharpness that give it."""
    context.watch.check()
    features, targets = features_of(context, layer, pooling, fit), targets_of(context)
    penalties = [penalty_of(features, strength) for strength in strengths] if l2 is None else [l2]
    moments = sums(context, features, targets[fit])
    scored = features_of(context, layer, pooling, held).astype(np.float64)
    truth, options = torch.from_numpy(context.targets[held]), []
    for penalty in penalties:
        weight, bias = moments.solve(kind_of(context.task.target_kind), penalty)
        outputs = torch.from_numpy(scored @ weight.T + bias)
        for sharp in sharps:
            loss = float(context.task.loss((outputs * sharp).float(), truth).mean())
            options.append((loss if np.isfinite(loss) else np.inf, penalty, sharp))
    return min(options)
