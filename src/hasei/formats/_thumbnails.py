"""Tiny grey thumbnails of pictures as features, and a linear head on them.

Shapes: n pictures, side s -> features (n, s * s) of mean 0 and variance 1 within each picture; outputs (n, width).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.inputs.pictures import open_picture
from hasei.inputs.pictures.place import as_picture
from hasei.tasks import Array, Floats

LEAST_SPREAD = 0.01
"""Of grey from 0 to 1: a picture of one colour has features of nothing, not of noise."""


def thumbnails(inputs: Sequence[Input], side: int, watch: Watch | None = None) -> Floats:
    """Return the features (n, side * side), float32, of the pictures *inputs*."""
    from PIL.Image import Resampling

    found = np.empty((len(inputs), side * side), np.float32)
    for i, value in enumerate(inputs):
        if watch is not None and i % 50 == 0:
            watch.check()
        image = open_picture(as_picture(value)).convert("L").resize((side, side), Resampling.BOX)
        grey = np.asarray(image, np.float32).ravel() / 255
        found[i] = (grey - grey.mean()) / max(float(grey.std()), LEAST_SPREAD)
    return found


@dataclass
class PixelPredictor:
    """Answers pictures by their thumbnails of *side* x *side*: weight (side * side, width), bias (width,)."""

    side: int
    weight: Array
    bias: Array
    width: int = field(init=False)

    def __post_init__(self) -> None:
        self.width = len(self.bias)

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the outputs (n, width), float32; a row's do not hang on the rows beside it."""
        features = thumbnails(inputs, self.side, watch).astype(np.float64)
        sums = np.einsum("nf,fw->nw", features, self.weight.astype(np.float64))
        return np.asarray(sums + self.bias, np.float32)
