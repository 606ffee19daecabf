"""Always the few boxes of each label that most others overlap: where such things usually are, without looking.

Source: greedy cover (Johnson 1974) by an overlap of one half (Everingham et al. 2010).

Trains: up to ``boxes`` boxes and their scores for each label: the box that overlaps most others by half or more, then that
which overlaps most of the rest, and so on; the score is the share of pictures in which a box so covered is.

Shapes: boxes (q, 6), in shares of the picture -> outputs (n,) of (q, 6), in pixels.

Relations: :mod:`mean_box` answers with one box that may overlap none; both look at nothing.

>>> from hasei.engine.derivation import Context
>>> from hasei.tasks import open_task
>>> task = open_task("object_detection")
>>> toy = task.toy()
>>> space = task.space(toy.targets)
>>> context = Context(task, space, toy.inputs, task.encode(space, toy.targets), toy.targets, toy.inputs)
>>> derive(context, Params(boxes=2)).predictor.outputs(toy.inputs[:1])[0].shape
(4, 6)
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Settings, Supports
from hasei.engine.frames import shares
from hasei.formats._box_predictors import ConstantBoxes
from hasei.tasks import Array

SUPPORTS = Supports(inputs=("image",), targets=("boxes",), bases=0)
_LOOKED_AT = 1000


class Params(Settings):
    """*boxes*: how many to answer at most, of each label."""

    boxes: int = Field(3, ge=1, le=100)


def derive(context: Context, params: Params) -> Derivation:
    """Cover the boxes of each label, greedily."""
    SUPPORTS.refuse("common_boxes", context.task)
    rows = shares(context.targets, context.inputs)
    found: list[list[float]] = []
    for label in range(context.space.width):
        picture = np.repeat(np.arange(len(rows)), [int((one[:, 0] == label).sum()) for one in rows])
        boxes = np.concatenate([one[one[:, 0] == label, 1:] for one in rows]).astype(np.float64)
        step = max(1, len(boxes) // _LOOKED_AT)
        found += [[label, *row] for row in _cover(boxes[::step], picture[::step], len(rows), params.boxes)]
    predictor = ConstantBoxes(np.array(found, np.float32).reshape(-1, 6), context.space.width)
    return Derivation(predictor, "constant_boxes", params, predictor.boxes.size, ("boxes",))


def _cover(boxes: Array, picture: Array, pictures: int, most: int) -> list[list[float]]:
    """Return up to *most* of *boxes* (t, 4), each with its score, so that together they overlap as many as they can."""
    near = _overlaps(boxes) >= 0.5
    left = np.ones(len(boxes), bool)
    found: list[list[float]] = []
    while left.any() and len(found) < most:
        best = int((near & left).sum(1).argmax())
        covered = near[best] & left
        found.append([*boxes[best], len(np.unique(picture[covered])) / pictures])
        left &= ~near[best]
    return found


def _overlaps(boxes: Array) -> Array:
    """Intersection over union of all pairs of *boxes* (t, 4): (t, t)."""
    low, high = np.maximum(boxes[:, None, :2], boxes[None, :, :2]), np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    shared = (high - low).clip(0).prod(2)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    return np.asarray(shared / (area[:, None] + area[None] - shared))
