"""TF-IDF features of two texts compared: ``model.safetensors`` (idf, weight, bias) and ``vectorizer.json`` (the terms).

Shapes: ``idf`` (features,), ``weight`` (1, 1), ``bias`` (1,), float32; the output of a pair is weight * cosine of its
character n-grams + bias.

Relations: the files are those of :mod:`hasei.formats.lexical`, and so are the features.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hasei.formats import _folder
from hasei.formats._ngrams import Vectoriser
from hasei.formats._predictors import OverlapPredictor
from hasei.formats.lexical import TENSORS, TERMS, read_terms, write_terms
from hasei.ground.errors import BaseError

LIBRARY = "scikit-learn"


def save(predictor: OverlapPredictor, folder: Path, base: Any = None) -> None:
    """Write *predictor* into *folder*; *base* is not needed."""
    tensors = {"idf": predictor.vectoriser.idf, "weight": predictor.weight, "bias": predictor.bias}
    _folder.write_tensors(folder / TENSORS, tensors)
    write_terms(predictor.vectoriser, folder / TERMS)


def load(folder: Path, open_base: Callable[[], Any] | None = None) -> OverlapPredictor:
    """Read the predictor back; raises :class:`BaseError` when a file is missing, damaged or does not fit the other."""
    tensors = _folder.read_tensors(folder / TENSORS, ("idf", "weight", "bias"))
    words, grams = read_terms(folder / TERMS)
    if tensors["idf"].shape != (len(words) + len(grams),) or tensors["weight"].size != 1 or tensors["bias"].size != 1:
        raise BaseError(
            f"'{TENSORS}' and '{TERMS}' do not belong together", expected=f"weights for {len(words) + len(grams)} terms",
            do="derive or download the model again",
        )  # fmt: skip
    return OverlapPredictor(Vectoriser(words, grams, tensors["idf"]), tensors["weight"], tensors["bias"])
