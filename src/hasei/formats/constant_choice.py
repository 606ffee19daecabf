"""The same place for every row of choices: ``model.safetensors`` with one tensor ``value`` (places,), float32.

Shapes: ``value`` (k,), the score of each place; a row of fewer choices has the first of them, further places the least.

Relations: :mod:`hasei.formats.constant` for rows whose answers are the same classes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hasei.engine.choosing import PositionPredictor
from hasei.formats import constant
from hasei.formats._predictors import ConstantPredictor

LIBRARY = "safetensors"


def save(predictor: PositionPredictor, folder: Path, base: Any = None) -> None:
    """Write *predictor* into *folder*; *base* is not needed."""
    constant.save(ConstantPredictor(predictor.value), folder)


def load(folder: Path, open_base: Callable[[], Any] | None = None) -> PositionPredictor:
    """Read the predictor back; raises :class:`BaseError` when the file is missing or damaged."""
    return PositionPredictor(constant.load(folder).value)
