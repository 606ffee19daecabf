"""The same answer for every row, wherever it stands: ``answer.json`` with ``text`` ("" for none), and ``model.safetensors``.

Shapes: ``value`` (1,) float32, the log share of the rows that have it; outputs (n,) of lists with one answer [text, value].

Relations: :mod:`hasei.formats.constant` for rows whose answers are classes or numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hasei.engine.spans import ConstantAnswer
from hasei.formats import _folder, constant
from hasei.formats._predictors import ConstantPredictor
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json

LIBRARY = "safetensors"
_FILE = "answer.json"


def save(predictor: ConstantAnswer, folder: Path, base: Any = None) -> None:
    """Write *predictor* into *folder*; *base* is not needed."""
    constant.save(ConstantPredictor(np.array([predictor.score], np.float32)), folder)
    write_json(folder / _FILE, {"text": predictor.text}, canonical=True)


def load(folder: Path, open_base: Callable[[], Any] | None = None) -> ConstantAnswer:
    """Read the predictor back; raises :class:`BaseError` when a file is missing or damaged."""
    score = float(constant.load(folder).value[0])
    try:
        text = json.loads(_folder.read_bytes(folder / _FILE))["text"]
    except (ValueError, KeyError, TypeError) as error:
        raise BaseError(f"'{_FILE}' is damaged ({error})", do="derive or download the model again") from error
    return ConstantAnswer(str(text), score)
