"""The verdict follows the rule, and its reason says in plain words what decided."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hasei.ground.language import speaking
from hasei.ground.statistics import Forecast, Interval, rows_needed
from hasei.judge.decision import Constraint, Evidence, decide, pick


def near(value: float, arm: float) -> Interval:
    return Interval(value, value - arm, value + arm, arm / 1.96, "test")


CLEAR = Evidence(
    winner="feature_extraction", reference="lexical", metric="accuracy", units=1200,
    gain=near(0.05, 0.02), winner_score=near(0.90, 0.015), reference_score=near(0.85, 0.02),
    delta=0.01, alpha=0.025, alpha_next=0.05 / 6, gain_over_base=near(0.2, 0.03),
)  # fmt: skip


def test_a_clear_gain_without_a_goal_is_adopted_as_better_than_the_reference() -> None:
    decision = decide(CLEAR)
    assert decision.verdict == "adopt"
    assert decision.rows_needed is None
    assert decision.reason == (
        "Adopt feature_extraction: on 1,200 cases kept out of every choice, it reaches accuracy 90.0 %, 5.0 points"
        " better than lexical (95 % interval 3.0 to 7.0 points). No goal was given, so this says that it is better than"
        " lexical, and no more. Over the base as it is the gain is 20.0 points."
    )


def test_a_goal_that_is_surely_met_is_said() -> None:
    decision = decide(replace(CLEAR, kpi=0.88))
    assert decision.verdict == "adopt"
    assert "sure to reach at least 88.5 %, and the goal is 88.0 %" in decision.reason


def test_a_goal_met_on_average_only_is_not_enough_data_and_the_rows_are_told() -> None:
    decision = decide(replace(CLEAR, kpi=0.89))
    assert decision.verdict == "not enough data"
    expected = max(rows_needed(1200, 0.015 / 1.96, 0.01, 0.05 / 6), 1200)
    assert decision.rows_needed == pytest.approx(expected, abs=2)
    assert decision.rows_role == "confirm"
    assert f"{decision.rows_needed:,} fresh confirm rows" in decision.reason


def test_a_goal_missed_asks_for_train_rows_and_admits_when_they_are_unknown() -> None:
    unknown = decide(replace(CLEAR, kpi=0.91))
    assert (unknown.verdict, unknown.rows_needed) == ("not enough data", None)
    assert "can't be told from this run" in unknown.reason
    known = decide(replace(CLEAR, kpi=0.91, train_rows=9000))
    assert (known.verdict, known.rows_needed, known.rows_role) == ("not enough data", 9000, "train")
    assert "9,000 train rows" in known.reason


def test_a_gain_that_may_be_none_is_not_enough_data() -> None:
    decision = decide(replace(CLEAR, gain=near(0.02, 0.025)))
    assert decision.verdict == "not enough data"
    assert "it may as well be no better at all" in decision.reason
    assert decision.rows_needed == pytest.approx(rows_needed(1200, 0.025 / 1.96, 0.02, 0.05 / 6), abs=1)


def test_a_real_gain_below_the_smallest_worth_having_is_no_adoption() -> None:
    decision = decide(replace(CLEAR, gain=near(0.008, 0.004)))
    assert decision.verdict == "not enough data"
    assert "less than 1.0 points is not worth having" in decision.reason
    assert decision.rows_needed == 1200


def test_more_than_twenty_times_the_rows_reads_do_not_adopt() -> None:
    decision = decide(replace(CLEAR, gain=near(0.002, 0.02)))
    assert decision.verdict == "do not adopt"
    assert "no better at all" in decision.reason
    assert "more than 20 times the confirm rows there are" in decision.reason


def test_no_gain_is_not_adopted() -> None:
    decision = decide(replace(CLEAR, gain=near(-0.01, 0.02)))
    assert (decision.verdict, decision.cause) == ("do not adopt", "no gain")
    assert "no better than lexical (-1.0 points, 95 % interval -3.0 to 1.0 points)" in decision.reason


def test_a_gain_surely_too_small_is_not_adopted() -> None:
    decision = decide(replace(CLEAR, gain=near(0.004, 0.003)))
    assert (decision.verdict, decision.cause) == ("do not adopt", "gain below delta")
    assert "0.7 points at most" in decision.reason


def test_a_constraint_that_fails_is_named_with_its_figures() -> None:
    slow = Constraint("latency", False, "31 ms a row, at most 20 ms allowed")
    decision = decide(replace(CLEAR, constraints=(Constraint("size", True), slow)))
    assert (decision.verdict, decision.cause) == ("do not adopt", "constraint")
    assert "latency (31 ms a row, at most 20 ms allowed)" in decision.reason
    assert "size" not in decision.reason


@pytest.mark.parametrize(
    "case", [{"winner": "lexical", "gain": None}, {"winner": "naive_bayes", "winner_is_cheap": True}]
)
def test_where_a_cheap_truth_wins_no_derived_model_is_adopted(case: dict[str, object]) -> None:
    decision = decide(replace(CLEAR, **case))  # type: ignore[arg-type]
    assert (decision.verdict, decision.cause) == ("do not adopt", "no derived model")
    assert "none of those tried beats lexical" in decision.reason


def test_a_cheap_truth_that_meets_the_goal_is_recommended() -> None:
    decision = decide(replace(CLEAR, winner="lexical", gain=None, winner_score=CLEAR.reference_score, kpi=0.80))
    assert "Use lexical, it is enough: accuracy 85.0 %, surely at least 83.0 %; the goal is 80.0 %." in decision.reason
    unsure = decide(replace(CLEAR, winner="lexical", gain=None, winner_score=CLEAR.reference_score, kpi=0.84))
    assert "enough" not in unsure.reason
    assert "Nor is lexical sure to meet the goal of 84.0 %" in unsure.reason


def test_nothing_better_than_a_constant_answer_is_a_rethink() -> None:
    decision = decide(replace(CLEAR, beats_majority=False))
    assert (decision.verdict, decision.cause) == ("rethink", "majority")
    assert "Look at the data first" in decision.reason


OUT_OF_REACH = replace(CLEAR, kpi=0.97, forecast=Forecast(0.91, 0.93, 0.90))


def test_a_goal_out_of_reach_even_at_four_times_the_rows_is_a_rethink() -> None:
    decision = decide(OUT_OF_REACH)
    assert (decision.verdict, decision.cause) == ("rethink", "out of reach")
    assert "four times the rows are expected to bring 91.0 %, 93.0 % at best" in decision.reason


@pytest.mark.parametrize(
    "change",
    [
        {"forecast": None},
        {"forecast": Forecast(0.94, 0.98, 0.92)},
        {"kpi": 0.91},
        {"reference_score": near(0.96, 0.02)},
    ],
)
def test_a_goal_that_may_still_be_reached_is_no_rethink(change: dict[str, object]) -> None:
    assert decide(replace(OUT_OF_REACH, **change)).verdict != "rethink"  # type: ignore[arg-type]


def test_what_to_change_first_follows_from_the_evidence() -> None:
    assert "Change the data first" in decide(OUT_OF_REACH).reason
    assert "Change the task first" in decide(replace(OUT_OF_REACH, forecast=Forecast(0.9, 0.905, 0.9))).reason
    assert "Change the base first" in decide(replace(OUT_OF_REACH, gain=near(0.0, 0.005))).reason
    assert decide(replace(OUT_OF_REACH, change_first="Fix the labels.")).reason.endswith("Fix the labels.")


def test_fewer_than_thirty_units_are_never_enough_to_adopt() -> None:
    assert decide(replace(CLEAR, units=30)).verdict == "adopt"
    few = decide(replace(CLEAR, units=29))
    assert few.verdict == "not enough data"
    assert few.rows_needed is not None
    assert few.rows_needed >= 30
    assert "29 independent cases and 30 are the least" in few.reason


def test_where_prices_are_known_it_must_surely_save_money() -> None:
    assert decide(replace(CLEAR, saving=near(1000, 400))).verdict == "adopt"
    assert (
        "saves about 1,000 USD a month, 600 USD a month at the least"
        in decide(replace(CLEAR, saving=near(1000, 400))).reason
    )
    unsure = decide(replace(CLEAR, saving=near(300, 400), currency="JPY"))
    assert unsure.verdict == "not enough data"
    assert "-100 JPY a month at the least" in unsure.reason
    assert decide(replace(CLEAR, saving=near(-900, 400))).verdict == "do not adopt"


def test_a_metric_where_less_is_better_is_judged_the_right_way_round() -> None:
    mae = replace(
        CLEAR, metric="mae", direction=-1, share=False, delta=0.1, gain=near(0.8, 0.3),
        winner_score=near(4.0, 0.2), reference_score=near(4.8, 0.25),
    )  # fmt: skip
    adopted = decide(replace(mae, kpi=4.5))
    assert adopted.verdict == "adopt"
    assert "mae 4" in adopted.reason
    assert "sure to reach at most 4.2, and the goal is 4.5" in adopted.reason
    assert decide(replace(mae, kpi=4.1)).verdict == "not enough data"
    assert decide(replace(mae, kpi=2.0, forecast=Forecast(3.5, 3.0, 3.9))).verdict == "rethink"
    assert decide(replace(mae, kpi=3.2, forecast=Forecast(3.5, 3.0, 3.9))).verdict == "not enough data"


def test_an_exploratory_result_says_so() -> None:
    assert decide(replace(CLEAR, exploratory=True)).reason.endswith("this result is exploratory.")


def test_figures_that_would_read_the_same_get_more_digits() -> None:
    tight = replace(CLEAR, kpi=0.8851, winner_score=Interval(0.90, 0.8849, 0.915, 0.0077, "test"))
    assert "at least 88.49 %, and the goal is 88.51 %" in decide(tight).reason


def intervals(least: float, most: float) -> st.SearchStrategy[Interval]:
    arms = st.floats(0.001, 0.2)
    return st.builds(
        lambda v, a, b: Interval(v, v - a, v + b, max(a, b) / 2, "test"), st.floats(least, most), arms, arms
    )


worlds = st.builds(
    Evidence,
    winner=st.sampled_from(["lora", "lexical"]), reference=st.just("lexical"), metric=st.just("accuracy"),
    units=st.sampled_from([12, 29, 30, 400, 5000]), gain=intervals(-0.1, 0.2), winner_score=intervals(0.6, 1.0),
    reference_score=intervals(0.6, 1.0), delta=st.sampled_from([0.0, 0.01, 0.05]), alpha=st.just(0.025),
    alpha_next=st.just(0.05 / 6), kpi=st.none() | st.floats(0.6, 1.0), winner_is_cheap=st.booleans(),
    constraints=st.lists(st.builds(Constraint, st.just("size"), st.booleans()), max_size=2).map(tuple),
    saving=st.none() | intervals(-100, 1000), beats_majority=st.sampled_from([True, True, True, False]),
    forecast=st.none() | st.floats(0.6, 1.0).map(lambda v: Forecast(v, v + 0.02, v - 0.02)),
    train_rows=st.none() | st.integers(1, 10_000),
)  # fmt: skip


@given(worlds)
@settings(max_examples=600, deadline=None)
def test_nothing_is_adopted_unless_every_condition_holds(world: Evidence) -> None:
    gain = world.gain
    assert gain is not None
    conditions = [
        gain.low > 0,
        gain.value >= world.delta,
        world.kpi is None or world.winner_score.low >= world.kpi,
        all(c.ok for c in world.constraints),
        world.saving is None or world.saving.low > 0,
        world.units >= 30,
        world.winner == "lora" and not world.winner_is_cheap,
        world.beats_majority,
    ]
    assert (decide(world).verdict == "adopt") == all(conditions)


@given(worlds)
@settings(max_examples=600, deadline=None)
def test_every_verdict_that_is_not_adopt_follows_the_rule(world: Evidence) -> None:
    decision, gain, kpi = decide(world), world.gain, world.kpi
    assert gain is not None
    hopeless = kpi is not None and world.forecast is not None and (
        max(world.winner_score.high, world.reference_score.high, world.forecast.optimistic) < kpi
    )  # fmt: skip
    refused = (
        gain.value <= 0 or gain.high < world.delta or not all(c.ok for c in world.constraints)
        or world.winner == "lexical" or world.winner_is_cheap or (world.saving is not None and world.saving.high <= 0)
    )  # fmt: skip
    if decision.verdict == "adopt":
        return
    if not world.beats_majority or hopeless:
        assert decision.verdict == "rethink"
    elif refused:
        assert decision.verdict == "do not adopt"
    elif decision.verdict == "do not adopt":
        assert decision.cause == "too many rows"
    else:
        assert decision.verdict == "not enough data"
        assert decision.rows_needed is None or decision.rows_role == "train" or decision.rows_needed <= 20 * world.units


@given(worlds)
@settings(max_examples=300, deadline=None)
def test_the_reason_is_short_and_never_calls_anything_enough_without_a_goal(world: Evidence) -> None:
    reason = decide(world).reason
    assert 1 <= len(re.findall(r"[.?](?= [A-Z]|$)", reason)) <= 4
    assert "nan" not in reason
    assert "inf" not in reason
    if world.kpi is None:
        assert "enough" not in reason.removeprefix("Not enough data yet")


def test_the_best_on_select_wins_but_within_half_a_point_the_cheaper() -> None:
    assert pick([0.90, 0.93, 0.91], [1, 9, 3]) == 1
    assert pick([0.926, 0.93, 0.91], [1, 9, 3]) == 0
    assert pick([0.925, 0.93, 0.91], [1, 9, 3]) == 0
    assert pick([0.9249, 0.93, 0.91], [1, 9, 3]) == 1


def test_the_cheaper_is_measured_from_the_best_and_does_not_slide_down() -> None:
    assert pick([0.930, 0.926, 0.922], [3, 2, 1]) == 1


def test_less_is_better_for_an_error() -> None:
    assert pick([0.10, 0.07, 0.074], [1, 9, 3], direction=-1) == 2
    assert pick([4.0, 3.0, 3.2], [1, 9, 3], direction=-1, tolerance=0.3) == 2


def test_failed_and_ineligible_candidates_are_never_picked() -> None:
    assert pick([math.nan, 0.8, 0.9], [1, 1, 1], eligible=[True, True, False]) == 1
    assert pick([math.nan], [1]) is None
    assert pick([], []) is None


def test_equal_costs_are_settled_by_the_score_and_then_by_the_order() -> None:
    assert pick([0.90, 0.902, 0.902], [1, 1, 1]) == 1


def numbers(text: str) -> list[str]:
    """Return the figures of a sentence; those that one language writes in words are left out."""
    for words in ("4 倍", "5 回に 4 回"):
        text = text.replace(words, "")
    return sorted(re.findall(r"-?\d[\d,]*(?:\.\d+)?", text))


@given(worlds)
@settings(max_examples=300, deadline=None)
def test_the_reason_in_japanese_holds_the_same_verdict_and_figures_and_no_english(world: Evidence) -> None:
    english = decide(world)
    with speaking("ja"):
        japanese = decide(world)
    assert replace(japanese, reason="") == replace(english, reason="")
    assert numbers(japanese.reason) == numbers(english.reason)
    assert set(re.findall(r"[A-Za-z]{2,}", japanese.reason)) <= {"lora", "lexical", "USD"}
    assert japanese.reason.endswith("。")


def test_a_reference_that_meets_the_goal_but_may_not_pay_is_not_called_enough():
    cheap = replace(CLEAR, winner="lexical", reference="lexical", gain=None, winner_is_cheap=True, kpi=0.8,
                    reference_score=Interval(0.9, 0.88, 0.92, 0.01, "made up"))  # fmt: skip
    assert "Use lexical, it is enough" in decide(cheap).reason
    pays = replace(cheap, reference_saving=Interval(50.0, 10.0, 90.0, 20.0, "made up"))
    assert "Use lexical, it is enough" in decide(pays).reason
    doubtful = decide(replace(cheap, reference_saving=Interval(50.0, -10.0, 90.0, 20.0, "made up")))
    assert doubtful.verdict == "do not adopt"
    assert "not sure to pay" in doubtful.reason and "it is enough" not in doubtful.reason
