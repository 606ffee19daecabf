"""Intervals for one proportion and for the difference of two paired ones; the level of the j-th opening.

**Sources**: Wilson 1927 (score interval); McNemar 1947, in its exact binomial form; Zou & Donner 2008 (MOVER, an
interval for a difference from the intervals of its two parts); Nadeau & Bengio 2003 (cross-fitted standard errors).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from statistics import NormalDist
from typing import Any


@dataclass(frozen=True)
class Interval:
    """An estimate between its bounds, all in the unit of what was measured.

    *se* is the standard error of *value*; *method* says in words how the bounds were found; *too_few*: there were too
    few units, errors or rows of a class for the bounds to hold what they promise. Bounds are infinite where nothing is
    known.
    """

    value: float
    low: float
    high: float
    se: float
    method: str
    too_few: bool = False

    def widened(self, factor: float) -> Interval:
        """Return the interval with standard error and both arms *factor* times as long (see :func:`correct_se`)."""
        if factor == 1.0:
            return self
        low, high = self.value - factor * (self.value - self.low), self.value + factor * (self.high - self.value)
        return replace(
            self, low=low, high=high, se=correct_se(self.se, factor), method=f"{self.method}, se x {factor:g}"
        )

    def clipped(self, least: float, most: float) -> Interval:
        """Return the interval with its bounds kept inside [least, most], the range of the measure."""
        return replace(self, low=min(max(self.low, least), most), high=max(min(self.high, most), least))

    def held_to(self, *, above: bool, below: bool) -> Interval:
        """Return the interval claiming a sign only where an exact test does: *above* zero, *below* zero."""
        low = self.low if above else min(self.low, 0.0)
        high = self.high if below else max(self.high, 0.0)
        return replace(self, low=low, high=high)

    def joined(self, other: Interval) -> Interval:
        """Return the interval that reaches as far as this one and *other* do, around this one's value."""
        return replace(self, low=min(self.low, other.low), high=max(self.high, other.high), se=max(self.se, other.se))

    def to_json(self) -> dict[str, Any]:
        """Return the interval as plain JSON."""
        return asdict(self)


def quantile(alpha: float) -> float:
    """Return the standard normal's upper quantile z with P(Z > z) = *alpha*."""
    return NormalDist().inv_cdf(1.0 - alpha)


def alpha_at(opening: int, base: float = 0.05) -> float:
    """Return the one-sided level of the *opening*-th look (1, 2, ...) at overlapping confirm rows.

    base / (j (j + 1)): the first is 0.025, and all of them together never spend more than *base*.
    """
    return base / (opening * (opening + 1))


def correct_se(se: float, factor: float = 1.5) -> float:
    """Return the standard error of a cross-fitted score, whose folds share train rows (Nadeau & Bengio 2003)."""
    return se * factor


def wilson(successes: float, n: float, alpha: float) -> Interval:
    """Return the score interval of *successes* out of *n* independent units; both may be effective counts.

    With n = 0 nothing is known: the bounds are 0 and 1.
    """
    if n <= 0:
        return Interval(math.nan, 0.0, 1.0, math.inf, "Wilson", too_few=True)
    z, p = quantile(alpha), successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At p = 0 and p = 1 the bound equals p but for rounding.
    low, high = min(max(0.0, centre - half), p), max(min(1.0, centre + half), p)
    return Interval(p, low, high, math.sqrt(p * (1 - p) / n), "Wilson")


def mcnemar_test(wins: int, losses: int) -> float:
    """Return the exact one-sided p-value of *wins* against *losses* pairs: P(Bin(wins + losses, 1/2) >= wins)."""
    from scipy.special import bdtrc

    return float(bdtrc(wins - 1, wins + losses, 0.5)) if wins > 0 else 1.0


def mcnemar(wins: int, losses: int, n: int, alpha: float) -> Interval:
    """Return the interval of a paired gain, (wins - losses) / n, above 0 exactly where McNemar's test says so.

    The sign is the exact test's: low > 0 if and only if ``mcnemar_test(wins, losses) < alpha``, and likewise below.
    How far the bounds reach is by MOVER from the Wilson intervals of the two discordant shares, with their correlation.
    Scaling the exact conditional interval of wins / (wins + losses) by the discordant share, the obvious choice, leaves
    that share's own error out: with few discordant pairs one bound then misses in up to half of all samples.
    """
    better, worse = wilson(wins, n, alpha), wilson(losses, n, alpha)
    b, c = better.value, worse.value
    # The two shares are cells of one multinomial, so they are negatively correlated.
    r = -math.sqrt(b * c / ((1 - b) * (1 - c))) if 0 < b < 1 and 0 < c < 1 else 0.0
    gain = b - c
    interval = Interval(
        gain,
        max(-1.0, gain - _mover(b - better.low, worse.high - c, r)),
        min(1.0, gain + _mover(better.high - b, c - worse.low, r)),
        math.sqrt(max(0.0, b + c - gain * gain) / n),
        "exact McNemar",
    )
    above, below = mcnemar_test(wins, losses) < alpha, mcnemar_test(losses, wins) < alpha
    # At very small levels MOVER is the more cautious one; the exact test's bound, shares at their least, stands in.
    if above and interval.low <= 0:
        interval = replace(interval, low=_least_gain(wins, losses, n, alpha))
    if below and interval.high >= 0:
        interval = replace(interval, high=-_least_gain(losses, wins, n, alpha))
    return interval.held_to(above=above, below=below)


def _mover(first: float, second: float, correlation: float) -> float:
    return math.sqrt(max(0.0, first**2 + second**2 - 2 * correlation * first * second))


def _least_gain(wins: int, losses: int, n: int, alpha: float) -> float:
    """Lower exact bound of the win share less 1/2, times the lower exact bound of the discordant share."""
    from scipy.special import betaincinv

    discordant = wins + losses
    share = float(betaincinv(discordant, n - discordant + 1, alpha))
    return (2 * float(betaincinv(wins, losses + 1, alpha)) - 1) * share
