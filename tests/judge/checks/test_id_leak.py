from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rooms import find, plain_rows, room

from hasei.judge.checks.id_leak import improbable_runs

ORDER = random.Random(3).sample(range(1000, 9000), 200)


@pytest.mark.parametrize("column", ["id", "ticket_no", "受付番号", "uuid"])
def test_a_record_on_both_sides_is_named_on_both(tmp_path: Path, column: str) -> None:
    rows = plain_rows(200, **{column: lambda n: str(ORDER[n])})
    data, test = rows[:160], rows[160:]
    test[5][column] = data[20][column]
    found = find("id_leak", room(tmp_path, data, test))
    assert [(f.file, f.rows) for f in found] == [("data.csv", (22,)), ("test.csv", (7,))]
    assert all((f.kind, f.variant, f.severity) == ("leak", "id", "warning") for f in found)


def test_counters_that_start_anew_in_each_file_mean_nothing(tmp_path: Path) -> None:
    data, test = plain_rows(160, id=str), plain_rows(200, id=lambda n: str(n - 160))[160:]
    assert find("id_leak", room(tmp_path, data, test)) == []


def test_numbers_that_follow_the_label_are_named(tmp_path: Path) -> None:
    rows = plain_rows(200, id=lambda n: str(ORDER[n]))
    block = list(range(0, 45, 3))  # all of label a
    for place, n in enumerate(block):
        rows[n]["id"] = str(100 + place)
    (found,) = find("id_leak", room(tmp_path, rows))
    assert set(found.rows) >= {n + 2 for n in block}
    assert len(found.rows) <= len(block) + 2  # a neighbour in the order may share the label by chance


def test_rows_numbered_after_they_were_sorted_by_label_are_named(tmp_path: Path) -> None:
    rows = sorted(plain_rows(90), key=lambda row: row["label"])
    (found,) = find("id_leak", room(tmp_path, [{"id": str(n)} | row for n, row in enumerate(rows)]))
    assert len(found.rows) == 90


def test_a_column_that_the_user_names_is_looked_at_whatever_it_is_called(tmp_path: Path) -> None:
    rows = plain_rows(200, reference=lambda n: str(ORDER[n]))
    data, test = rows[:160], rows[160:]
    test[5]["reference"] = data[20]["reference"]
    assert find("id_leak", room(tmp_path, data, test)) == []
    assert len(find("id_leak", room(tmp_path, data, test, identifier="reference"))) == 2


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60), st.randoms())
def test_labels_in_a_random_order_hardly_ever_make_an_improbable_run(labels: list[str], rng: random.Random) -> None:
    rng.shuffle(labels)
    found = improbable_runs(list(range(len(labels))), labels)
    longest = max(
        len(run) for run in "".join(a if a == b else a + " " for a, b in zip(labels, [*labels[1:], ""])).split()
    )
    assert not found or longest >= 4


def test_one_label_for_nearly_all_rows_makes_no_improbable_run() -> None:
    labels = ["a"] * 95 + ["b"] + ["a"] * 4
    assert improbable_runs(list(range(100)), labels) == set()
