"""The forecast of more rows for any curve, not only the measured ones."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hasei.ground.statistics import forecast, train_rows_for

SHARE = st.floats(0.01, 0.99)
CURVE = st.lists(SHARE, min_size=4, max_size=4)
SCORED = st.integers(100, 20_000)
SIZES = (100, 200, 400, 800)
WHOLE = (0.0, 1.0)


def error(share: float, scored: int) -> float:
    return (share * (1 - share) / scored) ** 0.5


def seen(scores, scored, at=2000, **more):
    return forecast(SIZES, scores, at, se=error(scores[-1], scored), bounds=WHOLE, scored=scored, **more)


@given(CURVE, SCORED, st.floats(1, 16))
def test_the_bounds_lie_in_order_and_within_the_range_of_the_metric(scores, scored, times):
    found = seen(scores, scored, 800 * times)
    assert 0 <= found.pessimistic <= found.value <= found.optimistic <= 1


@given(CURVE, SCORED, st.floats(1, 8), st.floats(1, 8))
def test_more_rows_never_forecast_less(scores, scored, one, other):
    less, more = (seen(scores, scored, 800 * times).value for times in sorted((one, other)))
    assert less <= more + 1e-12


@given(CURVE, SCORED, st.permutations(range(4)))
def test_the_order_of_the_points_changes_nothing(scores, scored, order):
    shuffled = forecast([SIZES[i] for i in order], [scores[i] for i in order], 2000,
                        se=error(scores[-1], scored), bounds=WHOLE, scored=scored)  # fmt: skip
    straight = seen(scores, scored)
    assert (shuffled.value, shuffled.optimistic) == pytest.approx((straight.value, straight.optimistic), abs=1e-9)


@given(SHARE, SCORED)
def test_more_scored_rows_never_widen_the_interval_of_a_flat_curve(share, scored):
    few, many = (seen([share] * 4, n) for n in (scored, 4 * scored))
    assert many.optimistic - many.pessimistic <= few.optimistic - few.pessimistic + 1e-9


@given(CURVE, st.floats(0.001, 0.05), st.floats(1, 3))
def test_a_score_that_is_less_sure_never_narrows_the_interval_of_a_curve_without_gain(scores, se, times):
    falling = sorted(scores, reverse=True)
    narrow, wide = (forecast(SIZES, falling, 2000, se=s, bounds=WHOLE) for s in (se, se * times))
    assert narrow.optimistic <= wide.optimistic + 1e-12
    assert wide.pessimistic <= narrow.pessimistic + 1e-12


@given(CURVE, SCORED)
def test_a_surer_interval_is_a_wider_one(scores, scored):
    usual, surer = seen(scores, scored), seen(scores, scored, alpha=0.005)
    assert surer.pessimistic < usual.pessimistic < usual.optimistic < surer.optimistic


@given(CURVE, SCORED)
def test_counting_errors_in_place_of_right_answers_is_the_same_forecast_upside_down(scores, scored):
    right = seen(scores, scored)
    wrong = seen([1 - s for s in scores], scored, direction=-1)
    assert 1 - wrong.value == pytest.approx(right.value)
    assert 1 - wrong.optimistic == pytest.approx(right.optimistic)


def test_right_on_all_rows_is_not_taken_for_right_for_ever():
    found = forecast(SIZES, [1.0] * 4, 2000, se=0.0, bounds=WHOLE, scored=200)
    assert found.value < 1
    assert found.pessimistic < 0.995


@given(CURVE, SCORED, SHARE)
def test_the_rows_for_a_goal_agree_with_the_forecast(scores, scored, goal):
    how = {"se": error(scores[-1], scored), "bounds": WHOLE, "scored": scored}
    rows = train_rows_for(SIZES, scores, goal, **how)
    assume(rows is not None)
    assert forecast(SIZES, scores, rows, **how).value >= goal - 1e-9
