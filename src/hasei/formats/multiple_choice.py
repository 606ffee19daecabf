"""A whole model that gives a pair of question and choice one number: sentence-transformers modules, as for pooled models.

``SentenceTransformer(folder).encode([(question, choice) for choice in choices])[:, 0]`` are hasei's own scores of the
choices; the highest is the answer, and their softmax the confidence.

Relations: the files are those of :mod:`hasei.formats.sentence_transformers`; here a row is several pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hasei.engine.choosing import ChoicePredictor
from hasei.formats import sentence_transformers
from hasei.inputs.base import Base

LIBRARY = "sentence-transformers"


def save(predictor: ChoicePredictor, folder: Path, base: Base | None) -> None:
    """Write *predictor* into the empty *folder*; tokenizer files come from *base*."""
    sentence_transformers.save(predictor.pairs, folder, base)  # type: ignore[arg-type]


def load(folder: Path, open_base: Callable[[], Base]) -> ChoicePredictor:
    """Load what :func:`save` wrote; the parent base is not needed."""
    return ChoicePredictor(sentence_transformers.load(folder, open_base))
