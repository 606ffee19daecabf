"""The same boxes in every picture: ``model.safetensors`` with one tensor ``boxes`` (q, 6), float32.

Source: none; it is the answer of somebody who never looks.

Shapes: ``boxes`` (q, 6): number of the label, left, top, right, bottom in shares of the picture, score.

Relations: :mod:`constant` for tasks whose answer is no set of boxes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hasei.formats import _folder
from hasei.formats._box_predictors import ConstantBoxes
from hasei.ground.errors import BaseError

LIBRARY = "safetensors"

_TENSORS = "model.safetensors"


def save(predictor: ConstantBoxes, folder: Path, base: Any = None) -> None:
    """Write *predictor* into *folder*; *base* is not needed."""
    width = np.array([predictor.width], np.float32)
    _folder.write_tensors(folder / _TENSORS, {"boxes": predictor.boxes, "labels": width})


def load(folder: Path, open_base: Callable[[], Any] | None = None) -> ConstantBoxes:
    """Read the predictor back; raises :class:`BaseError` when the file is missing or damaged."""
    tensors = _folder.read_tensors(folder / _TENSORS, ("boxes", "labels"))
    boxes = tensors["boxes"]
    if boxes.ndim != 2 or boxes.shape[1] != 6:
        raise BaseError(
            f"'{_TENSORS}' does not hold this model", expected="boxes of six numbers",
            received=f"a tensor of shape {boxes.shape}", do="derive or download the model again",
        )  # fmt: skip
    return ConstantBoxes(boxes, int(tensors["labels"][0]))
