"""Which of several purposes first: by what each is expected to return for the money and the labour that it takes.

Everything here reads finished reports (the JSON contract). Adopted ones come first, the greatest expected return over the
horizon before others, those whose money is unknown after them; what is not to be adopted comes after, with the reason, and
last of all what could not be tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hasei.ground.errors import DataError, RecipeError
from hasei.ground.statistics import Interval
from hasei.judge.money import Money, horizon_return

FAILED = "failed"
"""In the place of a verdict, where the study of a use case could not be done."""
_CURRENCY = (
    "convert the amounts of all files into one currency and state it as prices.currency in each (where none is stated, USD is "
    "meant)"
)
_HORIZON = "state one prices.horizon_months in each (where none is stated, 12 is meant)"


@dataclass(frozen=True)
class UseCase:
    """One purpose: its *name*, what its study decided and why, and its *money*, None where the report has none."""

    name: str
    verdict: str
    reason: str
    money: Money | None

    @property
    def failed(self) -> bool:
        """Whether its study could not be done; then *reason* is the error."""
        return self.verdict == FAILED

    @property
    def adopted(self) -> bool:
        """Whether its model is to be adopted."""
        return self.verdict == "adopt"

    @property
    def back(self) -> Interval | None:
        """What it returns over the horizon, None where unknown."""
        money = self.money
        return None if money is None else horizon_return(money.setup, money.per_month, money.horizon_months)

    @property
    def sure(self) -> bool:
        """Whether it returns more than it takes even at its worst."""
        return self.back is not None and self.back.low > 0

    @property
    def spent(self) -> float | None:
        """Money that goes in over the horizon: setup, machine and upkeep."""
        money = self.money
        if money is None:
            return None
        return money.setup + money.horizon_months * (money.inference_per_month + money.upkeep_per_month)

    @property
    def per_money(self) -> float | None:
        """Return for each unit of money that goes in; None where either is unknown or nothing goes in."""
        return self.back.value / self.spent if self.back is not None and self.spent else None

    @property
    def per_hour(self) -> float | None:
        """Return for each hour of labour; None where either is unknown or no labour is needed."""
        hours = self.money.labour_hours if self.money is not None else 0.0
        return self.back.value / hours if self.back is not None and hours else None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "name": self.name, "verdict": self.verdict, "reason": self.reason, "adopted": self.adopted, "sure": self.sure,
            "money": None if self.money is None else self.money.to_json(), "spent": self.spent,
            "return_per_money": self.per_money, "return_per_labour_hour": self.per_hour,
        }  # fmt: skip


def use_case(name: str, report: Mapping[str, Any]) -> UseCase:
    """Return the use case *name* of its finished *report*; raises DataError where its money can't be read."""
    found = report.get("money")
    try:
        money = None if found is None else Money.of_json(found)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"the money in the report of '{name}' can't be read", do="run its study again") from error
    return UseCase(name, str(report["verdict"]), str(report["reason"]), money)


def rank(reports: Mapping[str, Mapping[str, Any]], failed: Mapping[str, str] | None = None) -> list[UseCase]:
    """Return the use cases of *reports* (name -> report) and of *failed* (name -> error), the one to do first in front.

    Raises RecipeError where they are not in one currency and over one horizon, for then they don't compare.
    """
    found = [use_case(name, report) for name, report in reports.items()]
    priced = {case.name: case.money for case in found if case.money is not None}
    refuse_unlike({n: (m.currency, m.horizon_months) for n, m in priced.items()})
    return sorted([*found, *(UseCase(name, FAILED, why, None) for name, why in (failed or {}).items())], key=_place)


def refuse_unlike(priced: Mapping[str, tuple[str, float]]) -> None:
    """Raise RecipeError unless the use cases *priced* (name -> currency, horizon in months) compare."""
    for what, expected, shown, do in (
        ("currencies", "amounts of one currency", {n: c for n, (c, _) in priced.items()}, _CURRENCY),
        ("horizons", "one prices.horizon_months", {n: f"{h:g}" for n, (_, h) in priced.items()}, _HORIZON),
    ):
        if len(set(shown.values())) > 1:
            raise RecipeError(
                f"use cases of different {what} can't be ranked", expected=expected,
                received=", ".join(f"{name}: {value}" for name, value in shown.items()), do=do,
            )  # fmt: skip


def _place(case: UseCase) -> tuple[bool, bool, bool, float, str]:
    return (
        case.failed,
        not case.adopted,
        case.back is None,
        -case.back.value if case.back is not None else 0.0,
        case.name,
    )
