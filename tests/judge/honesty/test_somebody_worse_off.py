"""Harm to a slice is flagged when it is there and not when it isn't; forgetting is seen; what is too small is said so."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from worlds import ACCURACY, BASE, PLANTED, World, chances

from hasei.judge.ruling import Case, Sheet, rule
from hasei.judge.slices import Slice, forgotten, harm, harm_by_truth
from hasei.tasks import Metric
from hasei.tasks._class_metrics import METRICS

HARMED_ROWS, HARM, SLICES = 170, 0.15, 10
ROWS = 1200
UNITS: Any = np.arange(ROWS)
RIGHT: Any = np.ones(ROWS, np.bool_)


def flagged(seed: int, gain: float, harmed: float, worlds: int, rows: int = HARMED_ROWS) -> tuple[float, float]:
    """Return how often the slice of *rows* with a gain of *harmed* was flagged, and any of the nine with *gain*."""
    rng, rho = np.random.default_rng(seed), World().hardness
    cells = np.array(["harmed"] * rows + [f"slice {i % (SLICES - 1)}" for i in range(ROWS - rows)])
    models = (BASE, BASE + gain, BASE + harmed)
    found = wrong = 0
    for _ in range(worlds):
        right = rng.random((3, ROWS), dtype=np.float32) < chances(rng, models, rho, ROWS)
        winner = np.where(cells == "harmed", right[2], right[1])
        said = {s.value for s in harm(ACCURACY, winner, right[0], RIGHT, UNITS, {"kind": cells}) if s.harmed}
        found += "harmed" in said
        wrong += bool(said - {"harmed"})
    return found / worlds, wrong / worlds


def test_fifteen_points_lost_on_170_rows_are_flagged_and_the_other_slices_are_not() -> None:
    found, wrong = flagged(seed=21, gain=0.0, harmed=-HARM, worlds=1000)
    assert found >= 0.90
    assert wrong <= 0.05


def test_it_is_flagged_as_often_behind_a_gain_of_five_points_over_all_other_rows() -> None:
    found, _ = flagged(seed=22, gain=PLANTED, harmed=-HARM, worlds=500)
    assert found >= 0.90


def test_ten_slices_without_harm_have_one_flagged_in_at_most_five_percent_of_worlds() -> None:
    found, wrong = flagged(seed=23, gain=0.0, harmed=0.0, worlds=2000)
    assert found + wrong <= 0.05


def one(cells: list[str], lost: dict[str, int], rows: int = 400, **how: Any) -> dict[str, Slice]:
    """Slices of a column in which the winner loses so many of the first rows of each value, and nothing else differs."""
    left = dict(lost)
    winner = []
    for cell in cells[:rows]:
        winner.append("no" if left.get(cell, 0) > 0 else "yes")
        left[cell] = left.get(cell, 0) - 1
    truth = ["yes"] * rows
    return {
        s.value: s for s in harm(ACCURACY, winner, truth, truth, [f"u{i}" for i in range(rows)], {"c": cells}, **how)
    }


def test_a_slice_says_what_both_reach_there_and_the_paired_gain() -> None:
    found = one(["a", "b"] * 200, {"b": 30})
    assert found["b"].to_json() == {
        "column": "c", "value": "b", "rows": 200, "units": 200, "winner": 0.85, "reference": 1.0, "harmed": True,
        "judged": True, "asked": True, "measure": "accuracy",
        "gain": {"value": pytest.approx(-0.15), "low": found["b"].gain.low, "high": found["b"].gain.high},
    }  # fmt: skip
    assert found["b"].words() == "where c is 'b' it is 15.0 points worse (200 rows)"
    assert found["a"].words() == "where c is 'a' it is no worse (200 rows)"
    assert not found["a"].harmed


def test_a_loss_that_is_sure_but_smaller_than_the_threshold_is_not_called_harm() -> None:
    cells = ["a"] * 1000 + ["b"] * 1000
    found = one(cells, {"a": 15}, rows=2000)
    assert found["a"].gain.high < 0
    assert not found["a"].harmed
    assert one(cells, {"a": 15}, rows=2000, threshold=0.01)["a"].harmed


def test_a_slice_of_fewer_than_thirty_units_is_not_judged_and_says_so() -> None:
    found = one(["a"] * 380 + ["b"] * 20, {"b": 20})
    assert not found["b"].judged and not found["b"].harmed
    assert found["b"].words() == "where c is 'b' there are 20 independent rows, too few to judge (at least 30)"
    assert found["b"].to_json()["gain"]["value"] == -1.0


def test_copies_of_the_same_rows_do_not_make_a_slice_large_enough() -> None:
    truth, winner = ["yes"] * 300, ["no"] * 300
    units = [f"u{i % 10}" for i in range(300)]
    (found,) = harm(ACCURACY, winner, truth, truth, units, {"c": ["a"] * 300})
    assert (found.rows, found.units, found.judged, found.harmed) == (300, 10, False, False)


def test_numbers_are_cut_at_their_quartiles_and_rare_values_put_together() -> None:
    numbers = [str(i) for i in range(400)]
    assert [s.rows for s in one(numbers, {}).values()] == [100] * 4
    names = [f"v{min(i % 60, 30 + i % 2)}" for i in range(4000)]
    found = one(names, {}, rows=4000)
    assert len(found) == 21
    assert "other values" in found


def test_the_harmed_stand_first_then_the_worst() -> None:
    found = list(one(["a", "b", "c", "d"] * 100, {"c": 40, "a": 3}).values())
    assert [s.value for s in found][:2] == ["c", "a"]
    assert [s.harmed for s in found] == [True, False, False, False]


def test_an_average_distance_is_harmed_by_a_part_of_what_the_reference_reaches() -> None:
    def distance(p: Any, t: Any) -> Any:
        return np.abs(np.asarray(p, float) - np.asarray(t, float))

    mae = Metric("mae", -1, lambda p, t: float(distance(p, t).mean()), distance, bounds=(0.0, math.inf))
    rng = np.random.default_rng(24)
    true = rng.normal(50, 10, 600)
    reference, cells = true + rng.normal(0, 4, 600), np.array(["a", "b"] * 300)
    winner = np.where(cells == "b", true + rng.normal(0, 8, 600), reference)
    found = {s.value: s for s in harm(mae, winner, reference, true, np.arange(600), {"c": cells})}
    assert found["b"].harmed and not found["a"].harmed
    assert "worse by" in found["b"].words()


def test_without_named_columns_the_true_answers_are_slices_even_for_a_metric_over_classes() -> None:
    rng = np.random.default_rng(25)
    true = rng.choice(["x", "y", "z"], 900).tolist()
    winner = ["x" if t == "z" and rng.random() < 0.3 else t for t in true]
    found = {s.value: s for s in harm_by_truth(METRICS["macro_f1"], winner, true, true, [f"u{i}" for i in range(900)])}
    assert set(found) == {"x", "y", "z"}
    assert {v for v, s in found.items() if s.harmed} == {"z"}
    assert found["z"].winner == pytest.approx(0.7, abs=0.07)


def test_a_class_that_is_answered_worse_is_said_but_refuses_nothing_and_a_named_column_does() -> None:
    rng = np.random.default_rng(5)
    truth = rng.choice(["x", "y", "z"], 1500, p=[0.45, 0.45, 0.1]).tolist()
    reference = [t if t == "z" or rng.random() < 0.8 else "?" for t in truth]
    winner = [("?" if rng.random() < 0.3 else t) if t == "z" else t for t in truth]
    case = Case(task="text_classification", metric="accuracy", winner="w", reference="r", alpha=0.025, alpha_next=0.01,
                delta=0.01)  # fmt: skip
    sheet = Sheet([f"u{i}" for i in range(1500)], truth, {"w": winner, "r": reference})
    found = rule(case, sheet)
    assert [(s.value, s.asked) for s in found.slices if s.harmed] == [("z", False)]
    assert found.decision.verdict == "adopt"
    found = rule(case, replace(sheet, slices={"kind": truth}))
    assert [(s.value, s.asked) for s in found.slices if s.harmed] == [("z", True), ("z", False)]
    assert found.decision.verdict == "do not adopt"


def test_rows_that_must_not_get_worse_are_one_slice_of_their_own() -> None:
    truth = ["yes"] * 300
    units = [f"u{i}" for i in range(300)]
    worse = ["no"] * 30 + ["yes"] * 270
    found = forgotten(ACCURACY, worse, truth, truth, units)
    assert (found.column, found.rows, found.harmed) == ("kept rows", 300, True)
    assert not forgotten(ACCURACY, worse, truth, truth, units, threshold=0.2).harmed
    assert not forgotten(ACCURACY, truth, truth, truth, units).harmed
    assert not forgotten(ACCURACY, worse[:20], truth[:20], truth[:20], units[:20]).judged


def test_kept_rows_that_did_not_get_worse_are_called_forgotten_in_at_most_two_and_a_half_percent_of_worlds() -> None:
    world = World(accuracies=(BASE, BASE), select=1, confirm=400)
    truth, units = np.ones(400, np.bool_), np.arange(400)
    said = [forgotten(ACCURACY, w[1], w[0], truth, units).harmed for _, w in world.drawn(seed=26)]
    assert np.mean(said) <= 0.035
