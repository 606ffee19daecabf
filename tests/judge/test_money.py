"""Money: what a row costs, what is saved a month, when it is paid back, what goes to a person."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hasei.ground.errors import RunFailed
from hasei.ground.language import speaking
from hasei.ground.statistics import Interval
from hasei.inputs.purpose import Prices, RowCosts
from hasei.judge.evaluation import compare
from hasei.judge.handover import AutomationMoney, Sure, automation_money
from hasei.judge.money import Money, break_even, figure_cost, horizon_return, reckon, row_costs, saving
from hasei.judge.stakes import stakes
from hasei.tasks import Metric

PRICES = Prices(predictions_per_month=10_000, cost_of_an_error=2.0)
ACCURACY = Metric(
    "accuracy", 1, lambda p, t: float(np.mean(np.asarray(p) == np.asarray(t))),
    lambda p, t: np.asarray(np.asarray(p) == np.asarray(t), np.float64),
)  # fmt: skip


def interval(value: float, low: float, high: float) -> Interval:
    return Interval(value, low, high, (high - low) / 4, "made up")


def answers(rows: int, right: float, seed: int) -> list[str]:
    draw = np.random.default_rng(seed)
    return ["a" if r < right else "b" for r in draw.random(rows)]


def units(rows: int) -> list[str]:
    return [f"u{i}" for i in range(rows)]


TRUE = ["a"] * 500
BETTER, WORSE = answers(500, 0.95, 1), answers(500, 0.85, 2)


def saved(prices: Prices = PRICES, **how: Any) -> Interval:
    found = saving(prices, row_costs(prices, TRUE, BETTER), row_costs(prices, TRUE, WORSE), units(500), **how)
    assert found is not None
    return found


def test_an_error_costs_its_price_and_a_right_answer_nothing():
    assert row_costs(PRICES, ["a", "b", "a"], ["a", "a", "b"]).tolist() == [0.0, 2.0, 2.0]


def test_an_error_of_a_number_costs_its_distance():
    assert row_costs(PRICES, [1.0, 4.0], [1.5, 1.0]).tolist() == [1.0, 6.0]


def test_a_weight_is_the_money_of_its_row_or_the_number_of_errors_that_it_stands_for():
    alone = Prices(costs={"weight": "amount"})  # type: ignore[arg-type]
    both = Prices(cost_of_an_error=2.0, costs={"weight": "amount"})  # type: ignore[arg-type]
    assert row_costs(alone, ["a", "a"], ["b", "a"], [70.0, 5.0]).tolist() == [70.0, 0.0]
    assert row_costs(both, ["a", "a"], ["b", "a"], [70.0, 5.0]).tolist() == [140.0, 0.0]
    with pytest.raises(RunFailed, match="amount"):
        row_costs(both, ["a"], ["b"])


def test_without_a_price_of_an_error_there_is_no_cost_of_a_row():
    with pytest.raises(RunFailed, match="cost_of_an_error"):
        row_costs(Prices(), ["a"], ["b"])


def test_with_one_price_for_every_error_the_saving_is_the_gain_in_money():
    gain = compare(ACCURACY, BETTER, WORSE, TRUE, units(500))
    money = saved()
    for bound in ("value", "low", "high", "se"):
        assert getattr(money, bound) == pytest.approx(20_000 * getattr(gain, bound), rel=1e-9)


def test_with_few_differing_answers_money_is_as_cautious_as_the_exact_test():
    few = ["b" if i < 5 else "a" for i in range(500)]
    money = saving(PRICES, row_costs(PRICES, TRUE, TRUE), row_costs(PRICES, TRUE, few), units(500))
    assert money is not None
    assert money.low <= 0 < money.value == pytest.approx(200)
    assert money.too_few


def test_machine_and_upkeep_are_taken_off_at_both_ends():
    upkeep = PRICES.model_copy(update={"upkeep_hours_per_month": 2.0})
    plain, less = saved(), saved(upkeep, extra_per_month=20.0)
    for bound in ("value", "low", "high"):
        assert getattr(plain, bound) - getattr(less, bound) == pytest.approx(100.0)
    assert plain.se == less.se


def test_without_a_number_of_predictions_the_saving_is_unknown():
    assert saving(Prices(cost_of_an_error=1.0), [0.0], [1.0], ["u"]) is None


@settings(max_examples=20, deadline=None)
@given(st.floats(1.0, 1e6), st.floats(1.5, 20.0))
def test_the_saving_grows_in_proportion_to_the_predictions(number, times):
    one, more = (
        saved(PRICES.model_copy(update={"predictions_per_month": n}), draws=200) for n in (number, number * times)
    )
    for bound in ("value", "low", "high", "se"):
        assert getattr(more, bound) == pytest.approx(times * getattr(one, bound), rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(random):
    dear = np.where(np.arange(500) % 7 == 0, 30.0, 1.0)
    winner, today = row_costs(PRICES, TRUE, BETTER) * dear, row_costs(PRICES, TRUE, WORSE) * dear
    order = list(range(500))
    random.shuffle(order)
    names = [f"u{i // 2}" for i in range(500)]
    one = saving(PRICES, winner, today, names, draws=200)
    other = saving(PRICES, winner[order], today[order], [names[i] for i in order], draws=200)
    assert one == other


def test_rows_of_one_unit_do_not_make_the_saving_surer():
    twice = saving(
        PRICES, row_costs(PRICES, TRUE * 2, BETTER * 2), row_costs(PRICES, TRUE * 2, WORSE * 2), units(500) * 2
    )
    assert twice is not None
    assert (twice.low, twice.high) == pytest.approx((saved().low, saved().high))


def test_cross_fitted_answers_give_wider_money():
    assert saved(se_factor=1.5).low < saved().low


def test_money_that_hangs_on_a_few_dear_rows_is_said_to_be_unsure():
    dear = np.where(np.arange(500) < 3, 5_000.0, 1.0)
    winner, today = row_costs(PRICES, TRUE, BETTER) * dear, row_costs(PRICES, TRUE, WORSE) * dear
    today[:3], winner[:3] = 10_000.0, 0.0
    found = saving(PRICES, winner, today, units(500))
    assert found is not None
    assert found.too_few
    assert not saved().too_few


# What is at stake

TABLE = RowCosts(1.0, {("fraud", "*"): 500.0, ("card", "card"): -2.0})


def test_at_stake_is_the_dearest_answer_less_the_cheapest():
    assert stakes(TABLE, ["fraud", "card", "loss"], ["card", "fraud", "loss"]).tolist() == [500.0, 3.0, 1.0]
    assert stakes(TABLE, ["fraud", "loss"], ["card", "loss"], [2.0, 10.0]).tolist() == [1000.0, 10.0]
    assert stakes(RowCosts(3.0), [1.5, 2.5], []).tolist() == [1.0, 1.0]


def test_dear_errors_that_did_not_happen_are_not_taken_to_be_impossible():
    truths = ["fraud" if i % 50 == 0 else "card" for i in range(500)]
    said = ["card" if i % 10 == 1 else t for i, t in enumerate(truths)]
    rule = RowCosts(1.0, {("fraud", "*"): 500.0})
    before = ["loss" if i % 5 == 1 else t for i, t in enumerate(truths)]
    winner, today = (row_costs(PRICES, truths, answers, rule=rule) for answers in (said, before))
    at_stake = stakes(rule, truths, ["card", "fraud", "loss"])
    blind, honest = (saving(PRICES, winner, today, units(500), stakes=s) for s in (None, at_stake))
    assert blind is not None
    assert honest is not None
    assert blind.value == honest.value
    assert honest.low < 0 < blind.low
    assert honest.high > 5 * blind.high
    assert honest.too_few


def test_where_all_errors_cost_the_same_stakes_change_nothing():
    assert saved(stakes=np.full(500, 2.0)) == saved()


def test_stakes_hold_for_a_figure_too_and_widen_with_cross_fitting():
    figure = figure_cost(PRICES, 0.85)
    assert figure is not None
    dear = np.where(np.arange(500) < 5, 100.0, 1.0)
    winner = row_costs(PRICES, TRUE, BETTER) * np.where(np.arange(500) < 5, 0.0, 1.0)
    widths = []
    for how in ({}, {"stakes": dear}, {"stakes": dear, "se_factor": 1.5}):
        money = saving(PRICES, winner, figure, units(500), **how)  # type: ignore[arg-type]
        assert money is not None
        widths.append(money.value - money.low)
    assert widths[0] < widths[1] < widths[2]


def test_the_bounds_of_skewed_money_hold_what_they_promise():
    """5 % of the rows cost 200 times as much as the others; both processes err at random, half of the time together."""
    prices = Prices(predictions_per_month=1.0, cost_of_an_error=1.0)
    draw, inside, worlds, rows = np.random.default_rng(5), 0, 150, 300
    for _ in range(worlds):
        dear = np.where(draw.random(rows) < 0.05, 200.0, 1.0)
        one = draw.random(rows)
        other = np.where(draw.random(rows) < 0.5, one, draw.random(rows))
        found = saving(prices, dear * (one < 0.06), dear * (other < 0.12), units(rows), stakes=dear, draws=200)
        assert found is not None
        inside += found.low <= 0.06 * (0.05 * 200 + 0.95) <= found.high
    assert inside / worlds >= 0.93


# Today as a figure


def test_a_figure_without_its_rows_counts_as_exact_and_one_with_few_makes_the_saving_less_sure():
    exact, few, many = (figure_cost(PRICES, 0.85, rows) for rows in (None, 60, 6_000))
    assert exact is not None
    assert few is not None
    assert many is not None
    assert (exact.low, exact.value, exact.high) == pytest.approx((0.30, 0.30, 0.30))
    assert few.too_few
    widths = []
    for today in (exact, many, few):
        money = saving(PRICES, row_costs(PRICES, TRUE, BETTER), today, units(500))
        assert money is not None
        assert money.value == pytest.approx(10_000 * (0.30 - 2.0 * np.mean([b != "a" for b in BETTER])))
        widths.append(money.high - money.low)
    assert widths == sorted(widths)


def test_of_a_process_known_by_its_accuracy_alone_a_table_of_costs_says_nothing():
    assert figure_cost(Prices(costs={"weight": "amount"}), 0.9) is None  # type: ignore[arg-type]


def test_paired_answers_bound_the_saving_more_tightly_than_a_figure_on_as_many_rows():
    harder = ["b" if i < 60 else "a" for i in range(500)]
    hard = ["b" if i < 40 else "a" for i in range(500)]
    winner = row_costs(PRICES, TRUE, hard)
    paired = saving(PRICES, winner, row_costs(PRICES, TRUE, harder), units(500))
    figure = figure_cost(PRICES, 1 - 60 / 500, 500)
    assert figure is not None
    apart = saving(PRICES, winner, figure, units(500))
    assert paired is not None
    assert apart is not None
    assert paired.value == pytest.approx(apart.value)
    assert paired.high - paired.low < apart.high - apart.low


# Paid back


def test_the_setup_is_paid_back_after_as_many_months_as_the_saving_takes():
    assert break_even(1200, interval(100, 50, 200)) == (12, 6, 24)
    assert break_even(1200, interval(100, -1, 200)) == (12, 6, math.inf)
    assert break_even(1200, interval(-5, -50, 10)) == (math.inf, 120, math.inf)
    assert break_even(1200, None) is None


@given(st.floats(0, 1e6), st.floats(0.01, 1e4), st.floats(1.0, 100.0))
def test_more_saving_is_never_paid_back_later_and_a_dearer_setup_never_sooner(setup, per_month, times):
    one, better = (break_even(setup, interval(m, m / 2, m * 2)) for m in (per_month, per_month * times))
    dearer = break_even(setup * times, interval(per_month, per_month / 2, per_month * 2))
    assert one is not None
    assert better is not None
    assert dearer is not None
    assert all(b <= o <= d for b, o, d in zip(better, one, dearer))
    assert one[1] <= one[0] <= one[2]


def test_the_return_is_the_saving_over_the_horizon_less_the_setup():
    found = horizon_return(1000, interval(200, 50, 400), 12)
    assert found is not None
    assert (found.value, found.low, found.high) == (1400, -400, 3800)


def money(**changes: Any) -> Money:
    given: dict[str, Any] = {
        "against": "today", "per_month": interval(200, 50, 400), "train_seconds": 1800, "inference_per_month": 0.4,
    }  # fmt: skip
    prices = PRICES.model_copy(update={"setup_hours": 25.0, "upkeep_hours_per_month": 1.0})
    return reckon(prices, **(given | changes))


def test_the_json_of_the_money_holds_every_field_of_the_contract():
    found = money().to_json()
    assert found.keys() >= {
        "currency", "against", "per_month", "setup", "training", "labour", "inference_per_month", "upkeep_per_month",
        "months_to_break_even", "horizon_months", "return",
    }  # fmt: skip
    assert (found["training"], found["labour"], found["setup"]) == pytest.approx((0.05, 1000.0, 1000.05))
    assert found["labour_hours"] == 25 + 12
    assert found["months_to_break_even"]["high"] == pytest.approx(1000.05 / 50)
    assert found["return"]["value"] == pytest.approx(12 * 200 - 1000.05)


def test_what_is_unknown_or_never_is_null():
    unknown = money(per_month=None).to_json()
    assert (
        unknown["per_month"]["value"] is unknown["months_to_break_even"]["value"] is unknown["return"]["value"] is None
    )
    assert unknown["setup"] == pytest.approx(1000.05)
    never = money(per_month=interval(-10, -50, -1)).to_json()
    assert set(never["months_to_break_even"].values()) == {None}
    boundless = money(per_month=Interval(5, -math.inf, math.inf, math.inf, "none", True)).to_json()
    assert boundless["per_month"] == {"value": 5, "low": None, "high": None, "too_few": True}


@pytest.mark.parametrize(
    ("per_month", "said"),
    [
        (interval(200, 50, 400), "saves about 200 USD a month against today (95 % interval 50 USD to 400 USD)"),
        (interval(200, 50, 400), "paid back after about 5.0 months (2.5 to 20)"),
        (interval(200, -50, 400), "after about 5.0 months, 2.5 at the best, maybe never"),
        (interval(-20, -50, 100), "costs about 20 USD a month more than today (95 % interval -100 USD to 50 USD)"),
        (interval(-20, -50, 100), "not expected to be paid back: after 10 months at the best, maybe never"),
        (interval(-20, -50, -1), "never paid back"),
        (interval(200, 50, 400), "Over 12 months the return is about 1,400 USD (-400 USD to 3,800 USD)"),
        (Interval(5, -math.inf, math.inf, math.inf, "", True), "can't be bounded"),
        (None, "can't be told"),
    ],
)
def test_the_money_is_said_in_plain_sentences(per_month, said):
    assert said in money(per_month=per_month).words()


def test_what_was_stored_can_be_said_again():
    for found in (money(), money(per_month=None), money(exact=True), money(per_month=interval(-20, -50, 100))):
        again = Money.of_json(found.to_json())
        assert again.words() == found.words()
        assert again.to_json() == found.to_json()
    with speaking("ja"):
        assert "USD" in Money.of_json(money().to_json()).words()


def test_a_figure_taken_as_exact_is_said_to_be():
    assert "taken as exact" in money(exact=True).words()
    assert "taken as exact" not in money().words()


# People and machines

PEOPLE = Prices(predictions_per_month=1000, cost_of_an_error=50.0, cost_of_a_person=2.0)
CONFIDENCE = np.linspace(0.0, 1.0, 1000, endpoint=False)
"""A thousand rows; below 0.2 a tenth of the answers are right, from there on 49 in 50."""
WRONG = np.where(CONFIDENCE < 0.2, np.arange(1000) % 10 > 0, np.arange(1000) % 50 == 0)


def sure(price: float | np.ndarray[Any, Any] = 50.0, wrong: np.ndarray[Any, Any] = WRONG) -> Sure:
    return Sure(CONFIDENCE, wrong * price, units(len(wrong)))


def handed(prices: Prices = PEOPLE, rows: Sure | None = None, **how: Any) -> AutomationMoney:
    how = {"chosen_by": sure(), "today": None} | how
    found = automation_money(prices, rows or sure(), [0.0, 0.2, 0.9], **how)
    assert found is not None
    return found


def test_money_on_both_sides_of_the_threshold():
    found = handed(extra_per_month=1.0, inference_per_month=1.0)
    assert found.today_per_month == 2000
    assert [p.per_month for p in found.points] == pytest.approx([9000 + 800 + 1, 800 + 400 + 1, 100 + 1800 + 1])
    assert (found.cheapest.threshold, found.cheapest.coverage) == (0.2, pytest.approx(0.8))
    assert found.cheapest.saving == pytest.approx(799)
    assert found.cheapest.saving_low < 799 < found.cheapest.saving_high
    assert "80 % of the messages are answered without a person: 1,201 USD a month instead of 2,000 USD" in found.words()


def test_the_cheapest_threshold_is_chosen_on_other_rows_than_those_that_price_it():
    lucky = sure(wrong=np.zeros(1000, np.bool_))
    assert handed(rows=lucky).cheapest.threshold == 0.2  # although its own rows would have let all be answered
    assert handed(rows=lucky, chosen_by=None).cheapest.threshold == 0.0


def test_where_the_same_rows_choose_and_price_no_saving_is_made_up_in_the_mean():
    rng, found = np.random.default_rng(3), []
    for _ in range(60):
        # Whatever the confidence, an answer costs in the mean just what a person does.
        rows = Sure(rng.random(200), 50.0 * (rng.random(200) < 0.04), units(200))
        found.append(
            automation_money(
                PEOPLE, rows, np.quantile(rows.confidence, np.arange(0, 1, 0.05)).tolist(), chosen_by=None, today=None
            ).cheapest.saving
        )
    assert abs(np.mean(found)) < 3 * np.std(found) / math.sqrt(60)


def test_today_may_be_a_process_that_answers_by_itself():
    found = handed(today=50.0 * (np.arange(1000) % 100 == 0))
    assert found.today_per_month == pytest.approx(500)
    assert "At no threshold" in found.words()
    exact = handed(today=figure_cost(PEOPLE, 0.99))
    rough = handed(today=figure_cost(PEOPLE, 0.99, rows=300))
    assert exact.today_per_month == rough.today_per_month == pytest.approx(500)
    assert rough.cheapest.saving_low < exact.cheapest.saving_low


def test_errors_that_do_not_all_cost_the_same_bring_their_own_costs():
    dear = sure(np.where(np.arange(1000) >= 900, 500.0, 50.0))
    found = handed(rows=dear, chosen_by=dear)
    assert found.points[2].per_month == pytest.approx(1000 + 1800)
    assert (
        found.to_json()["cheapest"]["threshold"] is None
    )  # the surest answers are the dearest errors: a person answers all
    assert found.cheapest.saving == 0


def test_where_no_price_of_a_person_is_known_nothing_is_told():
    assert automation_money(PRICES, sure(), [0.5], chosen_by=None, today=None) is None


def test_a_month_costs_the_same_however_the_rows_lie():
    order = np.random.default_rng(1).permutation(1000)
    rows = sure()
    mixed = Sure(rows.confidence[order], rows.costs[order], [rows.units[i] for i in order])
    assert handed(rows=mixed, chosen_by=mixed).cheapest.saving == pytest.approx(handed().cheapest.saving)
