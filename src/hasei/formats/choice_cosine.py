"""A base whose features of a question and of its choices are compared: sentence-transformers modules and ``similarity.json``.

``model = SentenceTransformer(folder)``; hasei's score of a choice is ``weight * model.similarity(question, choices)`` of the
encoded texts, with the weight from ``similarity.json``.

Relations: the files are those of :mod:`hasei.formats.bi_encoder`; here a row is several pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hasei.engine.choosing import ChoicePredictor
from hasei.formats import bi_encoder
from hasei.inputs.base import Base

LIBRARY = "sentence-transformers"


def save(predictor: ChoicePredictor, folder: Path, base: Base | None) -> None:
    """Write *predictor* into the empty *folder*; tokenizer files come from *base*."""
    bi_encoder.save(predictor.pairs, folder, base)  # type: ignore[arg-type]


def load(folder: Path, open_base: Callable[[], Base]) -> ChoicePredictor:
    """Load what :func:`save` wrote; the parent base is not needed. Raises BaseError where a part is missing or damaged."""
    return ChoicePredictor(bi_encoder.load(folder, open_base))
