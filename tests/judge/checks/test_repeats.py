"""Duplicates, exact leaks, edits and near leaks: the rows of both files, each in one finding."""

from __future__ import annotations

from pathlib import Path

from rooms import find, plain_rows, room

SOURCE = {"text": "Where can I see the balance of my savings account?", "label": "a"}
EDIT = {"text": "where can i see the balence of my savings account", "label": "a"}
NEAR = {"text": "Where can I see the history of my savings account?", "label": "a"}
EXACT = {"text": "WHERE can I see the balance  of my savings account?", "label": "a"}


def test_an_edit_in_the_test_file_is_named_in_both_files_with_its_pair(tmp_path: Path) -> None:
    opened = room(tmp_path, [*plain_rows(30), SOURCE], [{"text": "the sun is shining", "label": "b"}, EDIT])
    data, test = find("edit_leak", opened)
    assert (data.kind, data.variant, data.severity) == ("leak", "edit", "warning")
    assert (data.file, data.rows) == ("data.csv", (32,))
    assert (test.file, test.rows) == ("test.csv", (3,))
    (pair,) = data.evidence["pairs"]
    assert (pair["line"], pair["other_line"], pair["other_file"]) == (32, 3, "test.csv") and pair["likeness"] > 0.95
    assert "1 of 31" in data.message and "1 of 2" in test.message
    assert not find("near_leak", opened) and not find("exact_leak", opened)


def test_a_word_exchanged_is_near_and_not_an_edit(tmp_path: Path) -> None:
    opened = room(tmp_path, [*plain_rows(30), SOURCE], [NEAR])
    assert not find("edit_leak", opened)
    assert [(f.file, f.rows) for f in find("near_leak", opened)] == [("data.csv", (32,)), ("test.csv", (2,))]


def test_a_word_exchanged_under_another_label_is_another_question(tmp_path: Path) -> None:
    opened = room(tmp_path, [*plain_rows(30), SOURCE], [NEAR | {"label": "b"}])
    assert not find("near_leak", opened)


def test_an_exact_leak_is_named_once_in_each_file(tmp_path: Path) -> None:
    opened = room(tmp_path, [*plain_rows(30), SOURCE], [{"text": "the sun is shining", "label": "b"}, EXACT])
    (dropped,) = [f for f in opened.data.findings if f.kind == "leak"]
    assert (dropped.file, dropped.rows) == ("data.csv", (32,))
    (found,) = find("exact_leak", opened)
    assert (found.file, found.rows, found.variant) == ("test.csv", (3,), "exact")
    assert not find("edit_leak", opened) and not find("near_leak", opened)


def test_files_of_one_name_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    opened = room(tmp_path, [*plain_rows(30), SOURCE], [EDIT])
    (tmp_path / "other").mkdir()
    moved = (tmp_path / "test.csv").rename(tmp_path / "other" / "data.csv")
    object.__setattr__(opened.test, "path", moved)
    assert [f.rows for f in find("edit_leak", opened)] == [(32,), (2,)]


def test_without_a_test_file_near_rows_are_a_leak_across_roles_and_copies_within_one(tmp_path: Path) -> None:
    rows = plain_rows(100)
    rows[60:] = [
        row | {"text": text} for row in rows[60:] for text in (row["text"], row["text"].replace(":", "") + "!")
    ]
    opened = room(tmp_path, rows)
    leaks, copies = find("edit_leak", opened), [f for f in find("duplicates", opened) if f.variant == "near"]
    assert len(leaks) == len(copies) == 1
    role = {int(line): str(role) == "confirm" for line, role in zip(opened.rows.lines, opened.rows.roles)}
    for line in range(62, 142, 2):
        across = role[line] != role[line + 1]
        assert {line, line + 1} <= set(leaks[0].rows if across else copies[0].rows)


def test_copies_in_a_file_are_named_with_their_first(tmp_path: Path) -> None:
    rows = [
        *plain_rows(30),
        SOURCE,
        EXACT,
        {"text": "my parcel from oslo is lost", "label": "b"},
        {"text": "my parcel form oslo is lost", "label": "b"},
    ]
    exact, near = find("duplicates", room(tmp_path, rows, plain_rows(40)[30:]))
    assert (exact.kind, exact.variant, exact.severity, exact.rows) == ("duplicate", "exact", "note", (32, 33))
    assert (near.variant, near.rows) == ("near", (34, 35))


def test_rows_that_were_dropped_for_good_stand_on_no_side(tmp_path: Path) -> None:
    opened = room(tmp_path, [*plain_rows(30), SOURCE, {"text": "", "label": "a"}], [{"text": "sunny", "label": "b"}])
    assert not [f for check in ("edit_leak", "near_leak", "exact_leak", "duplicates") for f in find(check, opened)]
