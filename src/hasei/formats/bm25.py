"""BM25 over entries: ``entries.jsonl``, ``vocabulary.json`` (terms in order) and ``model.safetensors``, no pickle anywhere.

Source: Lù 2024, "BM25S: Orders of magnitude faster lexical search via eager sparse scoring".

Shapes: data (z,) float32, indices (z,) int32, indptr (terms + 1,) int64: for each term the entries that hold it and its score
there, as ``bm25s.BM25.scores``.

Relations: :mod:`hasei.formats.retriever` keeps the features of entries instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hasei.formats import _folder
from hasei.formats._bm25 import Bm25Predictor
from hasei.formats._entries import read_entries, write_entries
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json

LIBRARY = "bm25s"
_TENSORS, _TERMS = "model.safetensors", "vocabulary.json"
_DO = "derive or download the model again"


def save(predictor: Bm25Predictor, folder: Path, base: Any = None) -> None:
    """Write *predictor* into *folder*; *base* is not needed."""
    _folder.write_tensors(folder / _TENSORS, {
        "data": predictor.data, "indices": predictor.indices.astype(np.int32), "indptr": predictor.indptr.astype(np.int64),
    })  # fmt: skip
    write_json(folder / _TERMS, {"entries": len(predictor.corpus), "terms": list(predictor.vocabulary)})
    write_entries(folder, predictor.corpus)


def load(folder: Path, open_base: Callable[[], Any] | None = None) -> Bm25Predictor:
    """Read the predictor back; raises :class:`BaseError` when a file is missing or damaged."""
    tensors = _folder.read_tensors(folder / _TENSORS, ("data",))
    try:
        found = json.loads(_folder.read_bytes(folder / _TERMS))
        terms, count = tuple(map(str, found["terms"])), int(found["entries"])
        indices, indptr = tensors["indices"], tensors["indptr"]
        sound = (
            len(indptr) == len(terms) + 1 and indptr[0] == 0 and indptr[-1] == len(indices) == len(tensors["data"])
            and (np.diff(indptr) >= 0).all() and (not len(indices) or 0 <= indices.min() <= indices.max() < count)
        )  # fmt: skip
    except (ValueError, LookupError, TypeError) as error:
        raise BaseError(f"'{_TERMS}' or '{_TENSORS}' is damaged", do=_DO) from error
    if not sound:
        raise BaseError(f"'{_TENSORS}' and '{_TERMS}' do not fit each other", do=_DO)
    return Bm25Predictor(read_entries(folder, count), terms, tensors["data"], indices, indptr)
