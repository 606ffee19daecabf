"""A linear model over TF-IDF features: ``model.safetensors`` (idf, weight, bias) and ``vectorizer.json`` (the terms).

Source: the features are described in :mod:`hasei.formats._ngrams`.

Shapes: ``idf`` (features,), ``weight`` (features, outputs), ``bias`` (outputs,), float32. ``vectorizer.json`` holds
``words`` and ``grams``, sorted; a feature's row is its place in ``words + grams``. Outputs are X @ weight + bias.

Relations: two ``TfidfVectorizer`` of scikit-learn with these vocabularies and this idf, side by side, and one matrix
product give the same outputs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hasei.formats import _folder
from hasei.formats._ngrams import LONGEST, TEXT_LIMIT, Vectoriser
from hasei.formats._predictors import LexicalPredictor
from hasei.ground import files
from hasei.ground.errors import BaseError

LIBRARY = "scikit-learn"

TENSORS = "model.safetensors"
TERMS = "vectorizer.json"
# How the terms were made: what a reader without hasei needs to know, and what this version can read.
_RECIPE = {
    "format": "lexical",
    "version": 1,
    "characters_read": TEXT_LIMIT,
    "normalisation": "NFKC, lower case",
    "words": {"analyzer": "word", "ngram_range": [1, 2], "token_pattern": r"(?u)\w+"},
    "grams": {"analyzer": "char_wb", "ngram_range": [2, LONGEST]},
    "weighting": {"sublinear_tf": True, "smooth_idf": True, "norm": "l2"},
}


def save(predictor: LexicalPredictor, folder: Path, base: Any = None) -> None:
    """Write *predictor* into *folder*; *base* is not needed."""
    tensors = {"idf": predictor.vectoriser.idf, "weight": predictor.weight, "bias": predictor.bias}
    _folder.write_tensors(folder / TENSORS, tensors)
    write_terms(predictor.vectoriser, folder / TERMS)


def write_terms(vectoriser: Vectoriser, path: Path) -> None:
    """Write the terms of *vectoriser* and how they were made."""
    terms = {"recipe": _RECIPE, "words": list(vectoriser.words), "grams": list(vectoriser.grams)}
    files.write_json(path, terms, canonical=True)


def load(folder: Path, open_base: Callable[[], Any] | None = None) -> LexicalPredictor:
    """Read the predictor back; raises :class:`BaseError` when a file is missing, damaged or does not fit the other."""
    tensors = _folder.read_tensors(folder / TENSORS, ("idf", "weight", "bias"))
    words, grams = read_terms(folder / TERMS)
    features, shapes = len(words) + len(grams), [tensors[name].shape for name in ("idf", "weight", "bias")]
    if shapes != [(features,), (features, *shapes[2]), shapes[2]] or len(shapes[2]) != 1:
        raise BaseError(
            f"'{TENSORS}' and '{TERMS}' do not belong together",
            expected=f"weights for {features} terms",
            received=f"tensors of the shapes {', '.join(map(str, shapes))}",
            do="derive or download the model again",
        )
    return LexicalPredictor(Vectoriser(words, grams, tensors["idf"]), tensors["weight"], tensors["bias"])


def read_terms(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Read the words and n-grams back; raises :class:`BaseError` when they are damaged or of another version."""
    try:
        value = json.loads(_folder.read_bytes(path))
        words, grams = tuple(value["words"]), tuple(value["grams"])
        sound = all(isinstance(t, str) for t in words + grams) and all(len(g) <= LONGEST for g in grams)
    except (ValueError, KeyError, TypeError) as error:
        raise BaseError(f"'{path.name}' is damaged ({error})", do="derive or download the model again") from error
    if value.get("recipe") != _RECIPE or not sound or list(grams) != sorted(set(grams)):
        raise BaseError(
            f"'{path.name}' was made by another version of hasei or changed by hand", do="derive the model again"
        )
    return words, grams
