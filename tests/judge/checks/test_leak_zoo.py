"""Every kind of leak, planted at 1 % of the rows of real and of made-up texts, is found by name; what is clean is left alone.

Thresholds were chosen on the train files of snips and clinc150; banking77, JSTS and the novels were only measured.
``bench/leak_zoo.py`` opens the zoo at full size.
"""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import pytest
import zoo
from zoo_edits import EDITS
from zoo_texts import REAL, made_up, real

ROWS = 1500
MADE_UP = {"English": False, "Japanese": True}


@pytest.fixture(scope="module")
def visited(tmp_path_factory):
    """Return a function that opens the zoo of one set, once: ``visited("snips", folder)``."""

    @cache
    def visit(name: str, shared: Path | None) -> zoo.Outcome:
        texts = real(shared, name) if shared else made_up(ROWS, 1, japanese=MADE_UP[name])
        texts = random.Random(0).sample(texts, min(ROWS, len(texts)))
        world = zoo.clean(texts, 0)
        zoo.plant(world, 0, texts)
        return zoo.judge(world, zoo.open_world(world, tmp_path_factory.mktemp("zoo")))

    return visit


def test_there_are_at_least_twelve_kinds():
    assert len(zoo.VARIANTS) == 12 + len(EDITS) + 1


@pytest.mark.parametrize("kind", zoo.VARIANTS)
def test_planted_rows_of_real_sets_are_named(visited, shared, kind):
    outcomes = [visited(name, shared) for name in REAL]
    planted = sum(outcome.planted[kind][0] for outcome in outcomes)
    named = sum(outcome.planted[kind][1] for outcome in outcomes)
    assert planted >= 70 and named >= zoo.least(kind) * planted, f"{named} of {planted}"


@pytest.mark.parametrize("kind", zoo.VARIANTS)
def test_planted_rows_of_made_up_texts_are_named(visited, kind):
    outcomes = [visited(name, None) for name in MADE_UP]
    planted = sum(outcome.planted[kind][0] for outcome in outcomes)
    named = sum(outcome.planted[kind][1] for outcome in outcomes)
    assert planted >= 28 and named >= zoo.least(kind) * planted, f"{named} of {planted}"


@pytest.mark.parametrize("name", REAL)
def test_false_alarms_on_real_sets_are_rare(visited, shared, name):
    for of, (alarms, rows) in visited(name, shared).alarms.items():
        assert alarms <= 0.01 * rows, f"{of}: {alarms} of {rows}"


@pytest.mark.parametrize("name", MADE_UP)
def test_false_alarms_on_made_up_texts_are_rare(visited, name):
    for of, (alarms, rows) in visited(name, None).alarms.items():
        assert alarms <= 0.01 * rows, f"{of}: {alarms} of {rows}"


@pytest.mark.parametrize("name", MADE_UP)
def test_a_world_in_which_nothing_is_planted_has_no_leak_but_near_texts(tmp_path, name):
    world = zoo.clean(made_up(ROWS, 2, japanese=MADE_UP[name]), 2)
    found = zoo.findings(zoo.open_world(world, tmp_path))
    assert {finding.variant for finding in found} <= {"near", "edit"}
