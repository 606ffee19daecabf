"""Bottleneck adapters of a base of pictures, beside it: their two files, the linear head in ``head.safetensors``.

``AutoModelForImageClassification.from_pretrained(base)`` with the adapters on its layers (see :mod:`hasei.formats._bottleneck`)
and the head as its last linear layer, whose path is ``place`` in ``head.json``, gives hasei's own outputs.

Shapes: pixels (b, 3, height, width) -> outputs (b, labels).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hasei.engine.native import PictureModel, load_native
from hasei.engine.pixels import PicturePredictor, Preparer
from hasei.formats import _bottleneck
from hasei.formats._tokens import read_head, write_head
from hasei.ground.files import write_json
from hasei.inputs.base import Base

LIBRARY = "transformers"
_PREPARES = "preprocessor_config.json"
_INSIDE = "native."


def save(predictor: PicturePredictor, folder: Path, base: Base | None) -> None:
    """Write the adapters of *predictor* and its head into the empty *folder*."""
    if base is None:
        raise ValueError("an adapter is derived from a base")
    trunk: Any = predictor.model.trunk
    _bottleneck.write(trunk, folder, base, _INSIDE)
    write_head(folder, predictor.model.head)
    write_json(folder / "head.json", {"place": trunk.place})
    shutil.copyfile(base.folder / _PREPARES, folder / _PREPARES)


def load(folder: Path, open_base: Callable[[], Base]) -> PicturePredictor:
    """Load what :func:`save` wrote onto the parent base; raises BaseError when the adapters do not fit it."""
    head, base = read_head(folder), open_base()
    trunk = _bottleneck.read(folder, base, load_native(base)[0], _INSIDE)
    return PicturePredictor(PictureModel(trunk, "own", head), Preparer(base))
