"""Metrics of answers that are numbers, quick enough for thousands of resamples.

Source: Pearson 1895; Spearman 1904 (the correlation of ranks, ties sharing their mean rank).
Shapes: n predicted and n true numbers; weights (d, n) say how often each row counts in each of d resamples.

Relations: equal to scipy's and scikit-learn's functions of the same names. A correlation where one side is constant is 0
here, not undefined: such answers tell nothing.

>>> round(pearson([1.0, 2.0, 4.0], [1.0, 2.0, 3.0]), 4)
0.982
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hasei.tasks import Floats, Metric


def squared(predicted: Sequence[Any], true: Sequence[Any]) -> Floats:
    """Squared errors (n,)."""
    return np.square(_floats(predicted) - _floats(true))


def absolute(predicted: Sequence[Any], true: Sequence[Any]) -> Floats:
    """Absolute errors (n,)."""
    return np.abs(_floats(predicted) - _floats(true))


def mse(predicted: Sequence[Any], true: Sequence[Any]) -> float:
    """Mean squared error; NaN without rows."""
    return float(squared(predicted, true).mean()) if len(true) else float("nan")


def mae(predicted: Sequence[Any], true: Sequence[Any]) -> float:
    """Mean absolute error; NaN without rows."""
    return float(absolute(predicted, true).mean()) if len(true) else float("nan")


def pearson(predicted: Sequence[Any], true: Sequence[Any]) -> float:
    """Correlation of predicted and true numbers, -1 to 1."""
    return float(_pearson(predicted, true, np.ones((1, len(true))))[0]) if len(true) else float("nan")


def spearman(predicted: Sequence[Any], true: Sequence[Any]) -> float:
    """Correlation of their ranks, -1 to 1."""
    return float(_spearman(predicted, true, np.ones((1, len(true))))[0]) if len(true) else float("nan")


def _floats(values: Sequence[Any]) -> Floats:
    return np.asarray(values, np.float64)


def _pearson(predicted: Sequence[Any], true: Sequence[Any], weights: Floats) -> Floats:
    one, other = _floats(predicted), _floats(true)
    # About the middle of all rows, so that large numbers lose no digits.
    return _correlation(one - one.mean(), other - other.mean(), weights)


def _correlation(one: Floats, other: Floats, weights: Floats) -> Floats:
    """Weighted correlations (d,) of values (n,) or (d, n) under weights (d, n)."""
    total = weights.sum(1)
    mean_one, mean_other = ((weights * values).sum(1) / total for values in (one, other))
    both = (weights * one * other).sum(1) / total - mean_one * mean_other
    spread = [
        (weights * values * values).sum(1) / total - mean**2 for values, mean in ((one, mean_one), (other, mean_other))
    ]
    below = np.sqrt(np.maximum(spread[0], 0.0) * np.maximum(spread[1], 0.0))
    constant = (spread[0] <= 1e-12 * _scale(one)) | (spread[1] <= 1e-12 * _scale(other))
    found = np.divide(both, below, out=np.zeros_like(both), where=~constant & (below > 0))
    return np.asarray(np.clip(found, -1.0, 1.0))


def _scale(values: Floats) -> float:
    return float(np.square(values).max(initial=0.0))


def _spearman(predicted: Sequence[Any], true: Sequence[Any], weights: Floats) -> Floats:
    return _correlation(_ranks(_floats(predicted), weights), _ranks(_floats(true), weights), weights)


def _ranks(values: Floats, weights: Floats) -> Floats:
    """Mean ranks (d, n) of *values* (n,) where row i stands weights[:, i] times; tied values share one."""
    known, place = np.unique(values, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(known)))
    counts = np.add.reduceat(weights[:, order], starts, axis=1)
    ends = np.cumsum(counts, axis=1)
    ranks = ends - (counts - 1) / 2
    return np.asarray((ranks - ends[:, -1:] / 2)[:, place])


METRICS: dict[str, Metric] = {
    "pearson": Metric("pearson", 1, pearson, bounds=(-1.0, 1.0), weighted=_pearson),
    "spearman": Metric("spearman", 1, spearman, bounds=(-1.0, 1.0), weighted=_spearman),
    "mae": Metric("mae", -1, mae, absolute, bounds=(0.0, float("inf"))),
    "mse": Metric("mse", -1, mse, squared, bounds=(0.0, float("inf"))),
}
