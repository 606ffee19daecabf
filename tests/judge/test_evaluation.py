"""Scores and gains: the right interval for each kind of score, units respected, directions kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hasei.ground.errors import DataError, RunFailed
from hasei.ground.statistics import Interval
from hasei.judge.evaluation import compare, score
from hasei.tasks import Metric


def right(predicted: Sequence[Any], true: Sequence[Any]) -> np.ndarray:
    return np.array([float(p == t) for p, t in zip(predicted, true)])


def distance(predicted: Sequence[Any], true: Sequence[Any]) -> np.ndarray:
    return np.asarray(np.abs(np.asarray(predicted, float) - np.asarray(true, float)))


def macro_f1_value(predicted: Sequence[Any], true: Sequence[Any]) -> float:
    p, t = np.asarray(predicted), np.asarray(true)
    found = []
    for name in np.unique(t):
        both, either = ((p == name) & (t == name)).sum(), (p == name).sum() + (t == name).sum()
        found.append(2 * both / either)
    return float(np.mean(found))


ACCURACY = Metric("accuracy", 1, lambda p, t: float(right(p, t).mean()), right)
ERROR = Metric("error rate", -1, lambda p, t: float(1 - right(p, t).mean()), lambda p, t: 1 - right(p, t))
MAE = Metric("mae", -1, lambda p, t: float(distance(p, t).mean()), distance, bounds=(0.0, math.inf))
MACRO_F1 = Metric("macro F1", 1, macro_f1_value)


def answers(n: int, accuracy: float, seed: int) -> tuple[list[str], list[str]]:
    """Predictions of which *accuracy* are right, and the truth, over four classes."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, 4, n)
    wrong = (true + rng.integers(1, 4, n)) % 4
    predicted = np.where(rng.random(n) < accuracy, true, wrong)
    return [f"c{p}" for p in predicted], [f"c{t}" for t in true]


def own_units(n: int) -> list[str]:
    return [f"u{i}" for i in range(n)]


def same(one: Interval, other: Interval) -> bool:
    figures = (one.value, one.low, one.high, one.se), (other.value, other.low, other.high, other.se)
    return bool(np.allclose(*figures, atol=1e-12)) and (one.method, one.too_few) == (other.method, other.too_few)


def with_right(n: int, count: int) -> list[str]:
    return ["yes"] * count + ["no"] * (n - count)


TRUE = ["yes"] * 300


def test_a_share_of_right_rows_gets_wilsons_interval() -> None:
    found = score(ACCURACY, with_right(300, 270), TRUE, own_units(300), alpha=0.025)
    assert found.method == "Wilson"
    assert [found.low, found.high] == pytest.approx([0.8609, 0.9291], abs=1e-3)
    assert not found.too_few


def test_a_stricter_level_gives_a_wider_interval() -> None:
    strict = score(ACCURACY, with_right(300, 270), TRUE, own_units(300), alpha=0.05 / 12)
    usual = score(ACCURACY, with_right(300, 270), TRUE, own_units(300), alpha=0.025)
    assert strict.low < usual.low < usual.high < strict.high


def test_rows_that_share_units_are_not_taken_for_independent_ones() -> None:
    # 30 units of 10 rows; the rows of a unit are all right or all wrong, but for one row that makes sizes uneven.
    predicted = [*(["yes"] * 10 + ["no"] * 10) * 15, "yes"]
    units = [*(f"u{i // 10}" for i in range(300)), "alone"]
    grouped = score(ACCURACY, predicted, ["yes"] * 301, units, alpha=0.025)
    single = score(ACCURACY, predicted, ["yes"] * 301, own_units(301), alpha=0.025)
    assert grouped.method == "studentised bootstrap over units"
    assert grouped.high - grouped.low > 2.5 * (single.high - single.low)
    assert grouped.too_few


@pytest.mark.parametrize("metric", [ACCURACY, ERROR])
def test_copying_every_row_within_its_unit_changes_neither_score_nor_gain(metric: Metric) -> None:
    winner, true = answers(400, 0.9, 1)
    reference, _ = answers(400, 0.85, 2)
    units = own_units(400)
    assert same(score(metric, winner * 3, true * 3, units * 3), score(metric, winner, true, units))
    copied = compare(metric, winner * 3, reference * 3, true * 3, units * 3)
    assert same(copied, compare(metric, winner, reference, true, units))


@given(st.randoms(use_true_random=False), st.sampled_from([ACCURACY, ERROR, MACRO_F1]))
@settings(max_examples=12, deadline=None)
def test_the_order_of_rows_changes_nothing(random: Any, metric: Metric) -> None:
    winner, true = answers(90, 0.9, 3)
    reference, _ = answers(90, 0.7, 4)
    units = [f"u{i // 2}" for i in range(90)]
    order = random.sample(range(90), 90)
    shuffled = [[values[i] for i in order] for values in (winner, reference, true, units)]
    assert score(metric, shuffled[0], shuffled[2], shuffled[3], draws=60) == score(
        metric, winner, true, units, draws=60
    )
    assert compare(metric, *shuffled, draws=60) == compare(metric, winner, reference, true, units, draws=60)


