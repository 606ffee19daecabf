"""Which answers go to a person: for each threshold of confidence, what a month costs on both sides of it.

A message above the threshold is answered by the model, and its errors cost money; one below goes to a person, who costs
money and is taken to make no error. Shapes: t thresholds.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hasei.ground.errors import RunFailed
from hasei.ground.language import _
from hasei.inputs.purpose import Prices
from hasei.judge.money import amount

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Handover:
    """One *threshold*: the share of messages answered without a person, the accuracy among them, and money a month.

    *per_month* is what everything costs; *saving*, and its bounds, what that is less than today.
    """

    threshold: float
    coverage: float
    accuracy: float
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
            said = _("It costs least where {share} of the messages are answered without a person: {money} a month instead"
                     " of {today}.", share=share, money=amount(best.per_month, self.currency), today=today)  # fmt: skip
        return said + " " + _("A person is taken to make no error.")


def automation_money(
    prices: Prices, thresholds: npt.ArrayLike, coverage: npt.ArrayLike, accuracy: npt.ArrayLike, *,
    accuracy_low: npt.ArrayLike | None = None, accuracy_high: npt.ArrayLike | None = None,
    inference_per_month: float = 0.0, today_accuracy: float | None = None, cost_per_answer: npt.ArrayLike | None = None,
) -> AutomationMoney | None:  # fmt: skip
    """Return what a month costs at each of *thresholds* (t,), or None where the prices do not tell.

    *coverage* (t,) is the share answered without a person and *accuracy* (t,) that among them, with its bounds where they
    are known; *cost_per_answer* (t,) replaces (1 - accuracy) x cost_of_an_error where errors do not all cost the same.
    Today every message is answered by a person, or, with *today_accuracy*, by a process that is right so often. It takes
    ``predictions_per_month``, ``cost_of_a_person``, and ``cost_of_an_error`` or *cost_per_answer*.
    """
    number, person, error = prices.predictions_per_month, prices.cost_of_a_person, prices.cost_of_an_error
    if number is None or person is None or (error is None and (cost_per_answer is None or today_accuracy is not None)):
        return None
    at, share, right = (np.asarray(v, np.float64) for v in (thresholds, coverage, accuracy))
    if not len(at) == len(share) == len(right) or not len(at):
        raise RunFailed("the automation curve is not whole", expected="a coverage and an accuracy for each threshold")

    def month(a_row: Floats) -> Floats:
        # Where nothing is answered there is no accuracy, and no error.
        automatic = np.where(share > 0, share * np.nan_to_num(a_row), 0.0)
        return number * (automatic + (1 - share) * person) + inference_per_month + prices.upkeep_per_month

    def priced(accuracy_there: npt.ArrayLike | None) -> Floats:
        if cost_per_answer is not None or accuracy_there is None:
            return usual
        return month((1 - np.asarray(accuracy_there, np.float64)) * (error or 0.0))

    usual = month((1 - right) * (error or 0.0) if cost_per_answer is None else np.asarray(cost_per_answer, np.float64))
    today = number * (person if today_accuracy is None else (1 - today_accuracy) * (error or 0.0))
    least, most = priced(accuracy_high), priced(accuracy_low)
    points = tuple(
        Handover(*map(float, row))
        for row in zip(at, share, right, usual, today - usual, today - most, today - least, strict=True)
    )
    # Among equals the one that answers less by itself.
    return AutomationMoney(
        prices.currency, today, today_accuracy is None, points, min(points, key=lambda p: (_rounded(p), p.coverage))
    )


def _rounded(point: Handover) -> float:
    return math.inf if math.isnan(point.per_month) else round(point.per_month, 9)
