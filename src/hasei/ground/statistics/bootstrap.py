"""Bootstraps over units (clusters of rows that belong together); rows are never resampled on their own.

**Sources**: Efron & Tibshirani 1993, ch. 12 (bootstrap-t, here over clusters) and ch. 14 (BCa).
**Exactness**: units with equal sums and sizes are interchangeable, so where there are few kinds of them (0/1 scores)
the counts of the kinds are resampled (multinomial) instead of the units: the same distribution, many times faster.
Order of rows and names of units change nothing; memory stays within some tens of MB.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hasei.ground.statistics.intervals import Interval, quantile
from hasei.ground.statistics.power import effective_units

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

DRAWS = 2000
_MOST_DRAWS = 50_000
_CHUNK_CELLS = 2_000_000
_GROUPS = 50
_LEAST_IN_A_TAIL = 4


@dataclass(frozen=True)
class Units:
    """Row scores summed by unit, units ordered by (sum, size): *sums* (u,) floats, *sizes* (u,) numbers of rows."""

    sums: Floats
    sizes: Floats

    @classmethod
    def of(cls, scores: npt.ArrayLike, units: npt.ArrayLike) -> Units:
        """Sum *scores* (n,) by the keys *units* (n,)."""
        rows = np.asarray(scores, dtype=np.float64)
        _, index = np.unique(np.asarray(units), return_inverse=True)
        # Sorted first: the order of additions, hence the last bit, must not depend on the order of rows.
        order = np.lexsort((rows, index))
        sums = np.bincount(index[order], weights=rows[order])
        sizes = np.bincount(index)
        ranked = np.lexsort((sizes, sums))
        return cls(sums[ranked].astype(np.float64), sizes[ranked].astype(np.float64))

    @property
    def mean(self) -> float:
        """The mean score of all rows."""
        return float(self.sums.sum() / self.sizes.sum())

    @property
    def effective(self) -> float:
        """Effective number of units (Kish)."""
        return effective_units(self.sizes)

    @property
    def se(self) -> float:
        """Standard error of :attr:`mean` over units (linearised ratio); infinite with fewer than two units."""
        count = len(self.sums)
        if count < 2:
            return math.inf
        residuals = self.sums - self.mean * self.sizes
        return float(math.sqrt(count / (count - 1) * np.square(residuals).sum()) / self.sizes.sum())

    def even(self) -> Floats | None:
        """Return the mean score of each unit (u,) if all units have the same number of rows, else None."""
        same = len(self.sizes) > 0 and bool((self.sizes == self.sizes[0]).all())
        return self.sums / self.sizes[0] if same else None


def bootstrap_mean(units: Units, alpha: float, *, draws: int = DRAWS, seed: int = 0) -> Interval:
    """Return the studentised bootstrap interval over units of the mean row score.

    *draws* rises by itself where *alpha* is too small for them (at least 10 expected in each tail, up to 50,000 draws).
    With fewer than two units the bounds are infinite; scores that never vary give bounds without width.
    """
    value, se, count = units.mean, units.se, len(units.sums)
    method = "studentised bootstrap over units"
    if count < 2:
        return Interval(value, -math.inf, math.inf, math.inf, method, too_few=True)
    if se <= 1e-12 * max(1.0, abs(value)):
        return Interval(value, value, value, 0.0, method)
    draws = max(draws, min(_MOST_DRAWS, math.ceil(10 / alpha)))
    kinds, counts = np.unique(np.column_stack((units.sums, units.sizes)), axis=0, return_counts=True)
    s, m = (kinds[:, 0] - value * kinds[:, 1]) / se, kinds[:, 1]
    moments = np.column_stack((s, m, s * s, s * m, m * m))
    parts = [_studentised(w @ moments, count) for w in _resamples(counts, draws, np.random.default_rng(seed))]
    down, up = _tails(np.concatenate(parts), alpha)
    return Interval(value, value - up * se, value - down * se, se, method)


def _studentised(total: Floats, count: int) -> Floats:
    """Return t of each resample (d,) from its sums (d, 5) of s, m, s², sm, m²; s is centred and in units of the se."""
    mean = total[:, 0] / total[:, 1]
    squares = total[:, 2] - 2 * mean * total[:, 3] + mean * mean * total[:, 4]
    se = np.sqrt(count / (count - 1) * np.maximum(squares, 0.0)) / total[:, 1]
    # A resample of equal units has no spread: it is as far out as can be, unless it sits on the mean.
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(se > 1e-9, mean / se, np.sign(mean) * np.inf)
    return np.where(np.abs(mean) < 1e-9, 0.0, t)


def _resamples(counts: Ints, draws: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Yield resampled counts (d, kinds) of each kind of unit, in chunks of bounded memory, *draws* in all."""
    total, kinds = int(counts.sum()), len(counts)
    few = kinds * 8 <= total
    step = max(1, _CHUNK_CELLS // (kinds if few else total))
    kind_of = np.repeat(np.arange(kinds), counts)
    for start in range(0, draws, step):
        d = min(step, draws - start)
        if few:
            yield rng.multinomial(total, counts / total, size=d).astype(np.float64)
        else:
            picked = kind_of[rng.integers(total, size=(d, total))] + kinds * np.arange(d)[:, None]
            yield np.bincount(picked.ravel(), minlength=d * kinds).reshape(d, kinds).astype(np.float64)


def _tails(values: Floats, alpha: float) -> tuple[float, float]:
    """Return the order statistics of *values* with at most *alpha* outside on either side, rounded outwards.

    Below the resolution of the draws they are never nearer than the standard normal's (values are studentised).
    """
    ordered = np.sort(values)
    outside = math.floor(alpha * (len(ordered) + 1))
    if outside < 1:
        z = quantile(alpha)
        return float(min(ordered[0], -z)), float(max(ordered[-1], z))
    return float(ordered[outside - 1]), float(ordered[-outside])


def bootstrap_measure(
    measure: Callable[[Ints], float], units: npt.ArrayLike, alpha: float, *, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """Return the BCa bootstrap interval over units of any measure of rows, e.g. macro-F1 or a difference of two.

    *measure* takes row indices (some repeated) and returns a float; *units* (n,) are the keys of the rows. Studentising
    would need a standard error for every draw; BCa needs one jackknife, here by at most 50 groups of units. It calls
    *measure* draws + 51 times. Draws on which the measure is undefined (NaN) are left out. Where *draws* are too few
    for *alpha* the bounds reach at least as far as the normal interval's.
    """
    rows = _rows_by_unit(units)
    value, count = float(measure(np.concatenate(rows))), len(rows)
    method = "BCa bootstrap over units"
    if count < 2 or not math.isfinite(value):
        return Interval(value, -math.inf, math.inf, math.inf, method, too_few=True)
    rng = np.random.default_rng(seed)
    drawn = [float(measure(np.concatenate([rows[u] for u in rng.integers(count, size=count)]))) for _ in range(draws)]
    replicates = np.sort(np.array([d for d in drawn if math.isfinite(d)]))
    if len(replicates) < 2:
        return Interval(value, -math.inf, math.inf, math.inf, method, too_few=True)
    se = float(replicates.std(ddof=1))
    if replicates[0] == replicates[-1]:
        return Interval(value, min(value, replicates[0]), max(value, replicates[0]), se, method)
    low, high = _bca(replicates, value, _acceleration(measure, rows), alpha)
    if alpha * len(replicates) < _LEAST_IN_A_TAIL:
        low, high = min(low, value - quantile(alpha) * se), max(high, value + quantile(alpha) * se)
    return Interval(value, min(low, value), max(high, value), se, method)


def _rows_by_unit(units: npt.ArrayLike) -> list[Ints]:
    """Row indices of each unit, units in the order of their keys."""
    _, index = np.unique(np.asarray(units), return_inverse=True)
    order = np.argsort(index, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(index[order])) + 1)


def _acceleration(measure: Callable[[Ints], float], rows: list[Ints]) -> float:
    """Skewness of the measure's influence, from a jackknife that leaves one group of units out at a time."""
    groups = min(_GROUPS, len(rows))
    left = [measure(np.concatenate([r for i, r in enumerate(rows) if i % groups != g])) for g in range(groups)]
    values = np.array([v for v in left if math.isfinite(v)])
    deviations = values.mean() - values if values.size else np.zeros(1)
    spread = float(np.square(deviations).sum())
    return float((deviations**3).sum() / (6 * spread**1.5)) if spread > 0 else 0.0


def _bca(ordered: Floats, value: float, acceleration: float, alpha: float) -> tuple[float, float]:
    """Bias-corrected and accelerated bounds from sorted replicates (d,)."""
    normal: Any = NormalDist()
    d = len(ordered)
    below = float((ordered < value).sum() + 0.5 * (ordered == value).sum()) / d
    bias = normal.inv_cdf(min(max(below, 0.5 / d), 1 - 0.5 / d))

    def level(z: float) -> float:
        room = 1 - acceleration * (bias + z)
        return float(normal.cdf(bias + (bias + z) / room)) if room > 0 else float(z > 0)

    z = quantile(alpha)
    low = math.floor(level(-z) * (d + 1)) - 1
    high = math.ceil(level(z) * (d + 1)) - 1
    return float(ordered[min(max(low, 0), d - 1)]), float(ordered[min(max(high, 0), d - 1)])
