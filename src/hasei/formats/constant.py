"""The same answer for every row: ``model.safetensors`` with one tensor ``value`` (outputs,), float32.

Source: none; it is the answer of somebody who never reads the question.

Shapes: ``value`` (width,) -> outputs (n, width), every row the same.

Relations: the bias of :mod:`hasei.formats.lexical` without any features.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hasei.formats import _folder
from hasei.formats._predictors import ConstantPredictor
from hasei.ground.errors import BaseError

LIBRARY = "safetensors"

_TENSORS = "model.safetensors"


def save(predictor: ConstantPredictor, folder: Path, base: Any = None) -> None:
    """Write *predictor* into *folder*; *base* is not needed."""
    _folder.write_tensors(folder / _TENSORS, {"value": predictor.value})


def load(folder: Path, open_base: Callable[[], Any] | None = None) -> ConstantPredictor:
    """Read the predictor back; raises :class:`BaseError` when the file is missing or damaged."""
    value = _folder.read_tensors(folder / _TENSORS, ("value",))["value"]
    if value.ndim != 1 or not len(value):
        raise BaseError(
            f"'{_TENSORS}' does not hold this model",
            expected="one output per class or number",
            received=f"a tensor of shape {value.shape}",
            do="derive or download the model again",
        )
    return ConstantPredictor(value)
