"""What is run within a budget: a schedule that does not fit is shortened, unless the user asked for it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hasei.derive.recipe import make_step
from hasei.engine.derivation import Facts
from hasei.judge.study.candidates import Candidate
from hasei.judge.study.clock import Clock
from hasei.judge.study.racing import Race

ROWS = 6400  # a hundred optimiser steps an epoch


@pytest.fixture
def notes():
    return []


def race(budget, notes, **more):
    lab = SimpleNamespace(
        facts=lambda rows: Facts(rows, width=384, layers=6), forward_ms=10.0,
        note=lambda kind, **told: notes.append((kind, told)),
        recipe=lambda step: SimpleNamespace(recipe_id=str(step.params.epochs)),
    )  # fmt: skip
    return Race(lab, Clock(budget, 0.0), np.arange(ROWS), np.arange(100), ROWS, **more)


def fits(race, candidate):
    return race._affordable(candidate, ROWS)


def tuned(proposed):
    return Candidate(make_step("partial_fine_tuning", {"top_layers": 2}), proposed=proposed)


def test_the_longest_schedule_that_fits_is_run_in_place_of_one_that_does_not(notes):
    candidate, asked = tuned(True), tuned(True)
    one = race(1e9, notes).effort_seconds(make_step("partial_fine_tuning", {"top_layers": 2, "epochs": 3}), ROWS)
    assert fits(race(2.1 * one, notes, shortens=True), candidate)
    assert candidate.step.params == asked.step.params.model_copy(update={"epochs": 3})
    assert candidate.name == "partial_fine_tuning (epochs 3, top_layers 2)" and candidate.recipe_id == "3"
    assert notes == [("shortened", {"candidate": candidate.name})]


def test_a_schedule_that_fits_stays_as_it_is(notes):
    candidate = tuned(True)
    assert fits(race(1e9, notes, shortens=True), candidate)
    assert candidate.step == tuned(True).step and not notes


@pytest.mark.parametrize(("proposed", "shortens"), [(False, True), (True, False)])
def test_what_the_user_asked_for_or_other_folds_run_too_is_not_shortened_but_said_not_to_fit(proposed, shortens, notes):
    candidate = tuned(proposed)
    one = race(1e9, notes).effort_seconds(candidate.step, ROWS)
    assert not fits(race(1.5 * one, notes, shortens=shortens), candidate)
    assert candidate.step == tuned(proposed).step
    assert candidate.status == "skipped" and f"{2 * one:.0f} s" in candidate.why


def test_a_schedule_is_not_shortened_below_a_half_of_it(notes):
    candidate, alone = tuned(True), race(1e9, notes)
    half, less = (alone.effort_seconds(make_step("partial_fine_tuning", {"epochs": n}), ROWS) for n in (10, 9))
    candidate = Candidate(make_step("partial_fine_tuning", {"epochs": 20}), proposed=True)
    assert not fits(race(2.01 * less, notes, shortens=True), candidate)
    assert candidate.step.params.epochs == 20 and candidate.status == "skipped" and f"{2 * half:.0f} s" in candidate.why
