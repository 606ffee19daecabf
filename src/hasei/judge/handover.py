"""Which answers go to a person: for each threshold of confidence, what a month costs on both sides of it.

A message above the threshold is answered by the model, and its errors cost money; one below goes to a person, who costs
money and is taken to make no error. The cheapest threshold is chosen on rows that do not tell what it costs (select rows;
in cross-fitting, for each fifth of the rows the other four), so that its price is no lucky one. Shapes: n rows, t thresholds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hasei.engine.splits import folds
from hasei.ground.language import _
from hasei.ground.statistics import Interval
from hasei.inputs.purpose import Prices
from hasei.judge.money import amount, saving
from hasei.tasks import Floats

_FOLDS = 5


@dataclass(frozen=True)
class Sure:
    """Rows with calibrated *confidence* (n,), what the model's answers *cost* (n,) there, and their *units* (n,)."""

    confidence: Floats
    costs: Floats
    units: Sequence[str]

    def handed(self, threshold: float | Floats, person: float) -> Floats:
        """Return what each row costs (n,) where a person answers all below *threshold*, one or one a row."""
        return np.where(self.confidence >= threshold, self.costs, person)


@dataclass(frozen=True)
class Handover:
    """One *threshold* (None: a person answers all): the share of messages answered without a person, and money a month.

    *per_month* is what everything costs; *saving*, and its bounds, what that is less than today.
    """

    threshold: float | None
    coverage: float
    per_month: float
    saving: float
    saving_low: float
    saving_high: float


@dataclass(frozen=True)
class AutomationMoney:
    """Every threshold in money, what a month costs today, and the threshold at which it costs least.

    *by_person*: today every message is answered by a person.
    """

    currency: str
    today_per_month: float
    by_person: bool
    points: tuple[Handover, ...]
    cheapest: Handover

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "currency": self.currency, "today_per_month": self.today_per_month, "today_by_person": self.by_person,
            "points": [asdict(p) for p in self.points], "cheapest": asdict(self.cheapest),
        }  # fmt: skip

    def words(self) -> str:
        """Say in plain sentences where it costs least, and what today costs."""
        best, share = self.cheapest, f"{100 * self.cheapest.coverage:.0f} %"
        today = amount(self.today_per_month, self.currency)
        if best.saving <= 0:
            said = _("At no threshold does it cost less than today ({today} a month).", today=today)
        else:
            least, most = (amount(bound, self.currency) for bound in (best.saving_low, best.saving_high))
            said = _("It costs least where {share} of the messages are answered without a person: {money} a month instead"
                     " of {today} ({low} to {high} less).", share=share, money=amount(best.per_month, self.currency),
                     today=today, low=least, high=most)  # fmt: skip
        return said + " " + _("A person is taken to make no error.")


def automation_money(
    prices: Prices, sure: Sure, thresholds: Sequence[float], *, chosen_by: Sure | None, today: Floats | Interval | None,
    stakes: Floats | None = None, alpha: float = 0.025, se_factor: float = 1.0, extra_per_month: float = 0.0,
    inference_per_month: float = 0.0,
) -> AutomationMoney | None:  # fmt: skip
    """Return what a month costs at each of *thresholds* (t,), or None where the prices do not tell.

    *sure* are the confirm rows. *chosen_by* are the rows by which the cheapest threshold is chosen (None: *sure* by folds).
    *today*: what today's process costs in each row (n,), or a row as an interval where only a figure is known; None: every
    message is answered by a person. *stakes*, *alpha*, *se_factor* and *extra_per_month*, what the machine costs more than
    today, are those of :func:`~hasei.judge.money.saving`. It takes ``predictions_per_month`` and ``cost_of_a_person``.
    """
    number, person = prices.predictions_per_month, prices.cost_of_a_person
    if number is None or person is None or not len(thresholds):
        return None
    now: Floats | Interval = np.full(len(sure.costs), person) if today is None else today
    running = inference_per_month + prices.upkeep_per_month

    def priced(threshold: float, applied: float | Floats) -> Handover:
        handed = sure.handed(applied, person)
        saved = saving(
            prices,
            handed,
            now,
            sure.units,
            stakes=stakes,
            alpha=alpha,
            se_factor=se_factor,
            extra_per_month=extra_per_month,
        )
        low, value, high = (math.nan,) * 3 if saved is None else (saved.low, saved.value, saved.high)
        said = None if math.isinf(threshold) else threshold
        share = float((sure.confidence >= applied).mean())
        return Handover(said, share, number * float(handed.mean()) + running, value, low, high)

    every = [*thresholds, math.inf]
    best, applied = _cheapest(sure, chosen_by, every, person)
    today_row = now.value if isinstance(now, Interval) else float(now.mean())
    return AutomationMoney(
        prices.currency,
        number * today_row,
        today is None,
        tuple(priced(t, t) for t in thresholds),
        priced(best, applied),
    )


def _cheapest(
    sure: Sure, chosen_by: Sure | None, thresholds: Sequence[float], person: float
) -> tuple[float, float | Floats]:  # fmt: skip
    """Return the cheapest threshold, and what is applied to each row of *sure* when its price is measured."""
    if chosen_by is not None:
        best = _least(chosen_by, np.ones(len(chosen_by.costs), np.bool_), thresholds, person)
        return best, best
    fold = folds(list(sure.units), _FOLDS, 0)
    applied = np.full(len(fold), math.inf)
    for number in range(_FOLDS):
        if (fold != number).any():
            applied[fold == number] = _least(sure, fold != number, thresholds, person)
    return _least(sure, np.ones(len(fold), np.bool_), thresholds, person), applied


def _least(rows: Sure, among: npt.NDArray[np.bool_], thresholds: Sequence[float], person: float) -> float:
    """Return the threshold at which the rows *among* (n,) cost least; among equals the one that answers less by itself."""
    costs = {t: round(float(rows.handed(t, person)[among].mean()), 9) for t in sorted(thresholds, reverse=True)}
    return min(costs, key=lambda t: costs[t])
