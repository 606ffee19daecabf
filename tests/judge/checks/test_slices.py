"""Slices: what differs beyond chance is said, what does not is not, and copies or noise never make a difference sure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_rooms import made

from hasei.ground.errors import DataError
from hasei.judge.checks import slice_quality, slices
from hasei.judge.checks._slices import chances, cut, holm

HEADER = ("text", "label", "shop", "age")


def room_of(folder, share_in_north, rows=300, **others):
    """Rows of two shops; in the north every so-maniest row is a complaint, in the south every other."""
    cells = []
    for i in range(rows):
        north = i % 2 == 0
        complains = (i // 2) % share_in_north == 0 if north else (i // 2) % 2 == 0
        cells.append(
            (f"message number {i}", "complaint" if complains else "order", "north" if north else "south", str(i))
        )
    return made(folder, cells, HEADER, **{"slices": ("shop",), **others})


def keys(n):
    return [str(i) for i in range(n)]


# ---- how rows are cut


def test_words_are_slices_the_largest_first_and_blanks_are_one_too():
    parts = cut(["b", "a", "a", "", " a "], keys(5))
    assert [(p.value, p.rows.tolist()) for p in parts] == [("a", [1, 2, 4]), ("(blank)", [3]), ("b", [0])]


def test_numbers_are_cut_at_their_quartiles():
    parts = cut([str(i) for i in range(1, 101)] + [""], keys(101))
    assert {p.value: len(p.rows) for p in parts} == {
        "up to 25.75": 25, "above 25.75 up to 50.5": 25, "above 50.5 up to 75.25": 25, "above 75.25": 25, "(blank)": 1,
    }  # fmt: skip


def test_a_few_different_numbers_are_values_like_any_other():
    assert {p.value for p in cut(["1", "2", "3"] * 10, keys(30))} == {"1", "2", "3"}


def test_of_very_many_values_the_commonest_twenty_stay():
    cells = [f"town {i}" for i in range(60) for _ in range(60 - i)]
    parts = cut(cells, keys(len(cells)))
    assert len(parts) == 21
    assert {p.value for p in parts} == {f"town {i}" for i in range(20)} | {"other values"}


@settings(deadline=None, max_examples=50)
@given(st.lists(st.one_of(st.text(max_size=3), st.floats().map(str), st.integers(-99, 99).map(str)), min_size=1))
def test_every_row_falls_into_exactly_one_slice(cells):
    parts = cut(cells, keys(len(cells)))
    assert sorted(np.concatenate([p.rows for p in parts]).tolist()) == list(range(len(cells)))


# ---- chance


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(31, 60))
def test_the_chances_are_those_of_fishers_exact_test(a, b, there):
    from scipy.stats import fisher_exact

    hits = np.array([True] * a + [False] * (30 - a) + [True] * b + [False] * (there - b))
    part = next(p for p in cut(["here"] * 30 + ["there"] * there, keys(30 + there)) if p.value == "here")
    low, high = chances(hits[:, None], part, keys(30 + there))
    table = [[a, 30 - a], [b, there - b]]
    assert low[0] == pytest.approx(fisher_exact(table, alternative="less").pvalue, abs=1e-9)
    assert high[0] == pytest.approx(fisher_exact(table, alternative="greater").pvalue, abs=1e-9)


def test_holm_stops_at_the_first_test_that_does_not_hold():
    assert holm([0.01, 0.04, 0.03, 0.005]) == [True, False, False, True]
    assert holm([0.04, 0.011, 0.01]) == [True, True, True]
    assert holm([0.02, 0.03, 0.2]) == [False, False, False]
    assert holm([]) == []


# ---- labels


def test_a_label_that_is_rarer_in_one_slice_is_named_with_both_shares(tmp_path):
    (finding,) = slices.find(room_of(tmp_path, share_in_north=10))
    assert (finding.kind, finding.severity) == ("slice", "warning")
    assert {(d["value"], d["label"]) for d in finding.evidence["differs"]} == {
        (shop, label) for shop in ("north", "south") for label in ("complaint", "order")
    }
    north = next(s for s in finding.evidence["slices"] if s["value"] == "north")
    assert (north["rows"], north["share"]) == (150, 0.5)
    assert north["labels"]["complaint"] == {"value": 0.1, "low": 0.0615, "high": 0.1584}


def test_slices_alike_are_noted_without_a_warning(tmp_path):
    (finding,) = slices.find(room_of(tmp_path, share_in_north=2))
    assert finding.severity == "note" and finding.evidence["differs"] == []


def test_a_slice_too_small_to_compare_is_named_with_its_lines(tmp_path):
    cells = [(f"message {i}", "ab"[i % 2], "tiny" if i < 3 else ("x", "y")[(i // 2) % 2], "1") for i in range(200)]
    found = slices.find(made(tmp_path, cells, HEADER, slices=("shop",)))
    assert [(f.variant, f.rows) for f in found] == [("", ()), ("too_small", (2, 3, 4))]
    assert "tiny" in found[1].message


def test_a_column_of_names_nobody_shares_is_no_slice(tmp_path):
    cells = [(f"message {i}", "ab"[i % 2], f"customer {i}", "1") for i in range(100)]
    found = slices.find(made(tmp_path, cells, HEADER, slices=("shop",)))
    assert "can't be compared" in found[0].message


def test_a_misspelt_slice_is_refused_with_a_hint(tmp_path):
    with pytest.raises(DataError, match=r"no column 'shp'.*'shop'"):
        slices.find(room_of(tmp_path, 2, slices=("shp",)))


def test_the_same_customers_again_and_again_do_not_make_a_difference(tmp_path):
    # 8 customers in each shop, in the north 1 complains and in the south 4; with 20 rows of each, 160 rows look sure.
    cells = [
        (f"message {c} {i}", "complaint" if c < (1 if shop == "north" else 4) else "order", shop, f"{shop} {c}")
        for shop in ("north", "south") for c in range(8) for i in range(20)
    ]  # fmt: skip
    rows = made(tmp_path, cells, HEADER, slices=("shop",))
    assert slices.find(rows)[0].severity == "warning"
    rows.group = "age"
    assert not [f for f in slices.find(rows) if f.severity == "warning"]


# ---- quality


def test_a_slice_fifteen_points_worse_is_flagged_and_alike_ones_hardly_ever_are():
    rng = np.random.default_rng(11)
    cells = [str(i % 10) for i in range(1700)]
    flagged = false = 0
    for _ in range(30):
        alike = rng.random(1700) < 0.85
        false += any(j.surely_worse for j in slice_quality.judge({"c": cells}, alike, keys(1700)))
        worse = np.where(np.array(cells) == "3", rng.random(1700) < 0.70, alike)
        found = slice_quality.judge({"c": cells}, worse, keys(1700))
        flagged += any(j.surely_worse for j in found if j.part.value == "3")
    assert flagged >= 27 and false <= 4


def test_the_worst_slice_comes_first_with_its_wrong_rows(tmp_path):
    room = room_of(tmp_path, share_in_north=2)
    space = room.space
    answers = room.task.encode(space, room.rows.targets)
    north = np.array(room.column("shop")) == "north"
    wrong = north & (np.arange(len(north)) % 6 == 0)
    answers[wrong] = 1 - answers[wrong]
    room.__dict__["held_out"] = np.eye(2)[answers]
    (finding,) = slice_quality.find(room)
    assert (finding.kind, finding.severity) == ("slice_quality", "warning")
    assert finding.rows == tuple((np.flatnonzero(wrong) + 2).tolist())
    assert [s["value"] for s in finding.evidence["slices"]] == ["north", "south"]
    assert finding.evidence["slices"][0]["accuracy"]["value"] == pytest.approx(1 - wrong.sum() / north.sum(), abs=1e-4)


def test_slices_answered_alike_are_noted_without_a_warning(tmp_path):
    room = room_of(tmp_path, share_in_north=2)
    room.__dict__["held_out"] = np.eye(2)[room.task.encode(room.space, room.rows.targets)]
    (finding,) = slice_quality.find(room)
    assert (finding.severity, finding.rows) == ("note", ())
