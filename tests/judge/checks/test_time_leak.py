from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rooms import find, plain_rows, room

from hasei.judge.checks._moments import times
from hasei.judge.checks.time_leak import misplaced

DAY = datetime.datetime(2025, 1, 1, 12)
FORMATS = [
    "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S+09:00", "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y年%m月%d日", "%d.%m.%Y",
    "%d/%m/%Y", "%m/%d/%Y", "%b %d, %Y", "%Y%m%d",
]  # fmt: skip


def written(pattern: str, n: int) -> str:
    return (DAY + datetime.timedelta(days=n)).strftime(pattern)


@pytest.mark.parametrize("pattern", FORMATS)
def test_dates_are_read_in_the_format_of_their_column(pattern: str) -> None:
    found = times([written(pattern, n) for n in range(100)], surely=True)
    assert (np.diff(found) == 86_400).all()


def test_seconds_since_1970_are_times_where_the_column_says_so() -> None:
    cells = [str(1_700_000_000 + n) for n in range(50)]
    assert (np.diff(times(cells, surely=True)) == 1).all()
    assert (np.diff(times([cell + "000" for cell in cells], surely=True)) == 1).all()
    assert np.isnan(times(cells, surely=False)).all()


@pytest.mark.parametrize("cell", ["12", "12345", "20250101", "C-2025", "hello", "3.14", "9999-01-01"])
def test_what_is_no_date_is_none(cell: str) -> None:
    assert np.isnan(times([cell] * 10, surely=False)).all()


def test_a_few_cells_that_are_no_date_do_not_hide_the_others() -> None:
    found = times([written("%Y-%m-%d", n) for n in range(100)] + ["", "unknown"], surely=False)
    assert np.isnan(found[-2:]).all() and not np.isnan(found[:-2]).any()


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.lists(st.integers(0, 50), min_size=1, max_size=30))
def test_no_cut_parts_the_sides_better(learnt: list[int], judged: list[int]) -> None:
    values = np.array([*learnt, *judged], np.float64)
    is_learnt = np.arange(len(values)) < len(learnt)
    wrong = misplaced(values, is_learnt, ~is_learnt)
    best = min(sum(t > cut for t in learnt) + sum(t < cut for t in judged) for cut in range(-1, 52))
    assert wrong.sum() <= best + 0 and wrong.sum() >= best


def test_a_row_from_the_future_and_one_from_the_past_are_named(tmp_path: Path) -> None:
    rows = plain_rows(100, received=lambda n: written("%Y-%m-%d", n))
    data, test = rows[:80], rows[80:]
    data[4]["received"], test[7]["received"] = "2025-08-01", "2025-01-15"
    found = find("time_leak", room(tmp_path, data, test))
    assert [(f.file, f.rows) for f in found] == [("data.csv", (6,)), ("test.csv", (9,))]
    assert all((f.kind, f.variant, f.severity) == ("leak", "time", "warning") for f in found)


def test_a_split_by_time_is_no_leak_even_with_ties_at_the_cut(tmp_path: Path) -> None:
    rows = plain_rows(100, received=lambda n: written("%Y-%m-%d", n // 10))
    assert find("time_leak", room(tmp_path, rows[:75], rows[75:])) == []


@pytest.mark.parametrize(("time", "severity"), [(None, "note"), ("received", "warning")])
def test_a_split_that_has_nothing_to_do_with_time_is_said_once(tmp_path: Path, time: str | None, severity: str) -> None:
    (found,) = find("time_leak", room(tmp_path, plain_rows(200, received=lambda n: written("%Y-%m-%d", n)), time=time))
    assert (found.variant, found.severity, found.rows) == ("time", severity, ())
    assert "received" in found.message


def test_without_a_column_of_times_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert find("time_leak", room(tmp_path, plain_rows(60, amount=str))) == []
