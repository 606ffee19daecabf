"""TF-IDF features of a question and its choices compared: ``model.safetensors`` and ``vectorizer.json``.

Shapes: ``idf`` (features,), ``weight`` (1, 1), ``bias`` (1,), float32; the score of a choice is weight * cosine of the
character n-grams of question and choice + bias.

Relations: the files are those of :mod:`hasei.formats.lexical_overlap`; here a row is several pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hasei.engine.choosing import ChoicePredictor
from hasei.formats import lexical_overlap

LIBRARY = "scikit-learn"


def save(predictor: ChoicePredictor, folder: Path, base: Any = None) -> None:
    """Write *predictor* into *folder*; *base* is not needed."""
    lexical_overlap.save(predictor.pairs, folder)  # type: ignore[arg-type]


def load(folder: Path, open_base: Callable[[], Any] | None = None) -> ChoicePredictor:
    """Read the predictor back; raises :class:`BaseError` when a file is missing, damaged or does not fit the other."""
    return ChoicePredictor(lexical_overlap.load(folder))
