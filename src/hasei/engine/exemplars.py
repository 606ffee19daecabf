"""Which few rows of a stage are kept for later ones: those whose mean lies nearest to that of all, or any.

Source: herding: Welling 2009; Rebuffi et al. 2017, "iCaRL: incremental classifier and representation learning"; at random:
Chaudhry et al. 2019, "On tiny episodic memories in continual learning".
Shapes: features (n, f) -> places (count,), the most telling first.
"""

from __future__ import annotations

import numpy as np

from hasei.engine.batching import Ints
from hasei.tasks import Array


def herded(features: Array, count: int) -> Ints:
    """Return *count* rows, each chosen so that the mean of those so far comes nearest to the mean of all; of unit length."""
    rows = np.asarray(features, np.float64)
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    middle, total, free = rows.mean(0), np.zeros(rows.shape[1]), np.ones(len(rows), np.bool_)
    chosen = []
    for number in range(1, min(count, len(rows)) + 1):
        away = np.square(middle - (total + rows) / number).sum(1)
        best = int(np.where(free, away, np.inf).argmin())
        free[best], total = False, total + rows[best]
        chosen.append(best)
    return np.asarray(chosen, np.int64)


def drawn(rows: int, count: int, seed: int) -> Ints:
    """Return *count* of *rows* rows at random."""
    return np.random.default_rng(seed).permutation(rows)[:count].astype(np.int64)


__all__ = ["drawn", "herded"]
