"""Units and roles: shares, stability, groups, bridges, leaks, and what is dropped or said on the way."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hasei.ground.errors import DataError
from hasei.inputs.data import Column, Dataset, Finding, Mapping, Table, assemble, normalise

COLUMNS = (Column("text", "input"), Column("label", "target"))
MAPPING = Mapping({"text": "text", "label": "label"})
PAIR = (Column("a", "input"), Column("b", "input"), Column("label", "target"))


def _clean(targets: Sequence[str]) -> tuple[list[str], list[Finding]]:
    return [target.strip().removesuffix(".0") for target in targets], [
        Finding("labels", "note", f"{len(targets)} seen")
    ]


def _table(rows: Sequence[tuple[str, ...]], name: str = "train.csv", columns: str = "text label") -> Table:
    lines = np.arange(2, len(rows) + 2, dtype=np.int64)
    return Table(Path("folder") / name, tuple(columns.split()), list(rows), lines, "utf-8", f"hash of {name}")


def _rows(count: int, word: str = "text", start: int = 0) -> list[tuple[str, str]]:
    return [(f"{word} number {n}", "ab"[n % 2]) for n in range(start, start + count)]


def _assemble(table: Table, **options: Any) -> Dataset:
    return assemble(table, MAPPING, columns=COLUMNS, clean=_clean, **options)


def _finding(data: Dataset, kind: str) -> Finding:
    (found,) = [finding for finding in data.findings if finding.kind == kind]
    return found


def test_the_roles_have_their_shares() -> None:
    counts = Counter(_assemble(_table(_rows(5000))).roles.tolist())
    assert abs(counts["confirm"] - 1000) < 120
    assert abs(counts["select"] - 1000) < 120
    assert counts.total() == 5000


def test_the_shares_can_be_chosen() -> None:
    counts = Counter(_assemble(_table(_rows(3000)), select_share=0.1, confirm_share=0.5).roles.tolist())
    assert abs(counts["select"] - 300) < 80
    assert abs(counts["confirm"] - 1500) < 120


def test_every_row_keeps_its_place_and_its_origin() -> None:
    data = _assemble(_table(_rows(100)), licence="CC-BY-4.0")
    assert data.inputs[:2] == ["text number 0", "text number 1"]
    assert data.targets[:2] == ["a", "b"]
    assert data.lines.tolist() == list(range(2, 102))
    assert set(data.files) == {"train.csv"}
    assert (data.licence, data.mapping, len(data)) == ("CC-BY-4.0", MAPPING, 100)


def test_a_role_is_the_same_on_every_machine_and_in_every_version() -> None:
    data = _assemble(_table(_rows(60)))
    assert "".join(role[0] for role in data.roles[:20]) == "ttstctsttstttstctsss"


@settings(max_examples=30)
@given(st.lists(st.text("abcde ", min_size=1, max_size=4), max_size=30), st.randoms(use_true_random=False))
def test_adding_rows_never_moves_an_old_unit(texts: list[str], chance: random.Random) -> None:
    old = _rows(60)
    more = [*old, *((text or "x", "a") for text in texts)]
    chance.shuffle(more)
    before, after = _assemble(_table(old)), _assemble(_table(more))
    roles = dict(zip(after.units, after.roles.tolist()))
    assert all(roles[unit] == role for unit, role in zip(before.units, before.roles.tolist()))


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60)), max_size=40), st.integers(0, 40))
def test_with_groups_no_unit_moves_and_no_text_stands_in_two_roles(pairs: list[tuple[int, int]], cut: int) -> None:
    known = [(f"known {n}", "ab"[n % 2], f"company {n}") for n in range(60)]
    rows = [*known, *((f"shared {text}", "a", f"group {group}") for group, text in pairs)]
    before = _assemble(_table(rows[: 60 + cut], columns="text label who"), group="who")
    after = _assemble(_table(rows, columns="text label who"), group="who")
    roles = dict(zip(after.units, after.roles.tolist()))
    assert all(roles.get(unit, role) == role for unit, role in zip(before.units, before.roles.tolist()))
    by_text: dict[str, set[str]] = {}
    for text, role in zip(after.inputs, after.roles.tolist()):
        by_text.setdefault(normalise(text), set()).add(role)
    assert all(len(several) == 1 for several in by_text.values())


def test_rows_that_differ_in_case_width_and_spaces_are_one_unit() -> None:
    same = [("Where is  my PARCEL 1", "a"), ("where is my parcel 1 ", "a"), ("Ｗｈｅｒｅ is\u3000my parcel １", "a")]
    data = _assemble(_table([*_rows(50), *same]))
    assert len(set(data.units[-3:])) == 1
    assert len(set(data.units)) == 51
    assert len(set(data.row_hashes[-3:])) == 1


def test_a_group_is_one_unit_whatever_its_texts() -> None:
    rows = [(f"text number {n}", "ab"[n % 2], f"customer {n // 5}") for n in range(200)]
    data = _assemble(_table(rows, columns="text label customer"), group="customer")
    roles: dict[str, set[str]] = {}
    for unit, role in zip(data.units, data.roles.tolist()):
        roles.setdefault(unit, set()).add(role)
    assert len(roles) == 40
    assert all(len(several) == 1 for several in roles.values())


def test_rows_without_a_group_are_units_by_their_text() -> None:
    rows = [*((text, label, "") for text, label in _rows(60)), *((f"mine {n}", "a", "me") for n in range(5))]
    assert len(set(_assemble(_table(rows, columns="text label who"), group="who").units)) == 61


def test_a_group_never_meets_a_text_of_the_same_letters() -> None:
    rows = [*((text, label, "") for text, label in _rows(60)), ("other", "a", "text number 0")]
    data = _assemble(_table(rows, columns="text label who"), group="who")
    assert data.units[0] != data.units[-1]


def test_a_text_that_bridges_two_roles_stays_in_the_more_protected_one() -> None:
    rows = [(f"text number {n}", "ab"[n % 2], f"group {n}") for n in range(60)]
    roles = _assemble(_table(rows, columns="text label who"), group="who").roles.tolist()
    train, confirm = roles.index("train"), roles.index("confirm")
    rows.append(("TEXT number  " + str(confirm), "a", f"group {train}"))
    rows.append(("TEXT number  " + str(train), "a", f"group {confirm}"))
    data = _assemble(_table(rows, columns="text label who"), group="who")
    finding = _finding(data, "bridge")
    assert finding.rows == (train + 2, 62)
    assert finding.severity == "warning" and finding.file == "train.csv"
    assert 63 in data.lines and confirm + 2 in data.lines


def test_given_a_test_file_its_rows_confirm_and_all_others_train_or_select() -> None:
    data = _assemble(_table(_rows(1000)), test=_table(_rows(50, "fresh"), "test.csv"))
    counts = Counter(zip(data.files, data.roles.tolist()))
    assert counts[("test.csv", "confirm")] == 50
    assert abs(counts[("train.csv", "select")] - 200) < 60
    assert counts[("train.csv", "train")] == 1000 - counts[("train.csv", "select")]
    assert data.lines[-50:].tolist() == list(range(2, 52))


def test_rows_that_also_stand_in_the_test_file_leave_the_train_file_only() -> None:
    train = _table([*_rows(60), ("Fresh  number 3", "b"), ("fresh number 4", "b")])
    data = _assemble(train, test=_table(_rows(10, "fresh"), "test.csv"))
    finding = _finding(data, "leak")
    assert (finding.rows, finding.file) == ((62, 63), "train.csv")
    assert "test.csv" in finding.message
    assert sum(file == "test.csv" for file in data.files) == 10
    assert {62, 63}.isdisjoint(data.lines[: len(data) - 10].tolist())


def test_a_group_of_the_test_file_leaves_the_train_file_whole() -> None:
    rows = [(f"text number {n}", "ab"[n % 2], f"customer {n // 2}") for n in range(80)]
    test = _table([("something new", "a", "Customer 3")], "test.csv", "text label customer")
    data = _assemble(_table(rows, columns="text label customer"), test=test, group="customer")
    finding = _finding(data, "group")
    assert (finding.rows, finding.severity, finding.variant) == ((8, 9), "note", "dropped")
    assert "'customer'" in finding.message and "test.csv" in finding.message
    assert [f for f in data.findings if f.kind == "leak"] == []


def test_a_row_dropped_for_its_text_and_one_dropped_for_its_group_are_told_apart() -> None:
    rows = [(f"text number {n}", "ab"[n % 2], f"customer {n // 2}") for n in range(80)]
    test = _table([("Text number 6", "a", "customer 3"), ("new", "b", "customer 9")], "test.csv", "text label customer")
    data = _assemble(_table(rows, columns="text label customer"), test=test, group="customer")
    assert _finding(data, "leak").rows == (8,)
    assert _finding(data, "group").rows == (9, 20, 21)
    assert len(data) == 80 - 4 + 2


def test_groups_that_are_all_in_the_test_file_leave_nothing_to_learn_from() -> None:
    rows = [(f"text number {n}", "ab"[n % 2], "same") for n in range(80)]
    with pytest.raises(DataError, match="shares its 'customer' with the test file"):
        _assemble(
            _table(rows, columns="text label customer"), test=_table([("new", "a", "same")], "test.csv", "text label customer"),
            group="customer",
        )  # fmt: skip


def test_a_test_file_without_the_group_column_is_said() -> None:
    rows = [(text, label, str(n)) for n, (text, label) in enumerate(_rows(60))]
    train = _table(rows, columns="text label who")
    data = _assemble(train, test=_table(_rows(5, "fresh"), "test.csv"), group="who")
    assert "'who'" in _finding(data, "group").message


@pytest.mark.parametrize("blank", ["", "  ", "\u3000\t", "\u200b", "\ufeff\u00a0"])
def test_a_blank_text_or_label_is_dropped_and_its_row_number_said(blank: str) -> None:
    table = _table([*_rows(60), (blank, "a"), ("fine", blank), (blank, blank)])
    data = _assemble(table)
    assert _finding(data, "blank_text").rows == (62, 64)
    assert _finding(data, "blank_label").rows == (63,)
    assert len(data) == 60


def test_a_pair_with_one_blank_half_is_dropped() -> None:
    rows = [*((f"one {n}", f"two {n}", "a") for n in range(60)), ("one", " ", "a")]
    table = _table(rows, columns="a b label")
    data = assemble(table, Mapping({"a": "a", "b": "b", "label": "label"}), columns=PAIR, clean=_clean)
    assert data.inputs[0] == ("one 0", "two 0")
    assert _finding(data, "blank_text").rows == (62,)


def test_the_labels_of_both_files_are_unified_together() -> None:
    train = [(text, "1.0") for text, _ in _rows(60)]
    data = _assemble(_table(train), test=_table([("fresh", " 1 ")], "test.csv"))
    assert set(data.targets) == {"1"}
    assert _finding(data, "labels").message == "61 seen"


def test_findings_of_the_reading_stay() -> None:
    table = replace(_table(_rows(60)), findings=(Finding("ragged", "warning", "3 dropped"),))
    assert _finding(_assemble(table), "ragged").message == "3 dropped"


def test_one_text_with_different_labels_is_said_and_kept() -> None:
    data = _assemble(_table([*_rows(60), ("Text number 7", "a"), ("text NUMBER 8", "a")]))
    finding = _finding(data, "conflict")
    assert (finding.rows, finding.severity) == ((9, 62), "warning")
    assert len(data) == 62


def test_the_fingerprint_knows_rows_and_files_but_neither_order_nor_names() -> None:
    rows = _rows(60)
    prints = {
        "as it is": _assemble(_table(rows)).fingerprint,
        "shuffled": _assemble(_table(rows[::-1], "other.csv")).fingerprint,
        "columns swapped": _assemble(_table([row[::-1] for row in rows], columns="label text")).fingerprint,
    }
    assert len(set(prints.values())) == 1, prints
    changed = _assemble(_table([*rows[:-1], (rows[-1][0], "c")])).fingerprint
    moved = _assemble(_table(rows[:-1]), test=_table(rows[-1:], "test.csv")).fingerprint
    assert len({changed, moved, prints["as it is"]}) == 3


def test_the_same_file_twice_is_refused() -> None:
    table = _table(_rows(60))
    with pytest.raises(DataError, match=r"'train.csv' and the test file 'train.csv' hold the same rows"):
        _assemble(table, test=table)


def test_the_same_rows_in_another_order_are_refused() -> None:
    with pytest.raises(DataError, match=r"hold the same rows.*--test"):
        _assemble(_table(_rows(60)), test=_table(_rows(60)[::-1], "test.csv"))


def test_two_parts_of_one_file_are_not_the_same_file() -> None:
    whole = _table(_rows(60))
    later = replace(whole, cells=list(whole.cells)[50:], lines=whole.lines[50:])
    earlier = replace(whole, cells=list(whole.cells)[:50], lines=whole.lines[:50])
    assert len(_assemble(earlier, test=later).where("confirm")) == 10


def test_a_train_file_that_lies_within_the_test_file_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"every row of the train file 'train.csv' also stands in the test file 'test.csv'"
    ):
        _assemble(_table(_rows(30)), test=_table(_rows(60), "test.csv"))


@pytest.mark.parametrize(("count", "least"), [(1, "20"), (2, "20")])
def test_too_few_rows_to_split_are_refused_with_the_least_number(count: int, least: str) -> None:
    with pytest.raises(DataError, match=rf"none of {count} different texts.*at least {least}") as caught:
        _assemble(_table(_rows(count)))
    assert "\n" not in str(caught.value)


def test_too_few_groups_are_refused_although_there_are_rows() -> None:
    rows = [(text, label, "ab"[n % 2]) for n, (text, label) in enumerate(_rows(100))]
    with pytest.raises(DataError, match=r"none of 2 different values of 'who'.*at least 20"):
        _assemble(_table(rows, columns="text label who"), group="who")


@pytest.mark.parametrize("name", ["train.csv", "test.csv"])
def test_a_file_without_a_usable_row_is_refused(name: str) -> None:
    tables = {"train.csv": _table(_rows(60)), "test.csv": _table(_rows(9, "fresh"), "test.csv")}
    tables[name] = _table([("", "a"), ("b", "")], name)
    with pytest.raises(
        DataError, match=rf"no row of '{name}' has both.*1 rows with nothing to read, 1 more without 'label'"
    ):
        _assemble(tables["train.csv"], test=tables["test.csv"])


@pytest.mark.parametrize(("missing", "columns"), [("label", "text labels"), ("text", "texts label")])
def test_a_test_file_with_other_columns_is_refused(missing: str, columns: str) -> None:
    with pytest.raises(DataError, match=f"'test.csv' has no column '{missing}'.*mean '{missing}s'"):
        _assemble(_table(_rows(60)), test=_table(_rows(9, "fresh"), "test.csv", columns))


def test_an_unknown_group_column_is_refused_with_the_nearest() -> None:
    rows = [(text, label, str(n)) for n, (text, label) in enumerate(_rows(60))]
    with pytest.raises(DataError, match=r"no column 'custommer'.*mean 'customer'"):
        _assemble(_table(rows, columns="text label customer"), group="custommer")


@given(st.text(max_size=20))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.tuples(st.text(max_size=5), st.text(max_size=5)), st.tuples(st.text(max_size=5), st.text(max_size=5)))
def test_two_pairs_are_the_same_only_where_both_halves_are(one: tuple[str, str], other: tuple[str, str]) -> None:
    halves = [normalise(a) == normalise(b) for a, b in zip(one, other)]
    assert (normalise(one) == normalise(other)) == all(halves)