def test_a_perfect_score_on_uneven_units_is_not_taken_for_certain() -> None:
    units = [*own_units(40), "u0"]
    perfect = score(ACCURACY, ["yes"] * 41, ["yes"] * 41, units)
    assert perfect.value == 1.0
    assert perfect.low < 0.92
    assert perfect.too_few


def test_a_perfect_macro_f1_is_not_taken_for_certain() -> None:
    _, true = answers(60, 1.0, 5)
    perfect = score(MACRO_F1, true, true, own_units(60), draws=50)
    assert perfect.value == 1.0
    assert perfect.low < 0.95


def test_few_discordant_pairs_are_judged_by_the_exact_test() -> None:
    gain = compare(ACCURACY, with_right(300, 290), with_right(300, 285), TRUE, own_units(300), alpha=0.025)
    assert gain.method == "exact McNemar"
    # Five wins and no loss: p = 1/32, just not enough.
    assert gain.low <= 0 < gain.value
    six = compare(ACCURACY, with_right(300, 291), with_right(300, 285), TRUE, own_units(300), alpha=0.025)
    assert six.low > 0


def test_many_discordant_pairs_are_judged_by_the_bootstrap() -> None:
    winner, true = answers(800, 0.9, 6)
    reference, _ = answers(800, 0.8, 7)
    gain = compare(ACCURACY, winner, reference, true, own_units(800))
    assert gain.method == "studentised bootstrap over units"
    assert gain.low < gain.value < gain.high
    assert gain.high - gain.low == pytest.approx(2 * 1.96 * gain.se, rel=0.1)


def test_few_differing_units_of_uneven_size_claim_no_more_than_the_exact_test_does() -> None:
    units = [*own_units(299), "u0"]
    gain = compare(ACCURACY, with_right(300, 290), with_right(300, 285), TRUE, units)
    assert gain.method == "studentised bootstrap over units"
    assert gain.low <= 0 < gain.value


def test_the_gain_is_positive_where_less_is_better_and_the_winner_has_less() -> None:
    winner, true = answers(500, 0.9, 8)
    reference, _ = answers(500, 0.8, 9)
    units = own_units(500)
    by_error, by_accuracy = (compare(m, winner, reference, true, units) for m in (ERROR, ACCURACY))
    assert by_error.value == pytest.approx(by_accuracy.value)
    assert by_error.low == pytest.approx(by_accuracy.low)
    assert score(ERROR, winner, true, units).value == pytest.approx(1 - score(ACCURACY, winner, true, units).value)


def test_an_average_distance_has_an_interval_in_its_own_unit() -> None:
    rng = np.random.default_rng(10)
    true = rng.normal(100, 20, 300)
    near, far = true + rng.normal(0, 5, 300), true + rng.normal(0, 9, 300)
    units = own_units(300)
    found = score(MAE, near.tolist(), true.tolist(), units)
    assert found.low < 5 * math.sqrt(2 / math.pi) < found.high
    assert not found.too_few
    gain = compare(MAE, near.tolist(), far.tolist(), true.tolist(), units)
    assert 0 < gain.low < 4 * math.sqrt(2 / math.pi) < gain.high


def test_a_metric_that_is_no_mean_of_rows_is_bootstrapped_over_units() -> None:
    winner, true = answers(300, 0.9, 11)
    reference, _ = answers(300, 0.7, 12)
    found = score(MACRO_F1, winner, true, own_units(300), draws=300)
    assert found.method == "BCa bootstrap over units"
    assert found.value == pytest.approx(macro_f1_value(winner, true))
    assert found.low < found.value < found.high < 1
    gain = compare(MACRO_F1, winner, reference, true, own_units(300), draws=300)
    assert 0 < gain.low < gain.value < gain.high


def test_a_class_with_few_rows_is_too_few_for_a_metric_over_classes_only() -> None:
    winner, true = answers(400, 0.8, 13)
    rare = ["rare"] * 5 + true[5:]
    assert score(MACRO_F1, winner, rare, own_units(400), draws=50).too_few
    assert not score(MACRO_F1, winner, true, own_units(400), draws=50).too_few
    assert not score(ACCURACY, winner, rare, own_units(400)).too_few


@pytest.mark.parametrize("metric", [ACCURACY, MACRO_F1])
def test_equal_predictions_gain_nothing(metric: Metric) -> None:
    winner, true = answers(200, 0.8, 14)
    gain = compare(metric, winner, winner, true, own_units(200), draws=50)
    assert gain.value == 0
    assert gain.low <= 0 <= gain.high


def test_cross_fitted_predictions_get_wider_intervals() -> None:
    args = (ACCURACY, with_right(300, 270), TRUE, own_units(300))
    plain, fitted = score(*args), score(*args, se_factor=1.5)
    assert fitted.se == pytest.approx(1.5 * plain.se)
    assert fitted.low < plain.low < plain.high < fitted.high <= 1


def test_no_rows_are_refused_and_rows_that_do_not_match_are_a_failure() -> None:
    with pytest.raises(DataError, match="no rows to score"):
        score(ACCURACY, [], [], [])
    with pytest.raises(RunFailed, match="differ in number"):
        compare(ACCURACY, ["a"], ["a", "b"], ["a"], ["u"])


def test_a_prediction_that_is_no_number_is_a_failure() -> None:
    with pytest.raises(RunFailed, match="not a number"):
        score(MAE, [1.0, math.nan], [1.0, 2.0], ["a", "b"])
