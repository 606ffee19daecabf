"""Columns named with --time and --id: what is not what it was called is refused or noted."""

from __future__ import annotations

from pathlib import Path

import pytest
from rooms import find, plain_rows, room

from hasei.ground.errors import DataError
from hasei.judge.checks._named import refuse_unfit


def test_cells_that_are_no_times_are_noted_with_their_rows(tmp_path: Path) -> None:
    rows = plain_rows(40, seen=lambda n: f"2026-01-{n % 28 + 1:02}")
    for n in range(5, 12):
        rows[n]["seen"] = "soon"
    rows[20]["seen"] = ""
    opened = room(tmp_path, rows, time="seen")
    refuse_unfit(opened)
    (found,) = find("named_columns", opened)
    assert (found.kind, found.variant, found.severity) == ("named_column", "time", "note")
    assert found.rows == tuple(range(7, 14))
    assert "7 of 40" in found.message


def test_years_are_times_where_the_user_says_so(tmp_path: Path) -> None:
    opened = room(tmp_path, plain_rows(40, year=lambda n: str(1990 + n)), time="year")
    refuse_unfit(opened)
    assert find("named_columns", opened) == []


@pytest.mark.parametrize("cell", ["blue", "12", ""])
def test_a_column_without_times_is_refused(tmp_path: Path, cell: str) -> None:
    with pytest.raises(DataError, match="the column 'seen' can't be read as times"):
        refuse_unfit(room(tmp_path, plain_rows(40, seen=lambda n: cell), time="seen"))


def test_an_identifier_that_most_rows_share_is_noted(tmp_path: Path) -> None:
    opened = room(tmp_path, plain_rows(40, who=lambda n: f"w{n % 5}"), identifier="who")
    refuse_unfit(opened)
    (found,) = find("named_columns", opened)
    assert (found.variant, found.severity) == ("id", "note")
    assert "5 values in 40 rows" in found.message and "--group" in found.do
    assert find("named_columns", room(tmp_path, plain_rows(40, who=str), identifier="who")) == []
