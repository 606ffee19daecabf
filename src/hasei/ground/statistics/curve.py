"""What more training rows would bring: an inverse power law through a few (rows, score) points.

score(n) = limit - gain n^(-rate) (Cortes et al. 1994; the rates seen in practice, 0.07 to 1, in Hestness et al. 2017).
Few points do not fix the rate, so all rates that the points allow are kept and the spread over them is the answer.
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

_RATES = np.array([0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.3])
_USUAL_RATE = 0.5
_MOST_TIMES = 20.0


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
) -> Forecast | None:  # fmt: skip
    """Return the score forecast at *at* train rows from scores seen at *sizes*, or None with fewer than two sizes.

    *se* is the standard error of one score (three points always fit, so it must be told), *direction* -1 where less is
    better, *alpha* the one-sided level of the bounds, *bounds* the range of the metric.
    """
    fitted = _fit(sizes, np.asarray(scores, dtype=np.float64) * direction, se, alpha)
    if fitted is None:
        return None
    value, high, low = fitted(at)
    least, most = sorted((bounds[0] * direction, bounds[1] * direction))
    ends = [direction * min(max(v, least), most) for v in (value, high, low)]
    return Forecast(ends[0], ends[1], ends[2])


def train_rows_for(
    sizes: npt.ArrayLike, scores: npt.ArrayLike, target: float, *, se: float = 0.01, direction: int = 1
) -> int | None:
    """Return the least number of train rows at which the forecast reaches *target*.

    None where that is unknown (fewer than two sizes) or beyond 20 times the largest size seen.
    """
    fitted = _fit(sizes, np.asarray(scores, dtype=np.float64) * direction, se, 0.05)
    if fitted is None:
        return None
    largest = float(np.max(np.asarray(sizes, dtype=np.float64)))
    step = math.pow(_MOST_TIMES, 1 / 200)
    for at in (largest * step**i for i in range(201)):
        if fitted(at)[0] >= target * direction:
            return math.ceil(at - 1e-6)
    return None


def _fit(
    sizes: npt.ArrayLike, scores: Floats, se: float, alpha: float
) -> Callable[[float], tuple[float, float, float]] | None:
    """Fit one curve per rate; return a function of rows that gives (value, high, low), more being better."""
    n = np.asarray(sizes, dtype=np.float64)
    if len(np.unique(n)) < 2:
        return None
    fits = [_at_rate(n, scores, rate) for rate in _RATES]
    errors = np.array([f[2] for f in fits])
    noise = max(se**2, float(errors.min()) / max(1, len(n) - 2), 1e-8)
    # A weak preference for the usual rate settles what two or three points can't.
    deviance = errors / noise + np.square(np.log(_RATES / _USUAL_RATE))
    best = int(np.argmin(deviance))
    z = quantile(alpha)
    kept = np.flatnonzero(deviance <= deviance[best] + z**2)

    def at(rows: float) -> tuple[float, float, float]:
        guesses, spreads = zip(*(_predict(fits[i], _RATES[i], rows, noise) for i in range(len(_RATES))))
        high = max(guesses[i] + z * spreads[i] for i in kept)
        low = min(guesses[i] - z * spreads[i] for i in kept)
        return guesses[best], high, low

    return at


def _at_rate(n: Floats, scores: Floats, rate: float) -> tuple[Floats, Floats, float]:
    """Least squares of scores on (1, -n^-rate), gain never negative: (coefficients, covariance / noise, error)."""
    design = np.column_stack((np.ones_like(n), -(n**-rate)))
    coefficients = np.linalg.lstsq(design, scores, rcond=None)[0]
    covariance = np.linalg.pinv(design.T @ design)
    if coefficients[1] < 0:
        # More rows do not make a model worse: a falling curve is noise around a flat one.
        coefficients, covariance = np.array([scores.mean(), 0.0]), np.diag([1.0 / len(n), 0.0])
    return coefficients, covariance, float(np.square(scores - design @ coefficients).sum())


def _predict(fit: tuple[Floats, Floats, float], rate: float, rows: float, noise: float) -> tuple[float, float]:
    """Return the score at *rows* and its standard error under one rate."""
    x = np.array([1.0, -(rows**-rate)])
    return float(x @ fit[0]), math.sqrt(max(0.0, noise * float(x @ fit[1] @ x)))
