"""The bootstrap of a mean over units (clusters of rows that belong together); rows are never resampled on their own.

**Source**: Efron & Tibshirani 1993, ch. 12 (bootstrap-t, here over clusters).
**Exactness**: units with equal sums and sizes are interchangeable, so where there are few kinds of them (0/1 scores)
the counts of the kinds are resampled (multinomial) instead of the units: the same distribution, many times faster.
Order of rows and names of units change nothing; memory stays within some tens of MB.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hasei.ground.statistics.intervals import Interval, quantile
from hasei.ground.statistics.power import effective_units

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

DRAWS = 2000
_MOST_DRAWS = 50_000
_CHUNK_CELLS = 2_000_000


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

    @property
    def skewness(self) -> float:
        """Skewness of what single units add to :attr:`mean`; 0 where they add nothing."""
        residuals = self.sums - self.mean * self.sizes
        spread = float(np.square(residuals).mean()) if residuals.size else 0.0
        return float((residuals**3).mean() / spread**1.5) if spread > 0 else 0.0

    def kinds(self) -> tuple[Floats, Floats, Ints]:
        """Return the distinct (sum, size) pairs and how many units have each; units lie in their order, so runs do."""
        differs = (self.sums[1:] != self.sums[:-1]) | (self.sizes[1:] != self.sizes[:-1])
        first = np.concatenate([[0], np.flatnonzero(differs) + 1])
        return self.sums[first], self.sizes[first], np.diff(np.append(first, len(self.sums)))

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
    sums, sizes, counts = units.kinds()
    s, m = (sums - value * sizes) / se, sizes
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
    outside = math.floor(alpha * (len(values) + 1))
    if outside < 1:
        z = quantile(alpha)
        return float(min(values.min(), -z)), float(max(values.max(), z))
    ordered = np.partition(values, (outside - 1, len(values) - outside))
    return float(ordered[outside - 1]), float(ordered[-outside])
