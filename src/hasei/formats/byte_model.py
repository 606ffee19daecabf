"""Counts of bytes after the bytes before them: ``model.safetensors`` with ``keys_K`` (uint64) and ``counts_K`` for each length K.

Shapes: ``keys_K`` holds K bytes before a byte and that byte, sorted, the earliest byte highest; ``counts_K`` float32 how
often they stood. A document's outputs (2,) are mean nats a symbol, and symbols (bytes and one for the end).

Relations: with no byte before (K = 0) this is the shares of bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hasei.formats import _folder
from hasei.formats._bytes import LONGEST, BytePredictor
from hasei.ground.errors import BaseError
from hasei.tasks import Array

LIBRARY = "safetensors"
_FILE = "model.safetensors"


def save(predictor: BytePredictor, folder: Path, base: Any = None) -> None:
    """Write *predictor* into *folder*; *base* is not needed."""
    tensors: dict[str, Array] = {f"keys_{k}": keys for k, keys in enumerate(predictor.keys)}
    tensors |= {f"counts_{k}": counts for k, counts in enumerate(predictor.counts)}
    _folder.write_tensors(folder / _FILE, tensors)


def load(folder: Path, open_base: Callable[[], Any] | None = None) -> BytePredictor:
    """Read the predictor back; raises :class:`BaseError` when the file is missing or damaged."""
    tensors = _folder.read_tensors(folder / _FILE, ("counts_0",))
    order = sum(name.startswith("counts_") for name in tensors) - 1
    pairs = [(tensors.get(f"keys_{k}"), tensors.get(f"counts_{k}")) for k in range(order + 1)]
    keys = tuple(k for k, c in pairs if k is not None and c is not None and k.dtype == np.uint64 and k.shape == c.shape)
    if len(keys) != order + 1 or order > LONGEST or not all(len(k) for k in keys):
        raise BaseError(f"'{_FILE}' does not hold this model", expected="keys and counts", do="derive it again")
    return BytePredictor(keys, tuple(np.asarray(c, np.float32) for _, c in pairs))
