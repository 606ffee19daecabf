"""The same text for every row: ``answer.json``, an object with one key ``answer``.

Shapes: any rows -> that text once for each.

Relations: :mod:`hasei.formats.constant` is the same for numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hasei.formats import _folder
from hasei.formats._predictors import ConstantTextPredictor
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json

LIBRARY = "json"
_FILE = "answer.json"


def save(predictor: ConstantTextPredictor, folder: Path, base: Any = None) -> None:
    """Write *predictor* into *folder*; *base* is not needed."""
    write_json(folder / _FILE, {"answer": predictor.text})


def load(folder: Path, open_base: Callable[[], Any] | None = None) -> ConstantTextPredictor:
    """Read the predictor back; raises :class:`BaseError` when the file is missing or damaged."""
    try:
        text = json.loads(_folder.read_bytes(folder / _FILE))["answer"]
    except (ValueError, KeyError, TypeError) as error:
        raise BaseError(f"'{_FILE}' is damaged ({error})", do="derive or download the model again") from error
    return ConstantTextPredictor(str(text))
