"""The bootstrap of any other measure of rows, e.g. macro-F1, over units; rows are never resampled on their own.

**Sources**: Efron & Tibshirani 1993, ch. 14 (BCa, here over clusters); Hesterberg 2015 (percentiles that reach as far as
Student's t does).

A resample is a weight for every row: how often its unit was drawn. A measure that can read weights is asked for many
resamples at once; any other is given the repeated rows of one resample at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hasei.ground.statistics.bootstrap import DRAWS, Floats, Ints
from hasei.ground.statistics.intervals import Interval, quantile

Measure: TypeAlias = Callable[[Ints], float]
Weighted: TypeAlias = Callable[[Floats], Floats]

_CHUNK_CELLS = 1_000_000
_GROUPS, _MANY_GROUPS = 50, 200
_LEAST_IN_A_TAIL = 4
_METHOD = "BCa bootstrap over units"


def bootstrap_measure(
    measure: Measure, units: npt.ArrayLike, alpha: float, *,
    weighted: Weighted | None = None, draws: int = DRAWS, seed: int = 0,
) -> Interval:  # fmt: skip
    """Return the BCa bootstrap interval over units of any measure of rows, e.g. macro-F1 or a difference of two.

    *measure* takes row indices (some repeated) and returns a float; *units* (n,) are the keys of the rows. *weighted*, where
    there is one, is the same measure of d resamples at once: weights (d, n), whole numbers, to values (d,). Studentising
    would need a standard error for every draw; BCa needs one jackknife, here by at most 50 groups of units (200 where
    *weighted*). Draws on which the measure is undefined (NaN) are left out. Where *draws* are too few for *alpha* the
    bounds reach at least as far as the normal interval's.
    """
    keys, unit_of = np.unique(np.asarray(units), return_inverse=True)
    count = len(keys)
    ask = _asker(measure, weighted, unit_of)
    value = float(measure(np.argsort(unit_of, kind="stable")))
    if count < 2 or not math.isfinite(value):
        return Interval(value, -math.inf, math.inf, math.inf, _METHOD, too_few=True)
    replicates = np.sort(_finite([ask(drawn) for drawn in _drawn(count, len(unit_of), draws, seed)]))
    if len(replicates) < 2:
        return Interval(value, -math.inf, math.inf, math.inf, _METHOD, too_few=True)
    se = float(replicates.std(ddof=1))
    if replicates[0] == replicates[-1]:
        return Interval(value, min(value, replicates[0]), max(value, replicates[0]), se, _METHOD)
    left = _finite(
        [ask(part) for part in _left_out(count, len(unit_of), _GROUPS if weighted is None else _MANY_GROUPS)]
    )
    z = _quantile(left, alpha)
    low, high = _bca(replicates, value, _acceleration(left), z)
    if alpha * len(replicates) < _LEAST_IN_A_TAIL:
        low, high = min(low, value - z * se), max(high, value + z * se)
    return Interval(value, min(low, value), max(high, value), se, _METHOD)


def _asker(measure: Measure, weighted: Weighted | None, unit_of: Ints) -> Weighted:
    """Return what measures resamples given as counts of units (d, units)."""
    if weighted is not None:
        return lambda counts: weighted(counts[:, unit_of])
    order = np.argsort(unit_of, kind="stable")
    by_unit = unit_of[order]
    return lambda counts: np.array([measure(np.repeat(order, times[by_unit].astype(np.int64))) for times in counts])


def _drawn(count: int, rows: int, draws: int, seed: int) -> Iterator[Floats]:
    """Yield counts (d, *count*) of how often each unit was drawn, in chunks of bounded memory, *draws* in all."""
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK_CELLS // rows)
    for start in range(0, draws, step):
        d = min(step, draws - start)
        picked = rng.integers(count, size=(d, count)) + count * np.arange(d)[:, None]
        yield np.bincount(picked.ravel(), minlength=d * count).reshape(d, count).astype(np.float64)


def _left_out(count: int, rows: int, most: int) -> Iterator[Floats]:
    """Yield counts (d, *count*) of units, each leaving one group of them out; at *most* so many groups, in chunks."""
    groups = min(most, count)
    step = max(1, _CHUNK_CELLS // rows)
    for start in range(0, groups, step):
        left = np.arange(start, min(start + step, groups))[:, None]
        yield (np.arange(count) % groups != left).astype(np.float64)


def _finite(parts: list[Floats]) -> Floats:
    values = np.concatenate(parts).astype(np.float64)
    return values[np.isfinite(values)]


def _acceleration(left: Floats) -> float:
    """Skewness of the measure's influence, from a jackknife that leaves one group of units out at a time."""
    deviations = left.mean() - left if left.size else np.zeros(1)
    spread = float(np.square(deviations).sum())
    return float((deviations**3).sum() / (6 * spread**1.5)) if spread > 0 else 0.0


def _quantile(left: Floats, alpha: float) -> float:
    """Student's quantile, with as many degrees of freedom as the spread of the influences is known with.

    Few units may carry nearly all of a measure's error (the rare class of an AUC): then the spread itself is uncertain, and
    percentiles fall short as the normal quantile does. For k influences of kurtosis c a variance has
    2 k / (c - 1) degrees of freedom.
    """
    from scipy.special import stdtrit

    deviations = left - left.mean() if left.size else np.zeros(1)
    spread = float(np.square(deviations).mean())
    if spread <= 0:
        return quantile(alpha)
    kurtosis = float((deviations**4).mean()) / spread**2
    freedom = max(2 * len(left) / max(kurtosis - 1, 1e-9), 1.0)
    return -float(stdtrit(freedom, alpha))


def _bca(ordered: Floats, value: float, acceleration: float, z: float) -> tuple[float, float]:
    """Bias-corrected and accelerated bounds from sorted replicates (d,), *z* standard errors out."""
    normal: Any = NormalDist()
    d = len(ordered)
    below = float((ordered < value).sum() + 0.5 * (ordered == value).sum()) / d
    bias = normal.inv_cdf(min(max(below, 0.5 / d), 1 - 0.5 / d))

    def level(z: float) -> float:
        room = 1 - acceleration * (bias + z)
        return float(normal.cdf(bias + (bias + z) / room)) if room > 0 else float(z > 0)

    # Between order statistics: with few draws, rounding outwards would add up to half a percent to the coverage.
    places = np.array([level(-z), level(z)]) * (d + 1) - 1
    low, high = np.interp(places, np.arange(d), ordered)
    return float(low), float(high)
