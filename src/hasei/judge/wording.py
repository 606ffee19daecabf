"""How figures are said: shares in % and points, other metrics as they are, intervals with their confidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hasei.ground.statistics import Interval


@dataclass(frozen=True)
class Words:
    """Figures of one *metric* in words; *share*: it lies in [0, 1]; *alpha*: the one-sided level of the intervals."""

    metric: str
    share: bool
    alpha: float

    def amount(self, value: float, digits: int = 1) -> str:
        """Say a value of the metric: ``91.2 %`` or ``0.4127``."""
        return f"{100 * value:.{digits}f} %" if self.share else f"{value:.{digits + 3}g}"

    def points(self, value: float, digits: int = 1) -> str:
        """Say a difference: ``3.4 points`` or ``0.041``."""
        if not self.share:
            return f"{value:.{digits + 2}g}"
        return f"{100 * value:.{digits}f} points"

    def apart(self, one: float, other: float, say: Callable[[float, int], str]) -> tuple[str, str]:
        """Say two unequal values with as many digits as it takes to tell them apart (at most two more)."""
        digits = 1
        while digits < 3 and one != other and say(one, digits) == say(other, digits):
            digits += 1
        return say(one, digits), say(other, digits)

    @property
    def confidence(self) -> str:
        """Say the confidence of a two-sided interval: ``95 %``."""
        return f"{100 * (1 - 2 * self.alpha):.3g} %"

    def span(self, gain: Interval) -> str:
        """Say the interval of a difference: ``95 % interval 1.2 to 5.6 points``."""
        low = f"{100 * gain.low:.1f}" if self.share else self.points(gain.low)
        return f"{self.confidence} interval {low} to {self.points(gain.high)}"

    def gain(self, gain: Interval) -> str:
        """Say a difference with its interval."""
        return f"{self.points(gain.value)}, {self.span(gain)}"

    def reached(self, score: Interval) -> str:
        """Say a score: ``accuracy 91.2 %``."""
        return f"{self.metric} {self.amount(score.value)}"

    def score(self, score: Interval) -> str:
        """Say a score with its interval."""
        low = f"{100 * score.low:.1f}" if self.share else self.amount(score.low)
        return f"{self.reached(score)}, {self.confidence} interval {low} to {self.amount(score.high)}"

    def money(self, value: float, currency: str) -> str:
        """Say money a month: ``1,200 USD a month``."""
        return f"{value:,.{0 if abs(value) >= 10 else 2}f} {currency} a month"

    def count(self, number: int) -> str:
        """Say a number of rows: ``1,200``."""
        return f"{number:,}"
