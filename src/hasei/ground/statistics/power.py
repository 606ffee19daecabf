"""How many rows an answer needs, and when there are too few rows to bound anything."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hasei.ground.statistics.intervals import quantile

LEAST_UNITS = 100
LEAST_ERRORS = 10
LEAST_OF_A_CLASS = 10
TIMES_SKEWNESS = 25


def rows_needed(n: int, se: float, margin: float, alpha_next: float, power: float = 0.8) -> float:
    """Return how many fresh units are needed to show *margin* at the one-sided level *alpha_next*.

    N = n ((z_{1-alpha_next} + z_power) se / margin)^2, where *se* is the standard error seen on *n* units: se sqrt(n)
    is the standard deviation of one unit. Infinite where *margin* is not positive.
    """
    if margin <= 0 or not math.isfinite(se):
        return math.inf
    times = (quantile(alpha_next) + quantile(1 - power)) * se / margin
    # Not to the power of two, which overflows where a product gives infinity.
    return n * times * times


def effective_units(sizes: npt.ArrayLike) -> float:
    """Return Kish's (1965) effective number of units: (sum of sizes)^2 / sum of their squares."""
    rows = np.asarray(sizes, dtype=np.float64)
    return float(rows.sum() ** 2 / np.square(rows).sum()) if rows.size else 0.0


def too_few(
    units: float, errors: float | None = None, smallest_class: int | None = None, skewness: float | None = None
) -> bool:
    """Whether an interval can't hold its promise: effective units, expected errors, units of the rarest class, skewness.

    Each but *units* is None where the measure has no such thing. A mean of scores without bounds needs 25 times the
    squared *skewness* of its units (Cochran 1977): a few huge errors, that a sample may well miss, would decide it.
    """
    few_errors = errors is not None and errors < LEAST_ERRORS
    few_of_a_class = smallest_class is not None and smallest_class < LEAST_OF_A_CLASS
    few_for_its_tail = skewness is not None and units < TIMES_SKEWNESS * skewness**2
    return units < LEAST_UNITS or few_errors or few_of_a_class or few_for_its_tail
