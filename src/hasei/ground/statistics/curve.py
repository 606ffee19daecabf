"""What more training rows would bring: inverse power laws through a few (rows, score) points.

score(n) = limit - gain n^(-rate) (Cortes et al. 1994; the rates seen in practice, 0.07 to 1, in Hestness et al. 2017), on
the scale of log odds where the metric has two bounds. Few points do not fix the rate, so the forecast is the mean over all
rates, each weighted by how well it fits and how usual it is, and continues from the last point.

The interval is calibrated. At the one-sided level alpha its half-width on that scale is

    z(1 - alpha) * sqrt((SAMPLING * se)^2 + (EXTRAPOLATION * gain)^2)

*se* being the standard error of the last score and *gain* what is forecast beyond it. Under the two constants 90 % intervals
hold in 90 % of the cases of ``bench/forecast_cases.csv``: learning curves of solved heads cut from fourteen real sets.
SAMPLING is above one because the heads, too, differ from draw to draw. How often the intervals hold on sets that the
constants have not seen stands in ``docs/honesty.md`` (measured by ``bench/forecast_fit.py``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hasei.ground.statistics.intervals import quantile

Floats: TypeAlias = npt.NDArray[np.floating[Any]]

SAMPLING, EXTRAPOLATION = 1.34, 0.30
SAMPLING_OF_OTHERS, EXTRAPOLATION_OF_OTHERS = 1.36, 0.58
"""For metrics that are no mean over rows, fitted to macro-F1."""
_RATES = np.array([0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3])
_USUAL_RATE, _SPREAD_OF_RATES = 0.5, 1.0
_USUAL_RATE_OF_ODDS, _SPREAD_OF_RATES_OF_ODDS = 0.1, 0.7
_MOST_TIMES = 20.0
_NEAREST = 1e-6


@dataclass(frozen=True)
class Forecast:
    """A score expected at more rows: the best guess *value*, and the bounds that the points do not rule out.

    *optimistic* is the better end and *pessimistic* the worse one, whatever the direction of the metric.
    """

    value: float
    optimistic: float
    pessimistic: float


def forecast(
    sizes: npt.ArrayLike, scores: npt.ArrayLike, at: float, *,
    se: float = 0.01, direction: int = 1, alpha: float = 0.05, bounds: tuple[float, float] = (-math.inf, math.inf),
    scored: float = math.inf, by_row: bool = True,
) -> Forecast | None:  # fmt: skip
    """Return the score forecast at *at* train rows from scores seen at *sizes*, or None with fewer than two sizes.

    *se* is the standard error of one score (three points always fit, so it must be told), *direction* -1 where less is
    better, *alpha* the one-sided level of the bounds (0.05: a 90 % interval), *bounds* the range of the metric, *scored* the
    independent rows that the scores are of: a share that is right on all of them is not sure to be so for ever. *by_row*:
    the metric is a mean over rows.
    """
    scale = _Scale(direction, bounds, scored)
    ahead = _fit(sizes, scores, se, scale)
    if ahead is None:
        return None
    gain = ahead.gain(at)
    sampling, extrapolation = (SAMPLING, EXTRAPOLATION) if by_row else (SAMPLING_OF_OTHERS, EXTRAPOLATION_OF_OTHERS)
    reach = quantile(alpha) * math.hypot(sampling * ahead.se, extrapolation * gain)
    value = ahead.last + gain
    return Forecast(*(scale.score(v) for v in (value, value + reach, value - reach)))


def train_rows_for(
    sizes: npt.ArrayLike, scores: npt.ArrayLike, target: float, *,
    se: float = 0.01, direction: int = 1, bounds: tuple[float, float] = (-math.inf, math.inf), scored: float = math.inf,
) -> int | None:  # fmt: skip
    """Return the least number of train rows at which the forecast reaches *target*.

    None where that is unknown (fewer than two sizes) or beyond 20 times the largest size seen.
    """
    scale = _Scale(direction, bounds, scored)
    ahead = _fit(sizes, scores, se, scale)
    if ahead is None:
        return None
    largest = float(np.max(np.asarray(sizes, dtype=np.float64)))
    step = math.pow(_MOST_TIMES, 1 / 200)
    for at in (largest * step**i for i in range(201)):
        if (scale.score(ahead.last + ahead.gain(at)) - target) * direction >= 0:
            return math.ceil(at - 1e-6)
    return None


@dataclass(frozen=True)
class _Scale:
    """Where curves are fitted, more being better: log odds of a share of the range where there are two bounds."""

    direction: int
    bounds: tuple[float, float]
    scored: float

    @property
    def odds(self) -> bool:
        return math.isfinite(self.bounds[0]) and math.isfinite(self.bounds[1])

    def values(self, scores: Floats) -> Floats:
        if not self.odds:
            return scores * self.direction
        share = self._share(scores)
        values: Floats = np.log(share / (1 - share)) * self.direction
        return values

    def error(self, score: float, se: float) -> float:
        """The standard error *se* of *score*, on the scale; of a share never less than that of so many independent rows."""
        if not self.odds:
            return se
        share = float(self._share(np.array([score]))[0])
        se = max(se / (self.bounds[1] - self.bounds[0]), math.sqrt(share * (1 - share) / self.scored))
        return se / (share * (1 - share))

    def score(self, value: float) -> float:
        least, most = self.bounds
        if not self.odds:
            return min(max(value * self.direction, least), most)
        return least + (most - least) / (1 + math.exp(-min(max(value * self.direction, -700.0), 700.0)))

    def _share(self, scores: Floats) -> Floats:
        share = (scores - self.bounds[0]) / (self.bounds[1] - self.bounds[0])
        if math.isfinite(self.scored):
            share = (share * self.scored + 0.5) / (self.scored + 1)
        clipped: Floats = np.clip(share, _NEAREST, 1 - _NEAREST)
        return clipped


@dataclass(frozen=True)
class _Ahead:
    """The last point with its error, and what is gained from there on."""

    last: float
    se: float
    gain: Callable[[float], float]


def _fit(sizes: npt.ArrayLike, scores: npt.ArrayLike, se: float, scale: _Scale) -> _Ahead | None:
    n, seen = np.asarray(sizes, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if len(np.unique(n)) < 2:
        return None
    largest = float(n.max())
    values = scale.values(seen)
    error = max(scale.error(float(seen[n == largest].mean()), se), 1e-9)
    slopes, misfits = zip(*(_at_rate(n / largest, values, rate) for rate in _RATES), strict=True)
    usual, spread = (_USUAL_RATE_OF_ODDS, _SPREAD_OF_RATES_OF_ODDS) if scale.odds else (_USUAL_RATE, _SPREAD_OF_RATES)
    deviance = np.array(misfits) / error**2 + np.square(np.log(_RATES / usual) / spread)
    weights = np.exp(-0.5 * (deviance - deviance.min()))
    weights *= np.array(slopes) / weights.sum()

    def gain(at: float) -> float:
        return float(weights @ (1 - (at / largest) ** -_RATES))

    return _Ahead(float(values[n == largest].mean()), error, gain)


def _at_rate(n: Floats, values: Floats, rate: float) -> tuple[float, float]:
    """Least squares of values on -n^-rate: the slope, never negative as more rows make no model worse, and the misfit."""
    x = -(n**-rate)
    x, y = x - x.mean(), values - values.mean()
    slope = max(0.0, float(x @ y / (x @ x)))
    return slope, float(np.square(y - slope * x).sum())
