"""Several purposes: ordered by what they return, what is unknown after that, what is not adopted last."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hasei.ground.errors import DataError, RecipeError
from hasei.ground.statistics import Interval
from hasei.inputs.purpose import Prices
from hasei.judge.money import reckon
from hasei.judge.ranking import rank, use_case


def finished(value: float | None = 100.0, verdict: str = "adopt", **prices: Any) -> dict[str, Any]:
    """Return as much of a report as ranking reads; *value* is saved a month, between half and twice of it."""
    given = {"setup_hours": 10.0, "upkeep_hours_per_month": 1.0} | prices
    spread = None if value is None else Interval(value, value - abs(value) / 2, value + abs(value), 1.0, "made up")
    money = reckon(Prices(**given), against="today", per_month=spread, train_seconds=3600.0, inference_per_month=5.0)
    return {"verdict": verdict, "reason": f"{verdict}, because.", "money": money.to_json()}


def test_the_greatest_return_comes_first_and_what_is_not_adopted_last():
    reports = {
        "small": finished(100), "refused": finished(9_000, "do not adopt"), "great": finished(900),
        "unpriced": {"verdict": "adopt", "reason": "", "money": None}, "unknown": finished(None),
        "rethought": {"verdict": "rethink", "reason": "no"}, "loss": finished(-50),
    }  # fmt: skip
    assert [c.name for c in rank(reports)] == ["great", "small", "loss", "unknown", "unpriced", "refused", "rethought"]


def test_figures_are_for_the_money_and_the_labour_that_go_in():
    case = use_case("a", finished(200))
    assert case.back is not None
    assert case.back.value == pytest.approx(12 * 200 - 400 - 0.1)
    assert case.spent == pytest.approx(400.1 + 12 * (5 + 40))
    assert case.per_money == pytest.approx(case.back.value / case.spent)
    assert case.per_hour == pytest.approx(case.back.value / (10 + 12))


def test_a_return_that_may_be_nothing_is_marked():
    assert use_case("a", finished(200)).sure
    assert not use_case("a", finished(50)).sure
    assert not use_case("a", finished(None)).sure


def test_without_labour_there_is_no_return_for_an_hour():
    case = use_case("a", finished(200, setup_hours=0.0, upkeep_hours_per_month=0.0))
    assert case.per_hour is None
    assert case.per_money is not None


def test_different_currencies_or_horizons_are_refused():
    yen = finished(200, currency="JPY", cpu_hour=12.0, labour_hour=4000.0)
    with pytest.raises(RecipeError, match=r"different currencies.*a: USD, b: JPY"):
        rank({"a": finished(), "b": yen, "c": {"verdict": "rethink", "reason": ""}})
    with pytest.raises(RecipeError, match=r"different horizons.*a: 12, b: 24"):
        rank({"a": finished(), "b": finished(horizon_months=24.0)})


def test_money_that_can_not_be_read_is_refused_in_one_line():
    with pytest.raises(DataError, match="the money in the report of 'a' can't be read"):
        rank({"a": {"verdict": "adopt", "reason": "", "money": {"currency": "USD"}}})


@given(st.permutations(["a", "b", "c", "d", "e"]), st.lists(st.floats(-1e4, 1e4), min_size=5, max_size=5))
def test_the_order_in_which_they_are_named_changes_nothing(order, values):
    reports = {name: finished(value) for name, value in zip("abcde", values)}
    assert [c.name for c in rank(reports)] == [c.name for c in rank({n: reports[n] for n in order})]
