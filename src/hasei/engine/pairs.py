"""Pairs of texts as arrays: their different texts, the cosines of two sides, and the line that makes outputs of cosines.

Shapes: n pairs of t different texts; features (t, h). Relations: :mod:`hasei.engine.apart` reads the texts with a base; nothing
here needs one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hasei.engine.batching import Ints
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats


def line(cosines: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Return the rising line of least squares from *cosines* (n,) to *targets* (n,): weight (1, 1), bias (1,)."""
    spread = float(np.var(cosines))
    slope = float(np.mean((cosines - cosines.mean()) * (targets - targets.mean()))) / spread if spread > 0 else 0.0
    slope = max(slope, 1e-3)
    bias = float(targets.mean() - slope * cosines.mean())
    return np.array([[slope]], np.float32), np.array([bias], np.float32)


def cosines(features: Floats, first: Ints, second: Ints) -> Floats:
    """Return the cosines (n,) of the rows *first* and *second* (n,) of *features* (t, h)."""
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    return np.asarray((unit[first] * unit[second]).sum(1), np.float32)


def sides(inputs: Sequence[Input]) -> tuple[list[Input], Ints, Ints]:
    """Return the different texts of *inputs* (n pairs), and which of them are the first (n,) and the second (n,) ones."""
    place: dict[Input, int] = {}
    indices = [[place.setdefault(pair[side], len(place)) for pair in inputs] for side in (0, 1)]
    return list(place), np.array(indices[0], np.int64), np.array(indices[1], np.int64)
