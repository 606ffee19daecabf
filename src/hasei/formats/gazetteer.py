"""A list of entities: ``gazetteer.json`` has their pieces, ``model.safetensors`` number of the label and share of each.

Source: none; plain JSON and tensors that anything reads.
Shapes: ``label`` and ``share`` (e,) float32 of e entries -> outputs of a row (p, 2 + width) over its p pieces.
Relations: written for :mod:`hasei.baselines.gazetteer`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hasei.formats import _folder
from hasei.formats._gazetteer import GazetteerPredictor
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json

LIBRARY = "safetensors"
_ENTRIES, _TENSORS = "gazetteer.json", "model.safetensors"


def save(predictor: GazetteerPredictor, folder: Path, base: Any = None) -> None:
    """Write *predictor* into *folder*; *base* is not needed."""
    _folder.write_tensors(folder / _TENSORS, {"label": predictor.label, "share": predictor.share})
    entries = [list(entry) for entry in predictor.entries]
    write_json(folder / _ENTRIES, {"width": predictor.width, "entries": entries}, canonical=True)


def load(folder: Path, open_base: Callable[[], Any] | None = None) -> GazetteerPredictor:
    """Read the predictor back; raises :class:`BaseError` when a file is missing, damaged or does not fit the other."""
    tensors = _folder.read_tensors(folder / _TENSORS, ("label", "share"))
    try:
        value = json.loads(_folder.read_bytes(folder / _ENTRIES))
        width, entries = int(value["width"]), tuple(tuple(map(str, entry)) for entry in value["entries"])
    except (ValueError, KeyError, TypeError) as error:
        raise BaseError(f"'{_ENTRIES}' is damaged ({error})", do="derive or download the model again") from error
    label, share = tensors["label"], tensors["share"]
    fits = label.shape == share.shape == (len(entries),) and all(entries)
    if not fits or not ((label >= 0) & (2 * label + 2 < width) & (share > 0) & (share < 1)).all():
        raise BaseError(
            f"'{_TENSORS}' and '{_ENTRIES}' do not belong together", expected=f"a label and a share for {len(entries)} entries",
            do="derive or download the model again",
        )  # fmt: skip
    return GazetteerPredictor(entries, label, share, width)
