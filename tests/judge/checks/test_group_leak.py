from __future__ import annotations

from pathlib import Path

import pytest
from rooms import find, plain_rows, room


def split(rows: list[dict[str, str]], at: int) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    return rows[:at], rows[at:]


@pytest.mark.parametrize("column", ["customer_id", "スレッド", "顧客番号"])
@pytest.mark.parametrize("key", ["C-{:04}", "{:05}", "user{}@example.org"])
def test_a_customer_on_both_sides_is_named_on_both(tmp_path: Path, column: str, key: str) -> None:
    data, test = split(plain_rows(100, **{column: lambda n: key.format(n // 2)}), 80)
    test[3][column] = data[10][column]  # whose other row is line 13
    found = find("group_leak", room(tmp_path, data, test))
    assert [(f.file, f.rows) for f in found] == [("data.csv", (12, 13)), ("test.csv", (5,))]
    assert all((f.kind, f.variant, f.severity) == ("leak", "group", "warning") for f in found)
    assert f"--group {column}" in found[0].do


def test_customers_that_stay_on_their_side_are_no_leak(tmp_path: Path) -> None:
    data, test = split(plain_rows(100, customer=lambda n: f"C-{n // 2:04}"), 80)
    assert find("group_leak", room(tmp_path, data, test)) == []


@pytest.mark.parametrize(("column", "cell"), [
    ("age", lambda n: str(20 + n % 40)), ("price", lambda n: f"{n % 37}.50"), ("team", lambda n: f"T-{n % 4}"),
    ("remark", lambda n: ("called twice", "wrote a letter", "came in")[n % 3]), ("row", lambda n: f"R-{n:05}"),
    ("tags", lambda n: f'["x{n % 30}"]'), ("day", lambda n: f"2025-01-{n % 28 + 1:02}"),
])  # fmt: skip
def test_columns_that_keep_nothing_together_are_left_alone(tmp_path: Path, column: str, cell: object) -> None:
    data, test = split(plain_rows(200, **{column: cell}), 160)
    assert find("group_leak", room(tmp_path, data, test)) == []


def test_without_a_test_file_groups_torn_apart_by_the_roles_are_named(tmp_path: Path) -> None:
    rows = plain_rows(200, thread=lambda n: f"T{n // 4:03}x")
    opened = room(tmp_path, rows)
    (found,) = find("group_leak", opened)
    confirm = {int(n) for n, role in zip(opened.rows.lines, opened.rows.roles) if role == "confirm"}
    torn = [g for g in range(50) if 0 < len(confirm & {4 * g + k + 2 for k in range(4)}) < 4]
    assert set(found.rows) == {4 * g + k + 2 for g in torn for k in range(4)}
    assert find("group_leak", room(tmp_path, rows, group="thread")) == []


def test_the_group_that_the_user_names_is_dropped_and_no_leak_that_remains(tmp_path: Path) -> None:
    data, test = split(plain_rows(100, flat=lambda n: f"{n // 2}"), 80)
    test[3]["flat"] = data[10]["flat"]
    test[3]["text"] = data[11]["text"] + " again"  # near a row that is dropped with its group
    opened = room(tmp_path, data, test, group="flat")
    (dropped,) = [f for f in opened.data.findings if f.file == "data.csv"]
    assert (dropped.kind, dropped.variant, dropped.severity, dropped.rows) == ("group", "dropped", "note", (12, 13))
    assert [find(check, opened) for check in ("group_leak", "exact_leak", "near_leak", "edit_leak")] == [[]] * 4
    without = room(tmp_path, data, test)
    assert find("group_leak", without) or find("edit_leak", without) or find("near_leak", without)


def test_a_copy_of_a_test_row_stays_a_leak_whatever_its_group(tmp_path: Path) -> None:
    data, test = split(plain_rows(100, flat=lambda n: f"{n // 2}"), 80)
    test[3] |= {"flat": data[10]["flat"], "text": data[11]["text"]}
    opened = room(tmp_path, data, test, group="flat")
    assert [(f.kind, f.rows) for f in opened.data.findings] == [("leak", (13,)), ("group", (12,))]
    (found,) = find("exact_leak", opened)
    assert (found.file, found.rows) == ("test.csv", (5,))
