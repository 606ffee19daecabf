"""Always the mean box of each label: what is right without looking at a single picture.

Source: the "zero rule" (Holte 1993) for boxes.

Trains: four numbers and a score for each label: the mean of its train boxes, and the share of pictures that hold one.

Shapes: boxes (labels, 6), in shares of the picture -> outputs (n,) of (labels, 6), in pixels.

Relations: :mod:`common_boxes` answers with boxes that occur; this one with one that may not occur at all.

>>> import numpy as np
>>> from hasei.engine.derivation import Context
>>> from hasei.tasks import open_task
>>> task = open_task("object_detection")
>>> toy = task.toy()
>>> space = task.space(toy.targets)
>>> context = Context(task, space, toy.inputs, task.encode(space, toy.targets), toy.targets, toy.inputs)
>>> derive(context, Params()).predictor.outputs(toy.inputs[:1])[0].shape
(2, 6)
"""

from __future__ import annotations

import numpy as np

from hasei.engine.derivation import Context, Derivation, Settings, Supports
from hasei.engine.frames import shares
from hasei.formats._box_predictors import ConstantBoxes

SUPPORTS = Supports(inputs=("image",), targets=("boxes",), bases=0)
CONSTANT = True
"""It answers every row the same: a study runs it first, and what does not beat it has learnt nothing."""


class Params(Settings):
    """There is nothing to set."""


def derive(context: Context, params: Params) -> Derivation:
    """Take the means."""
    SUPPORTS.refuse("mean_box", context.task)
    rows = shares(context.targets, context.inputs)
    found = []
    for label in range(context.space.width):
        boxes = np.concatenate([one[one[:, 0] == label, 1:] for one in rows]).astype(np.float64)
        if len(boxes):
            share = np.mean([bool((one[:, 0] == label).any()) for one in rows])
            found.append([label, *boxes.mean(0), share])
    predictor = ConstantBoxes(np.array(found, np.float32).reshape(-1, 6), context.space.width)
    return Derivation(predictor, "constant_boxes", params, predictor.boxes.size, ("boxes",))
