"""Rows to look answers up in: ``rows.json`` (prompt, answer), ``model.safetensors`` (idf) and ``vectorizer.json`` (the terms).

Source: the features are described in :mod:`hasei.formats._ngrams`.

Shapes: ``idf`` (features,), float32; a prompt gets the answer of the row whose features have the largest cosine with its own.

Relations: the files of terms are those of :mod:`hasei.formats.lexical`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hasei.formats import _folder
from hasei.formats._ngrams import Vectoriser
from hasei.formats._predictors import NearestAnswerPredictor
from hasei.formats.lexical import TENSORS, TERMS, read_terms, write_terms
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json

LIBRARY = "scikit-learn"
_ROWS = "rows.json"


def save(predictor: NearestAnswerPredictor, folder: Path, base: Any = None) -> None:
    """Write *predictor* into *folder*; *base* is not needed."""
    _folder.write_tensors(folder / TENSORS, {"idf": predictor.vectoriser.idf})
    write_terms(predictor.vectoriser, folder / TERMS)
    write_json(folder / _ROWS, [list(row) for row in predictor.rows], canonical=True)


def load(folder: Path, open_base: Callable[[], Any] | None = None) -> NearestAnswerPredictor:
    """Read the predictor back; raises :class:`BaseError` when a file is missing, damaged or does not fit the other."""
    idf = _folder.read_tensors(folder / TENSORS, ("idf",))["idf"]
    words, grams = read_terms(folder / TERMS)
    if idf.shape != (len(words) + len(grams),):
        raise BaseError(
            f"'{TENSORS}' and '{TERMS}' do not belong together", expected=f"weights for {len(words) + len(grams)} terms",
            do="derive or download the model again",
        )  # fmt: skip
    try:
        rows = tuple((str(prompt), str(answer)) for prompt, answer in json.loads(_folder.read_bytes(folder / _ROWS)))
    except (ValueError, TypeError) as error:
        raise BaseError(f"'{_ROWS}' is damaged ({error})", do="derive or download the model again") from error
    if not rows:
        raise BaseError(f"'{_ROWS}' holds no rows", do="derive or download the model again")
    return NearestAnswerPredictor(Vectoriser(words, grams, idf), rows)
