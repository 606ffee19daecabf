"""The label under another name, in a column and in the text."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rooms import find, plain_rows, room

from hasei.judge.checks.label_in_column import tells

NAMES = {"a": "card_arrival", "b": "LostCard", "c": "refund"}


def rows_of(count: int, names: dict[str, str] = NAMES, **columns: object) -> list[dict[str, str]]:
    return [row | {"label": names[row["label"]]} for row in plain_rows(count, **columns)]


# In a column


def test_a_code_for_each_label_is_the_label_under_another_name(tmp_path: Path) -> None:
    data = plain_rows(90, code=lambda n: str(17 + n % 3))
    (found,) = find("label_in_column", room(tmp_path, data))
    assert (found.kind, found.variant, found.severity) == ("leak", "label_in_disguise", "error")
    assert len(found.rows) == 90 and "'code'" in found.message


def test_a_finer_column_tells_the_label_too_and_is_noted(tmp_path: Path) -> None:
    (found,) = find("label_in_column", room(tmp_path, plain_rows(210, work=lambda n: f"work {n % 9}")))
    assert found.severity == "note" and len(found.rows) == 210


def test_a_few_cells_that_hold_the_label_name_are_named(tmp_path: Path) -> None:
    data, test = (
        rows_of(300, remark=lambda n: ("by phone", "", "by letter")[n % 2])[:240],
        rows_of(300, remark=lambda n: "")[240:],
    )
    for n, more in ((7, ""), (20, "-0012"), (33, ""), (48, ""), (90, " 3")):
        data[n]["remark"] = data[n]["label"].replace("_", " ") + more
    test[4]["remark"] = test[4]["label"]
    found = find("label_in_column", room(tmp_path, data, test))
    assert [(f.file, f.rows) for f in found] == [("data.csv", (9, 22, 35, 50, 92)), ("test.csv", (6,))]
    assert {f.severity for f in found} == {"error"}


@pytest.mark.parametrize(
    "cell", [lambda n: ("x", "y")[n // 7 % 2], str, lambda n: "", lambda n: "always", lambda n: f"{n % 17}"]
)
def test_columns_that_do_not_tell_the_label_are_left_alone(tmp_path: Path, cell: object) -> None:
    assert find("label_in_column", room(tmp_path, plain_rows(200, other=cell))) == []


def test_a_coarser_column_that_calls_one_class_by_its_label_is_left_alone(tmp_path: Path) -> None:
    data = [
        row | {"domain": "other" if row["label"] == "other" else "cards"}
        for row in rows_of(300, {"a": "other", "b": "lost", "c": "new"})
    ]
    assert [f.severity for f in find("label_in_column", room(tmp_path, data))] in ([], ["note"])


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_random_cells_hardly_ever_tell_the_label(seed: int) -> None:
    rng = random.Random(seed)
    cells, labels = [str(rng.randrange(40)) for _ in range(300)], [rng.choice("ab") for _ in range(300)]
    assert tells(cells, labels) == []


# In the text


@pytest.mark.parametrize(
    "form",
    [
        "[{0}] {1}",
        "{0}: {1}",
        "{1} #{0}",
        "{1} ({0})",
        "<{0}> {1}",
        "【{0}】{1}",
        "{0} | {1}",
        "label={0} {1}",
        "{1} label: {0}",
    ],
)
def test_the_name_of_the_label_in_the_text_is_named(tmp_path: Path, form: str) -> None:
    data, test = rows_of(240), rows_of(300)[240:]
    for row in (data[5], data[25], data[60], test[4]):
        row["text"] = form.format(row["label"], row["text"])
    found = find("label_in_text", room(tmp_path, data, test))
    assert [(f.file, f.rows) for f in found] == [("data.csv", (7, 27, 62)), ("test.csv", (6,))]
    assert all((f.variant, f.severity) == ("label_in_disguise", "error") for f in found)


def test_words_of_the_label_in_running_text_are_what_people_write(tmp_path: Path) -> None:
    data = rows_of(150)
    for n, row in enumerate(data):
        row["text"] = {"card_arrival": "the card arrival date", "LostCard": "a lost card", "refund": "a refund"}[
            row["label"]
        ] + f" {n} please"
    assert find("label_in_text", room(tmp_path, data)) == []


@pytest.mark.parametrize("form", ["{0} {1}", "[{0}] {1}", "{1} {0}", "{0}: {1}"])
@pytest.mark.parametrize(
    "codes",
    [{"a": "Q17", "b": "Q4", "c": "Q9"}, {"a": "#1", "b": "#2", "c": "#3"}, {"a": "x_a", "b": "x_b", "c": "x_c"}],
)
def test_a_code_for_the_label_in_a_few_texts_is_named(tmp_path: Path, form: str, codes: dict[str, str]) -> None:
    data = plain_rows(300)
    places = [5, 6, 7, 25, 26, 27, 60, 61, 62, 90, 91, 92]
    for n in places:
        data[n]["text"] = form.format(codes[data[n]["label"]], f"my {n}th sofa from {data[n]['text'].split()[3]} broke")
    (found,) = find("label_in_text", room(tmp_path, data))
    assert found.rows == tuple(n + 2 for n in places)


def test_codes_that_people_write_are_left_alone(tmp_path: Path) -> None:
    data = plain_rows(300)
    for n, row in enumerate(data):
        row["text"] = (
            f"wake me at {n % 12 + 1}pm" if n % 2 else f"where is my {('w2', '401k', '1099')[n % 3]}, it is {n}"
        )
    assert find("label_in_text", room(tmp_path, data)) == []
