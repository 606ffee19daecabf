"""How much can be answered without a person, honestly: calibrated, chosen on other rows than it is measured on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hasei.ground.language import languages, speaking
from hasei.judge.automation import Calibration, automate, temperature_of


def world(rows, seed, sharpness=1.0, classes=4, distance=2.0):
    """Draw outputs whose softmax tells the true chances, then make them *sharpness* times too sure."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, distance, (rows, classes))
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = np.array([draw.choice(classes, p=p) for p in chances])
    right = (logits.argmax(1) == truth).astype(float)
    return logits * sharpness, right, truth.tolist(), [f"u{i}" for i in range(rows)]


def curve(rows=2000, sharpness=3.0, wish=0.9, seed=0):
    outputs, right, truth, units = world(rows, seed, sharpness)
    more, more_right, more_truth, more_units = world(rows, seed + 1000, sharpness)
    return automate((outputs, right, units), more, more_right, more_units, wish=wish, alpha=0.025, truth=more_truth,
                    fitted_truth=truth)  # fmt: skip


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 3.0])
def test_the_temperature_undoes_what_made_the_model_too_sure_or_too_modest(sharpness):
    outputs, right, truth, _ = world(4000, 1, sharpness)
    assert temperature_of(outputs, right, truth) == pytest.approx(sharpness, rel=0.12)
    assert temperature_of(outputs, right) == pytest.approx(sharpness, rel=0.35)


def test_calibration_makes_an_overconfident_model_honest():
    found = curve(sharpness=3.0)
    assert found.errors[1] < 0.5 * found.errors[0]


def test_the_wished_accuracy_is_reached_on_rows_that_did_not_choose_the_threshold():
    reached = [curve(seed=s).accuracy for s in range(20)]
    assert np.mean([interval.value for interval in reached]) == pytest.approx(0.9, abs=0.012)
    assert np.mean([interval.low <= 0.9 <= interval.high for interval in reached]) >= 0.8


def test_coverage_and_accuracy_are_those_of_the_rows_above_the_threshold():
    found = curve()
    outputs, right, _, _ = world(2000, 1000, 3.0)
    sure = found.calibration.confidence(outputs) >= found.threshold
    assert found.coverage.value == pytest.approx(sure.mean())
    assert found.accuracy.value == pytest.approx(right[sure].mean())


def test_where_nothing_is_accurate_enough_it_says_that_no_part_can_be_answered():
    draw = np.random.default_rng(0)
    outputs, right = draw.normal(0, 0.1, (500, 3)), (draw.random(500) < 0.33).astype(float)
    units = [str(i) for i in range(500)]
    found = automate((outputs, right, units), outputs, right, units, wish=0.99, alpha=0.025)
    assert found.threshold is None or found.coverage.value < 0.05
    if found.threshold is None:
        assert "No part" in found.words()


def test_few_rows_give_no_curve_rather_than_a_wrong_one():
    outputs, right, truth, units = world(40, 0)
    assert automate(None, outputs, right, units, wish=0.9, alpha=0.025, truth=truth) is None


def test_cross_fitted_answers_are_calibrated_by_other_folds():
    outputs, right, truth, units = world(1500, 3, 4.0)
    found = automate(None, outputs, right, units, wish=0.9, alpha=0.025, truth=truth)
    assert found.errors[1] < 0.5 * found.errors[0]
    assert found.accuracy.value == pytest.approx(0.9, abs=0.03)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(0.5, 0.99))
def test_the_curve_goes_from_the_surest_rows_to_all_of_them(seed, wish):
    found = curve(rows=300, wish=wish, seed=seed)
    coverage = [p.coverage for p in found.curve]
    assert coverage == sorted(coverage)
    assert coverage[-1] == 1.0
    assert [p.threshold for p in found.curve] == sorted((p.threshold for p in found.curve), reverse=True)
    assert all(p.low <= p.accuracy <= p.high for p in found.curve)


@pytest.mark.parametrize("language", languages())
def test_the_curve_is_said_in_every_language_with_its_figures(language):
    with speaking(language):
        words = curve().words()
    assert "%" in words
    assert "{" not in words


@pytest.mark.parametrize("knots", [(), ((0.0, 0.0), (0.5, 0.2), (1.0, 0.9))])
def test_a_calibration_survives_being_written_down(knots):
    import json

    one = Calibration(1.7, knots)
    other = Calibration.read(json.loads(json.dumps(one.to_json())))
    outputs = world(50, 0)[0]
    assert (one.confidence(outputs) == other.confidence(outputs)).all()


def test_copies_of_all_rows_narrow_no_interval_of_the_curve():
    rng = np.random.default_rng(8)
    right = (rng.random(200) < 0.8).astype(float)
    outputs = np.column_stack([rng.normal(size=200) + right, np.zeros(200)])
    units = [f"u{i}" for i in range(200)]
    once = automate(None, outputs, right, units, wish=0.9, alpha=0.025)
    four = automate(None, np.tile(outputs, (4, 1)), np.tile(right, 4), units * 4, wish=0.9, alpha=0.025)
    for one, many in zip(once.curve, four.curve, strict=True):
        assert many.high - many.low >= 0.9 * (one.high - one.low)


def test_a_wish_that_is_surely_missed_is_said_and_nothing_is_promised():
    rng = np.random.default_rng(9)
    outputs = np.column_stack([rng.random(400) * 4, np.zeros(400)])
    fitted = outputs, np.ones(400), [f"s{i}" for i in range(400)]
    right = (rng.random(400) < 0.8).astype(float)
    found = automate(fitted, outputs, right, [f"u{i}" for i in range(400)], wish=0.97, alpha=0.025)
    assert found.missed and found.to_json()["missed"]
    assert "97 % wished for is not reached" in found.words()
