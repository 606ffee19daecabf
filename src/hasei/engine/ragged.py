"""Outputs that are not one vector a row: arrays of objects, one a row, that travel wherever arrays of outputs do.

Shapes: n rows. Even outputs are float32 (n, w). Ragged ones are an object array (n,) whose items are either float arrays
(t, w), t differing from row to row, or plain JSON (a text with its score, a ranked list). Targets are the same: (n, ...),
or an object array of arrays (t, ...).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hasei.tasks import Array, Floats

if TYPE_CHECKING:
    import torch

IGNORED = -100
"""Fills padded targets; no loss counts it."""


def ragged(items: Sequence[Any]) -> Array:
    """Return the object array (n,) of *items*, whatever their shapes."""
    found = np.empty(len(items), object)
    for i, item in enumerate(items):
        found[i] = item
    return found


def is_ragged(outputs: Array) -> bool:
    """Whether *outputs* hold one object a row."""
    return outputs.dtype == object


def flat(values: Array) -> Array:
    """Return all places of all rows one after the other (m, ...); even values as they are."""
    if not is_ragged(values):
        return values
    return np.concatenate(list(values)) if len(values) else np.empty(0, np.float32)


def split(places: Array, counts: Sequence[int]) -> Array:
    """Return *places* (m, ...) parted into rows of *counts* places each, as an object array (n,)."""
    return ragged(np.split(places, np.cumsum(counts)[:-1]) if len(counts) else [])


def padded(values: Array) -> torch.Tensor:
    """Return targets as the loss reads them: ragged ones (n, longest, ...) filled up with :data:`IGNORED`."""
    import torch

    if not is_ragged(values):
        return torch.from_numpy(np.ascontiguousarray(values))
    longest = max((len(v) for v in values), default=0)
    first = np.asarray(values[0])
    out = np.full((len(values), longest, *first.shape[1:]), IGNORED, first.dtype)
    for i, value in enumerate(values):
        out[i, : len(value)] = value
    return torch.from_numpy(out)


def finite(outputs: Array) -> bool:
    """Whether all numbers among *outputs* are finite."""
    if not is_ragged(outputs):
        return bool(np.isfinite(outputs).all())
    return all(np.isfinite(o).all() if isinstance(o, np.ndarray) else _finite(o) for o in outputs)


def _finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return all(map(_finite, value)) if isinstance(value, (list, tuple)) else True


def difference(one: Array, other: Array) -> float:
    """Largest absolute difference of two arrays of outputs, 0 for no rows; infinite where shapes or texts differ."""
    if not is_ragged(one):
        return float(np.abs(one - other).max(initial=0.0))
    return max((_apart(a, b) for a, b in zip(one, other, strict=True)), default=0.0)


def _apart(one: Any, other: Any) -> float:
    if isinstance(one, (np.ndarray, float, int)):
        a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
        return float(np.abs(a - b).max(initial=0.0)) if a.shape == b.shape else math.inf
    if isinstance(one, (list, tuple)) and len(one) == len(other):
        return max((_apart(a, b) for a, b in zip(one, other)), default=0.0)
    return 0.0 if one == other else math.inf


def pack(outputs: Array) -> tuple[dict[str, torch.Tensor], Any]:
    """Return *outputs* as tensors and plain JSON, for a checkpoint; :func:`unpack` gives them back."""
    import torch

    if not is_ragged(outputs):
        return {"outputs": torch.from_numpy(np.ascontiguousarray(outputs))}, None
    if all(isinstance(o, np.ndarray) for o in outputs):
        places = np.ascontiguousarray(flat(outputs))
        return {"outputs": torch.from_numpy(places)}, {"counts": [len(o) for o in outputs]}
    return {"outputs": torch.zeros(0)}, {"items": json.loads(json.dumps(list(outputs)))}


def unpack(tensors: dict[str, torch.Tensor], layout: Any) -> Array:
    """Return the outputs that :func:`pack` was given."""
    values: Floats = tensors["outputs"].numpy()
    if layout is None:
        return values
    return ragged(layout["items"]) if "items" in layout else split(values, layout["counts"])
