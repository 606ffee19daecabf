"""The same entries for every question: ``model.safetensors`` with ``value`` (k,) float32, ``ranking.json`` with their ids.

Source: none; it is the answer of somebody who never reads the question.

Shapes: ``value`` (k,) -> outputs ragged (n,), every row the same.

Relations: :mod:`hasei.formats.constant` for outputs that are numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hasei.formats import _folder
from hasei.formats._bm25 import ConstantRanking
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json

LIBRARY = "safetensors"
_TENSORS, _IDS = "model.safetensors", "ranking.json"


def save(predictor: ConstantRanking, folder: Path, base: Any = None) -> None:
    """Write *predictor* into *folder*; *base* is not needed."""
    _folder.write_tensors(folder / _TENSORS, {"value": predictor.value})
    write_json(folder / _IDS, list(predictor.ids))


def load(folder: Path, open_base: Callable[[], Any] | None = None) -> ConstantRanking:
    """Read the predictor back; raises :class:`BaseError` when a file is missing or damaged."""
    value = _folder.read_tensors(folder / _TENSORS, ("value",))["value"]
    try:
        ids = tuple(map(str, json.loads(_folder.read_bytes(folder / _IDS))))
    except (ValueError, TypeError) as error:
        raise BaseError(f"'{_IDS}' is damaged", do="derive or download the model again") from error
    if value.shape != (len(ids),):
        raise BaseError(f"'{_TENSORS}' does not fit '{_IDS}'", do="derive or download the model again")
    return ConstantRanking(ids, value)
