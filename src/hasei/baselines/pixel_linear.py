"""A linear head on a tiny grey thumbnail of each picture: what can be told without having learnt to see.

Source: the linear classifier of LeCun et al. 1998, "Gradient-based learning applied to document recognition".

Trains: one weight per grey pixel and output, and a bias; no base model. The strength of the penalty is chosen by the loss on an
inner fifth of the train rows (whole units).

Shapes: thumbnails (n, side * side), weight (side * side, width), bias (width,).

Relations: ``feature_extraction`` is this with the features of a base; what it gains is what the base has learnt to see.

>>> from hasei.engine.derivation import Context
>>> from hasei.tasks import open_task
>>> task = open_task("image_classification")
>>> toy = task.toy()
>>> space = task.space(toy.targets)
>>> units = [picture.content for picture in toy.inputs]
>>> context = Context(task, space, toy.inputs, task.encode(space, toy.targets), task.truth(toy.targets), units)
>>> derive(context, Params(l2=0.01)).predictor.outputs(toy.inputs[:2]).shape
(2, 3)
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Settings, Supports
from hasei.engine.splits import inner_split
from hasei.formats._thumbnails import PixelPredictor, thumbnails
from hasei.tasks import Array, Floats

SUPPORTS = Supports(inputs=("image",), targets=("category",), bases=0)
STRENGTHS = (1e-3, 1e-2, 3e-2, 1e-1)


class Params(Settings):
    """*side* of the thumbnail in pixels; *l2* is the weight of the squared norm of the weights, chosen where None."""

    side: int = Field(16, ge=4, le=64)
    l2: float | None = Field(None, gt=0, le=1e3)


def derive(context: Context, params: Params) -> Derivation:
    """Solve the head; the penalty that is left open is chosen on an inner fifth of the rows."""
    SUPPORTS.refuse("pixel_linear", context.task)
    features = thumbnails(context.inputs, params.side, context.watch)
    l2 = params.l2 or _choose(context, features)
    weight, bias = context.task.solve(features, context.targets, context.space, l2)
    predictor = PixelPredictor(params.side, np.ascontiguousarray(weight.T, np.float32), np.asarray(bias, np.float32))
    frozen = params.model_copy(update={"l2": l2})
    return Derivation(predictor, "pixel_linear", frozen, weight.size + bias.size, ("weight", "bias"))


def _choose(context: Context, features: Floats) -> float:
    fit, held = inner_split(context.units, 0.2, context.seed)
    return min(STRENGTHS, key=lambda l2: _loss(context, features, l2, fit, held))


def _loss(context: Context, features: Floats, l2: float, fit: Array, held: Array) -> float:
    """Mean loss on *held* of a head solved on *fit*."""
    import torch

    context.watch.check()
    weight, bias = context.task.solve(features[fit], context.targets[fit], context.space, l2)
    outputs = torch.from_numpy((features[held] @ weight.T + bias).astype(np.float32))
    return float(context.task.loss(outputs, torch.from_numpy(context.targets[held])).mean())
