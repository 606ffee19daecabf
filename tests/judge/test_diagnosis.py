"""What curves show is said, and a good curve is left in peace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hasei.ground.language import languages, speaking
from hasei.judge.diagnosis import diagnose, fell
from hasei.tasks import open_task


def curve(loss, held=()):
    points = [{"epoch": i + 1.0, "loss": v} for i, v in enumerate(loss)]
    for point, value in zip(points, held):
        point["held_loss"] = value
    return points


def kinds(loss, held=(), seeds=()):
    return [d.kind for d in diagnose("lora", curve(loss, held), seeds)]


def test_held_out_rows_that_get_worse_while_train_rows_get_better_are_called_over_fitting():
    assert kinds([2.0, 0.8, 0.3, 0.1, 0.02], [1.5, 0.9, 0.8, 0.9, 1.1]) == ["overfitting"]
    (said,) = diagnose("lora", curve([2.0, 0.8, 0.3, 0.1], [1.5, 0.8, 0.9, 1.1]))
    assert "after epoch 2" in said.words


def test_a_loss_that_hardly_moves_is_called_under_fitting():
    assert kinds([2.30, 2.29, 2.28]) == ["underfitting"]


def test_a_loss_that_still_falls_steeply_is_not_converged():
    assert kinds([2.0, 1.4, 1.0], [2.1, 1.5, 1.1]) == ["not converged"]


def test_a_loss_that_settled_is_called_converged():
    assert kinds([2.0, 0.9, 0.5, 0.495], [1.8, 1.0, 0.62, 0.618]) == ["converged"]


def test_a_loss_that_jumps_up_is_called_unstable_and_the_epoch_is_named():
    found = diagnose("lora", curve([1.0, 0.5, 1.4, 0.6]))
    assert found[0].kind == "unstable"
    assert "epoch 3" in found[0].words


def test_seeds_far_apart_are_called_unstable_also_without_a_curve():
    assert kinds([], seeds=[0.90, 0.94, 0.91]) == ["unstable"]
    assert kinds([], seeds=[0.912, 0.915, 0.909]) == []


@pytest.mark.parametrize("language", languages())
def test_every_diagnosis_can_be_said_in_every_language(language):
    with speaking(language):
        for loss, held in (
            ([2.0, 0.8, 0.3], [1.5, 0.8, 1.1]),
            ([1.0, 0.5, 1.4], ()),
            ([2.3, 2.29], ()),
            ([2.0, 1.0], ()),
        ):
            assert all(d.words and "{" not in d.words for d in diagnose("x", curve(loss, held)))


@given(st.lists(st.floats(1e-6, 1e3), max_size=12), st.lists(st.floats(1e-6, 1e3), max_size=12), st.data())
def test_any_curve_gets_words_and_never_an_error(loss, held, data):
    for found in diagnose("x", curve(loss, held if len(held) == len(loss) else ())):
        assert found.words


ACCURACY = open_task("text_classification").metrics["accuracy"]


def interval(low, high):
    return {"metric": "accuracy", "value": (low + high) / 2, "low": low, "high": high}


def test_a_winner_surely_worse_on_confirm_than_on_select_rows_is_told_that_those_are_other_rows():
    (said,) = fell("lora", ACCURACY, interval(0.90, 0.96), interval(0.80, 0.87))
    assert said.kind == "other rows"
    assert "83.5 %" in said.words and "93.0 %" in said.words


@pytest.mark.parametrize("confirm", [interval(0.85, 0.91), interval(0.97, 0.99), {"metric": "accuracy"}])
def test_where_the_intervals_touch_or_one_is_missing_nothing_is_said_of_other_rows(confirm):
    assert fell("lora", ACCURACY, interval(0.90, 0.96), confirm) == []
