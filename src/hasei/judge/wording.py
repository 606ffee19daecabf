"""How figures and names are said: shares in % and points, other metrics as they are, intervals with their confidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from hasei.ground.language import _, marked

if TYPE_CHECKING:
    from hasei.ground.statistics import Interval

_NAMES = (
    marked("adopt"), marked("do not adopt"), marked("not enough data"), marked("rethink"),
    marked("cheap truth"), marked("derived"), marked("chosen"), marked("reference"),
    marked("done"), marked("waiting"), marked("raced out"), marked("failed"), marked("skipped"),
    marked("train"), marked("select"), marked("confirm"),
    marked("accuracy"), marked("macro_f1"), marked("micro_f1"), marked("macro_precision"), marked("macro_recall"),
    marked("mae"), marked("mse"), marked("auc"), marked("pearson"), marked("spearman"), marked("exact_match"),
    marked("right answers"),
    marked("error"), marked("warning"), marked("note"),
    marked("trial"), marked("rung"), marked("dropped"), marked("refit"), marked("opening"), marked("finalist"),
    marked("metric"), marked("goal"), marked("gain"), marked("gain over base"), marked("smallest gain"), marked("saving"),
    marked("confirm rows"), marked("out of scope"),
    marked("gradients"), marked("solved"), marked("text"), marked("label"), marked("size"), marked("latency"),
    marked("overfitting"), marked("underfitting"), marked("not converged"), marked("converged"), marked("unstable"),
    marked("other rows"),
    marked("permissive"), marked("attribution"), marked("share-alike"), marked("non-commercial"),
    marked("no-derivatives"), marked("restricted"), marked("unknown"),
    marked("today"), marked("harmed slice"), marked("forgetting"), marked("seed"), marked("checks"),
    marked("text_classification"), marked("text_regression"), marked("pair_classification"), marked("similarity"),
    marked("multi_label_classification"), marked("temperature"), marked("isotonic"),
    marked("answering"), marked("base"), marked("checking"), marked("columns"), marked("confirming"), marked("deriving"),
    marked("features"), marked("finding"), marked("fit"), marked("loading"), marked("predict"), marked("predicting"),
    marked("reading"), marked("refitting"), marked("scoring"), marked("training"), marked("trying"),
)  # fmt: skip
"""Identifiers of the JSON contract and stages of work that are said, so that a catalogue can name them."""


def term(identifier: str) -> str:
    """Say an identifier of the JSON contract (a verdict, a status, a metric) in the language in use."""
    return _(identifier) if identifier in _NAMES else identifier


@dataclass(frozen=True)
class Words:
    """Figures of one *metric* in words; *share*: it lies in [0, 1]; *alpha*: the one-sided level of the intervals."""

    metric: str
    share: bool
    alpha: float

    @property
    def name(self) -> str:
        """Say the metric itself: ``accuracy``."""
        return term(self.metric)

    def bare(self, value: float, digits: int = 1) -> str:
        """Say a value of the metric without its unit, as tables do: ``91.2`` or ``0.4127``."""
        return f"{100 * value:.{digits}f}" if self.share else f"{value:.{digits + 3}g}"

    def amount(self, value: float, digits: int = 1) -> str:
        """Say a value of the metric: ``91.2 %`` or ``0.4127``."""
        bare = self.bare(value, digits)
        return _("{number} %", number=bare) if self.share else bare

    def bare_points(self, value: float, digits: int = 1) -> str:
        """Say a difference without its unit: ``3.4`` or ``0.041``."""
        return f"{100 * value:.{digits}f}" if self.share else f"{value:.{digits + 2}g}"

    def points(self, value: float, digits: int = 1) -> str:
        """Say a difference: ``3.4 points`` or ``0.041``."""
        bare = self.bare_points(value, digits)
        return _("{number} points", number=bare) if self.share else bare

    def apart(self, one: float, other: float, say: Callable[[float, int], str]) -> tuple[str, str]:
        """Say two unequal values with as many digits as it takes to tell them apart (at most two more)."""
        digits = 1
        while digits < 3 and one != other and say(one, digits) == say(other, digits):
            digits += 1
        return say(one, digits), say(other, digits)

    @property
    def confidence(self) -> str:
        """Say the confidence of a two-sided interval: ``95 %``."""
        return percent(1 - 2 * self.alpha)

    def interval(self, low: str, high: str) -> str:
        """Say an interval of two values in words: ``95 % interval 1.2 to 5.6 points``."""
        return _("{confidence} interval {low} to {high}", confidence=self.confidence, low=low, high=high)

    def span(self, gain: Interval) -> str:
        """Say the interval of a difference: ``95 % interval 1.2 to 5.6 points``."""
        return self.interval(self.bare_points(gain.low), self.points(gain.high))

    def gain(self, gain: Interval) -> str:
        """Say a difference with its interval."""
        return _("{value}, {interval}", value=self.points(gain.value), interval=self.span(gain))

    def reached(self, score: Interval) -> str:
        """Say a score: ``accuracy 91.2 %``."""
        return _("{metric} {amount}", metric=self.name, amount=self.amount(score.value))

    def score(self, score: Interval) -> str:
        """Say a score with its interval."""
        interval = self.interval(self.bare(score.low), self.amount(score.high))
        return _("{value}, {interval}", value=self.reached(score), interval=interval)

    def money(self, value: float, currency: str) -> str:
        """Say money a month: ``1,200 USD a month``."""
        return _("{amount} {currency} a month", amount=cash(value), currency=currency)

    def count(self, number: int) -> str:
        """Say a number of rows: ``1,200``."""
        return f"{number:,}"


def cash(value: float) -> str:
    """Say an amount of money without its currency: ``1,200``, ``0.35``."""
    return f"{value:,.{0 if abs(value) >= 10 else 2}f}"


def percent(share: float, digits: int = 3) -> str:
    """Say a share with *digits* significant digits: ``95 %``, ``98.3 %``; only all is ``100 %``, only nothing ``0 %``."""
    value = 100 * share
    number = "100" if value == 100 else f"{value:.{digits}g}"
    if "e" in number or (float(number) == 100 and value != 100):
        number = f"{value:.{0 if value > 100 else 1}f}" if value > 1 else "<0.001" if value < 0.001 else f"{value:.3f}"
    return _("{number} %", number=">99.9" if number == "100.0" and value < 100 else number)


def sentences(*said: str) -> str:
    """Put whole sentences behind one another, as the language in use does; empty ones are left out."""
    return reduce(_behind, filter(None, said)) if any(said) else ""


def _behind(one: str, other: str) -> str:
    # A sentence that was recorded in a language of spaces keeps its space in one without.
    return f"{one} {other}" if one[-1].isascii() else _("{one} {other}", one=one, other=other)
