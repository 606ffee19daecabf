"""What answers look like: ``looks.json`` (how usual looks and texts are, how rare words) and ``model.safetensors`` (weights).

Shapes: ``weight`` (6,) float32; the score of a candidate is the sum of its six facts times these. What a candidate and its facts
are is said in ``hasei.formats._pieces``.

Relations: a linear model, as :mod:`hasei.formats.lexical`; its rows are the candidates of one context.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hasei.formats import _folder
from hasei.formats._pieces import FACTS, Looks, ShapePredictor
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json

LIBRARY = "numpy"
_TENSORS, _LOOKS = "model.safetensors", "looks.json"


def save(predictor: ShapePredictor, folder: Path, base: Any = None) -> None:
    """Write *predictor* into *folder*; *base* is not needed."""
    _folder.write_tensors(folder / _TENSORS, {"weight": predictor.weight})
    looks = predictor.looks
    write_json(folder / _LOOKS, {
        "answers": looks.answers, "looks": looks.looks, "texts": looks.texts, "rarity": looks.rarity,
    }, canonical=True)  # fmt: skip


def load(folder: Path, open_base: Callable[[], Any] | None = None) -> ShapePredictor:
    """Read the predictor back; raises :class:`BaseError` when a file is missing or damaged."""
    weight = _folder.read_tensors(folder / _TENSORS, ("weight",))["weight"]
    try:
        found = json.loads(_folder.read_bytes(folder / _LOOKS))
        looked, texts = ({str(k): int(n) for k, n in found[part].items()} for part in ("looks", "texts"))
        looks = Looks(int(found["answers"]), looked, texts, {str(k): float(v) for k, v in found["rarity"].items()})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BaseError(f"'{_LOOKS}' is damaged ({error})", do="derive or download the model again") from error
    if weight.shape != (FACTS,):
        raise BaseError(f"'{_TENSORS}' does not hold this model", expected=f"{FACTS} weights", do="derive it again")
    return ShapePredictor(looks, weight)
