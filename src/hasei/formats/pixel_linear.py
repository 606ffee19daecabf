"""A linear head on tiny grey thumbnails: ``model.safetensors`` (weight, bias), float32.

Shapes: ``weight`` (side * side, width), ``bias`` (width,). The features of a picture are its grey thumbnail of side x side, less
its mean and divided by its deviation; side is the square root of the rows of ``weight``.

Relations: :mod:`hasei.formats.lexical` for pictures; Pillow and numpy reproduce it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hasei.formats import _folder
from hasei.formats._thumbnails import PixelPredictor
from hasei.ground.errors import BaseError

LIBRARY = "pillow"

_TENSORS = "model.safetensors"


def save(predictor: PixelPredictor, folder: Path, base: Any = None) -> None:
    """Write *predictor* into *folder*; *base* is not needed."""
    _folder.write_tensors(folder / _TENSORS, {"weight": predictor.weight, "bias": predictor.bias})


def load(folder: Path, open_base: Callable[[], Any] | None = None) -> PixelPredictor:
    """Read the predictor back; raises :class:`BaseError` when the file is missing or damaged."""
    tensors = _folder.read_tensors(folder / _TENSORS, ("weight", "bias"))
    weight, bias = tensors["weight"], tensors["bias"]
    side = math.isqrt(weight.shape[0]) if weight.ndim == 2 else 0
    if side < 1 or side * side != weight.shape[0] or bias.shape != weight.shape[1:]:
        raise BaseError(
            f"'{_TENSORS}' does not hold this model", expected="weights for a square thumbnail",
            received=f"tensors of shapes {weight.shape} and {bias.shape}", do="derive or download the model again",
        )  # fmt: skip
    return PixelPredictor(side, weight, bias)
