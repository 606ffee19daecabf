"""Goals and prices: sensible defaults, nonsense refused in one line."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from hasei.ground.errors import RecipeError
from hasei.inputs.purpose import Goal, Prices, Purpose, parse_at_least

BOUNDS = {"accuracy": (0.0, 1.0), "macro_f1": (0.0, 1.0), "mae": (0.0, float("inf"))}


def test_nothing_given_means_no_goal_dollars_and_one_point() -> None:
    purpose = Purpose()
    assert purpose.goal.at_least is None
    assert (purpose.prices.currency, purpose.prices.cpu_hour, purpose.prices.labour_hour) == ("USD", 0.10, 40.0)
    assert purpose.delta() == 0.01


@pytest.mark.parametrize(
    ("written", "value"), [("0.92", 0.92), ("92%", 0.92), ("92 %", 0.92), ("92％", 0.92), ("1", 1.0)]
)
def test_a_goal_on_the_command_line_is_a_share_or_a_percentage(written: str, value: float) -> None:
    assert parse_at_least(f"accuracy={written}", BOUNDS) == ("accuracy", value)
    assert parse_at_least(f" accuracy = {written} ") == ("accuracy", value)


@pytest.mark.parametrize(
    "text", ["", "accuracy", "0.92", "accuracy=", "=0.92", "accuracy=high", "accuracy=nan", "accuracy=inf"]
)
def test_a_goal_that_cannot_be_read_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(RecipeError, match=r"accuracy=0\.92 or accuracy=92%"):
        parse_at_least(text)


def test_an_accuracy_of_92_is_refused_saying_what_was_probably_meant() -> None:
    with pytest.raises(RecipeError, match=r"0 to 1; received 92\. If you mean 92 %, write 0\.92 or 92%"):
        parse_at_least("accuracy=92", BOUNDS)
    with pytest.raises(RecipeError, match="out of range"):
        Goal(metric="accuracy", at_least=1.2).checked(BOUNDS)


def test_a_metric_without_bounds_may_have_any_goal() -> None:
    assert parse_at_least("mae=12.5", BOUNDS) == ("mae", 12.5)


def test_a_misspelt_metric_gets_a_suggestion() -> None:
    with pytest.raises(RecipeError, match="Did you mean 'accuracy'"):
        parse_at_least("acuracy=0.9", BOUNDS)
    with pytest.raises(RecipeError, match="Did you mean 'macro_f1'"):
        Goal(metric="macrof1").checked(BOUNDS)


def test_a_goal_may_be_written_as_a_percentage_in_the_file_too() -> None:
    assert Purpose(goal={"metric": "accuracy", "at_least": "92%"}, smallest_gain="2%") == Purpose(  # type: ignore[arg-type]
        goal=Goal(metric="accuracy", at_least=0.92), smallest_gain=0.02
    )


@pytest.mark.parametrize(
    "values",
    [
        {"cpu_hour": -1.0}, {"cpu_hour": float("nan")}, {"cpu_hour": float("inf")}, {"cpu_hour": "a lot"},
        {"cpu_hour": True}, {"labour_hour": -3}, {"predictions_per_month": 0}, {"cost_of_an_error": -5.0},
        {"currency": "dollars"},
        {"currency": 3}, {"currency": "¥"},
    ],
)  # fmt: skip
def test_nonsense_prices_are_refused_in_one_line(values: dict[str, Any]) -> None:
    with pytest.raises(RecipeError) as caught:
        Prices(**values)
    assert "\n" not in str(caught.value)
    assert f"prices.{next(iter(values))}" in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"at_least": "high"},
        {"at_least": float("nan")},
        {"latency_p95_ms": 0},
        {"size_mb": -1},
        {"metric": 3},
        {"today": 1},
    ],
)
def test_nonsense_goals_are_refused_in_one_line(values: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match=rf"goal\.{next(iter(values))}"):
        Purpose(goal=values)  # type: ignore[arg-type]


@pytest.mark.parametrize("gain", [-0.01, float("nan"), "some"])
def test_a_nonsense_smallest_gain_is_refused(gain: Any) -> None:
    with pytest.raises(RecipeError, match="smallest_gain"):
        Purpose(smallest_gain=gain)


def test_an_unknown_setting_gets_a_suggestion() -> None:
    with pytest.raises(RecipeError, match=r"there is no setting 'prices\.cpu_hours'\. Did you mean 'cpu_hour'\?"):
        Purpose(prices={"cpu_hours": 1.0})  # type: ignore[arg-type]


def test_any_currency_goes_but_the_dollar_defaults_are_not_taken_over() -> None:
    assert Prices(currency="jpy", cpu_hour=12).currency == "JPY"
    assert Prices(currency="JPY", cpu_hour=12).labour_hour is None
    with pytest.raises(RecipeError, match="prices in JPY need 'cpu_hour'"):
        Prices(currency="JPY")


def test_prices_set_the_smallest_gain_worth_having() -> None:
    prices = Prices(predictions_per_month=100_000, cost_of_an_error=0.5)
    # 1,000 USD a month over 100,000 predictions at 0.50 USD an error: two errors in a hundred must go.
    assert Purpose(prices=prices).delta(1_000.0) == pytest.approx(0.02)
    assert Purpose(prices=prices).delta(-50.0) == 0.0
    assert Purpose(prices=Prices(cost_of_an_error=0.5)).delta(1_000.0) == 0.01


def test_a_smallest_gain_that_the_user_has_set_is_never_undercut_by_the_prices() -> None:
    prices = Prices(predictions_per_month=100_000, cost_of_an_error=0.5)
    assert Purpose(prices=prices, smallest_gain=0.03).delta(1_000.0) == 0.03
    assert Purpose(prices=prices, smallest_gain=0.001).delta(1_000.0) == pytest.approx(0.02)


def test_a_purpose_cannot_be_changed_once_made() -> None:
    for name in Purpose.model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(Purpose(), name, None)


# Today's process


@pytest.mark.parametrize(
    ("written", "way", "value"),
    [
        ("old_answer", "column", "old_answer"),
        ({"column": "old_answer"}, "column", "old_answer"),
        ({"rules": "rules.csv"}, "rules", "rules.csv"),
        ({"model": "runs/old/model"}, "model", "runs/old/model"),
        ({"accuracy": 0.81}, "value", 0.81),
        ({"accuracy": "81%", "rows": 400}, "value", 0.81),
        ({"mae": 3}, "value", 3.0),
        ({"column": "old_answer", "rules": None}, "column", "old_answer"),
    ],
)
def test_todays_process_is_named_in_one_of_four_ways(written: Any, way: str, value: Any) -> None:
    today = Goal(today=written).today
    assert today is not None
    assert getattr(today, way) == value
    assert Goal(**Goal(today=written).model_dump()) == Goal(today=written)
    assert Goal(**Goal(today=written).model_dump(mode="json")) == Goal(today=written)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (1, "'goal.today' is not valid"),
        ("", "'goal.today' is not valid"),
        ([], "'goal.today' is not valid"),
        ({}, "must name one process.*received nothing"),
        ({"rows": 400}, "must name one process"),
        ({"column": "a", "rules": "b.csv"}, "must name one process.*received column, rules"),
        ({"accuracy": 0.8, "model": "m"}, "must name one process.*received accuracy, model"),
        ({"accuracy": 0.8, "macro_f1": 0.7}, "must name one process"),
        ({"column": "a", "rows": 400}, "'goal.today.rows' goes with a figure alone"),
        ({"colum": "a"}, "no setting 'goal.today.colum'. Did you mean 'column'"),
        ({"rulez": "a.csv"}, "Did you mean 'rules'"),
        ({"accuracy": "high"}, "no setting 'goal.today.accuracy'"),
        ({"accuracy": True}, "no setting 'goal.today.accuracy'"),
        ({"accuracy": float("nan")}, "'goal.today.value'.*finite"),
        ({"accuracy": 0.8, "rows": 0}, "'goal.today.rows'.*greater than or equal to 1"),
        ({"accuracy": 0.8, "rows": 2.5}, "'goal.today.rows'"),
        ({"column": 3}, "'goal.today.column'"),
        ({"model": " "}, "names nothing"),
    ],
)
def test_a_process_that_can_not_be_told_is_refused_in_one_line(written: Any, words: str) -> None:
    with pytest.raises(RecipeError, match=words) as caught:
        Goal(today=written)
    assert "\n" not in str(caught.value)
    assert "goal.today" in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("today", "metric", "words"),
    [
        ({"acuracy": 0.8}, None, "'acuracy', which is no metric. Did you mean 'accuracy'"),
        ({"colum": 3}, None, "Did you mean 'column'"),
        ({"accuracy": 81}, None, "today's accuracy of 81 is out of range.*write 0.81 or 81%"),
        ({"accuracy": 0.8}, "macro_f1", "gives accuracy, but the goal is in macro_f1.*Measure macro_f1"),
    ],
)
def test_todays_figure_must_be_one_of_the_goals_metric(today: Any, metric: str | None, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        Goal(metric=metric, today=today).checked(BOUNDS)
    assert Goal(metric="mae", today={"mae": 12}).checked(BOUNDS).today is not None  # type: ignore[arg-type]


@pytest.mark.parametrize("wish", [0, 97, -0.1, "many", True])
def test_the_accuracy_of_automatic_answers_is_a_share(wish: Any) -> None:
    assert Goal(automate_at="97%").automate_at == 0.97  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match=r"goal\.automate_at"):
        Goal(automate_at=wish)


# Labour and rows


def test_labour_costs_its_hours() -> None:
    prices = Prices(setup_hours=10, upkeep_hours_per_month=0.5)
    assert (prices.setup_labour, prices.upkeep_per_month, prices.horizon_months) == (400.0, 20.0, 12.0)


def test_hours_of_labour_need_a_price_in_their_currency() -> None:
    with pytest.raises(RecipeError, match=r"hours of labour in JPY need 'prices\.labour_hour'"):
        Prices(currency="JPY", cpu_hour=12, setup_hours=3)
    assert Prices(currency="JPY", cpu_hour=12, labour_hour=4000, setup_hours=3).setup_labour == 12_000


@pytest.mark.parametrize(
    "values",
    [
        {"setup_hours": -1}, {"upkeep_hours_per_month": float("inf")}, {"horizon_months": 0}, {"cost_of_a_person": 0},
        {"country": "Japan"}, {"country": "jpn"}, {"setup_hours": "a week"}, {"horizon_months": True},
    ],
)  # fmt: skip
def test_nonsense_labour_is_refused_in_one_line(values: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match=rf"prices\.{next(iter(values))}") as caught:
        Prices(**values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "way", "value"),
    [
        ("costs.csv", "table", "costs.csv"),
        ("data/kosten:2026.csv", "table", "data/kosten:2026.csv"),
        ("costs:of_rows", "function", "costs:of_rows"),
        ("my.package.costs:of_rows", "function", "my.package.costs:of_rows"),
        ({"weight": "amount"}, "weight", "amount"),
        ({"table": "costs.csv", "weight": "amount"}, "weight", "amount"),
    ],
)
def test_costs_of_rows_come_from_a_file_a_function_or_a_column(written: Any, way: str, value: str) -> None:
    prices = Prices(cost_of_an_error=1.0, costs=written)
    assert getattr(prices.costs, way) == value
    assert Prices(**prices.model_dump()) == Prices(**prices.model_dump(mode="json")) == prices


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (3, "'prices.costs' is not valid"),
        ("", "'prices.costs' is not valid"),
        ({}, "names nothing"),
        ({"table": "a.csv", "function": "a:b"}, "names a function and a table"),
        ({"weight": "amount", "function": "a:b"}, "names a function and a weight"),
        ({"function": "costs.py"}, "expected module:function; received 'costs.py'"),
        ({"tabel": "a.csv"}, "no setting 'prices.costs.tabel'. Did you mean 'table'"),
        ({"weight": 3}, "'prices.costs.weight'"),
    ],
)
def test_costs_that_can_not_be_told_are_refused_in_one_line(written: Any, words: str) -> None:
    with pytest.raises(RecipeError, match=words) as caught:
        Prices(cost_of_an_error=1.0, costs=written)
    assert "\n" not in str(caught.value)


def test_a_whole_purpose_survives_being_written_and_read() -> None:
    whole = Purpose(
        goal=Goal(metric="accuracy", today={"accuracy": 0.8, "rows": 90}, automate_at=0.97),  # type: ignore[arg-type]
        prices=Prices(currency="JPY", cpu_hour=12, labour_hour=4000, setup_hours=1, costs="costs.csv"),  # type: ignore[arg-type]
    )
    assert Purpose(**whole.model_dump()) == whole
    assert Purpose(**whole.model_dump(mode="json")).goal == whole.goal
