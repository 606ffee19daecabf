"""Bottleneck adapters that give a pair of question and choice one number, beside their base.

The files are those of :mod:`hasei.formats.bottleneck`; here a row is several pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hasei.engine.choosing import ChoicePredictor
from hasei.formats import multiple_choice_adapter
from hasei.inputs.base import Base

LIBRARY = "transformers"


def save(predictor: ChoicePredictor, folder: Path, base: Base | None) -> None:
    """Write the adapters of *predictor* into the empty *folder*."""
    multiple_choice_adapter.save(predictor, folder, base)


def load(folder: Path, open_base: Callable[[], Base]) -> ChoicePredictor:
    """Load what :func:`save` wrote onto the parent base; raises BaseError when the adapters do not fit it."""
    return multiple_choice_adapter.load(folder, open_base)
