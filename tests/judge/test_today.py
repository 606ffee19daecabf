"""Today's process as a cheap truth: a column, rules, or an older model, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hasei.ground import plugins
from hasei.ground.errors import BaseError, DataError, NotSupported, UserError
from hasei.inputs import data as rooms
from hasei.inputs.purpose import Goal
from hasei.judge.study.today import Today
from hasei.tasks import open_task
from made_up import ROWS, write_rows

HEADER = ("message", "team", "old")
TASK = open_task("text_classification")


def opened(
    path: Path, today: Any, test: Path | None = None, task: Any = TASK, **columns: str
) -> tuple[Today | None, Any]:
    """Return today's process on the rows of *path*, and the data set."""
    table = rooms.read(path)
    tested = rooms.read(test) if test else None
    mapping = rooms.guess(table, task.columns, columns or {"text": "message", "label": "team"})
    data = rooms.assemble(table, mapping, columns=task.columns, clean=task.clean, test=tested)
    space = task.space(data.targets)
    return Today.open(Goal(today=today), table, data, task, space, tested), data


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Rows with the answers of today's process, every fourth of which is wrong and every sixth of which is missing."""
    other = {"delivery": "billing", "billing": "delivery"}
    many = [(f"{text} {i}", label) for i in range(10) for text, label in ROWS]
    said = ["" if i % 6 == 5 else other[label] if i % 4 == 3 else label.upper() for i, (_, label) in enumerate(many)]
    lines: list[tuple[str, ...]] = [(text, label, old) for (text, label), old in zip(many, said)]
    return write_rows(tmp_path / "rows.csv", lines, HEADER)


def right(today: Today | None, data: Any) -> float:
    assert today is not None
    every = np.arange(len(data))
    answers = today.answers(every)
    assert len(answers.values) == len(answers.confidence) == len(data)
    return float(np.mean([a == t for a, t in zip(answers.values, data.targets)]))


def test_a_column_answers_in_the_spelling_of_the_labels_and_a_gap_counts_as_wrong(rows: Path) -> None:
    today, data = opened(rows, "old")
    assert today is not None
    assert right(today, data) == pytest.approx(1 - 20 / 120 - 30 / 120 + 10 / 120)
    assert today.to_json() == {"name": "today", "kind": "column", "source": "old", "ms_per_row": 0.0}
    assert [f.variant for f in today.findings] == ["unanswered"]
    assert "20 rows" in today.findings[0].message
    assert np.isnan(today.answers(np.arange(3)).confidence).all()


def test_answers_follow_the_rows_that_are_asked_for(rows: Path) -> None:
    today, data = opened(rows, {"column": "old"})
    assert today is not None
    every = today.answers(np.arange(len(data))).values
    picked = np.array([7, 3, 3, 100])
    assert today.answers(picked).values == [every[i] for i in picked]


def test_a_column_is_read_from_the_test_file_for_the_rows_of_the_test_file(rows: Path, tmp_path: Path) -> None:
    lines: list[tuple[str, ...]] = [(f"{text} at last", label, label) for text, label in ROWS]
    (tmp_path / "tests").mkdir()
    test = write_rows(tmp_path / "tests" / "rows.csv", lines, ("message", "team", "old"))
    today, data = opened(rows, "old", test)
    assert today is not None
    confirm = data.where("confirm")
    assert len(confirm) == 12
    assert today.answers(confirm).values == [data.targets[i] for i in confirm]
    bare = write_rows(tmp_path / "tests" / "bare.csv", [line[:2] for line in lines], ("message", "team"))
    with pytest.raises(DataError, match=r"'bare.csv' has no column 'old'"):
        opened(rows, "old", bare)


def test_a_figure_answers_no_rows_and_neither_does_nothing(rows: Path) -> None:
    assert opened(rows, {"accuracy": 0.8})[0] is None
    assert opened(rows, None)[0] is None


def test_answers_that_are_no_labels_are_said_and_refused_where_none_is_one(rows: Path, tmp_path: Path) -> None:
    lines: list[tuple[str, ...]] = [(f"{t} {i}", label, "misc" if i else label) for i in range(3) for t, label in ROWS]
    today, _ = opened(write_rows(tmp_path / "some.csv", lines, HEADER), "old")
    assert today is not None
    assert [(f.severity, f.variant) for f in today.findings] == [("warning", "unknown_label")]
    assert "24 answers" in today.findings[0].message
    lines = [(text, label, "misc") for text, label, _ in lines]
    with pytest.raises(DataError, match=r"labels such as billing, delivery; received misc"):
        opened(write_rows(tmp_path / "none.csv", lines, HEADER), "old")


@pytest.mark.parametrize(
    ("column", "words"),
    [("odl", "no column 'odl'. Did you mean 'old'"), ("team", "'team' is the label"), ("message", "is the text")],
)
def test_a_column_that_does_not_fit_is_refused(rows: Path, column: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        opened(rows, column)


def test_a_column_without_any_answer_is_refused(tmp_path: Path) -> None:
    lines: list[tuple[str, ...]] = [(f"{text} {i}", label, " ") for i in range(3) for text, label in ROWS]
    with pytest.raises(DataError, match="an answer in any row"):
        opened(write_rows(tmp_path / "blank.csv", lines, HEADER), "old")


# Rules


def rules(tmp_path: Path, *lines: tuple[str, ...], header: tuple[str, ...] = ("pattern", "label")) -> dict[str, str]:
    return {"rules": str(write_rows(tmp_path / "rules.csv", list(lines), header))}


def test_the_first_rule_that_fits_answers_whatever_the_case_and_width(rows: Path, tmp_path: Path) -> None:
    today, data = opened(rows, rules(tmp_path, ("ＰＡＲＣＥＬ", "Delivery"), ("/^pay|invoices?/", "billing")))
    assert right(today, data) == 1.0
    assert today is not None
    assert today.kind == "rules"
    assert today.findings == ()
    assert today.ms_per_row > 0


def test_the_order_of_rules_decides_and_the_star_answers_the_rest(rows: Path, tmp_path: Path) -> None:
    today, data = opened(
        rows, rules(tmp_path, ("*", "billing"), ("/parcel is late|track/", "billing"), ("parcel", "delivery"))
    )
    assert right(today, data) == pytest.approx(1 - 20 / 120)
    assert today is not None
    assert today.findings == ()


def test_texts_without_a_rule_count_as_wrong_and_are_said(rows: Path, tmp_path: Path) -> None:
    today, data = opened(rows, rules(tmp_path, ("parcel", "delivery")))
    assert right(today, data) == 0.5
    assert today is not None
    assert "60 rows" in today.findings[0].message


@pytest.mark.parametrize(
    ("lines", "header", "words"),
    [
        (
            [("parcel", "delivry")],
            ("pattern", "label"),
            r"line 2: there is no label 'delivry'.*Did you mean 'delivery'",
        ),
        ([("/(parcel/", "delivery")], ("pattern", "label"), r"line 2: the pattern is no regular expression"),
        (
            [("parcel", "delivery"), ("*", "billing"), ("*", "delivery")],
            ("pattern", "label"),
            r"line 4 is a second rule",
        ),
        ([("parcel", "")], ("pattern", "label"), r"line 2 is no rule"),
        ([("parcel", "delivery")], ("regex", "label"), r"no column 'pattern'"),
        ([("parcel", "delivery", "x"), ("invoice", "billing")], ("pattern", "label"), r"line 2 first"),
    ],
)
def test_a_bad_file_of_rules_is_refused_in_one_line(
    rows: Path, tmp_path: Path, lines: list[tuple[str, ...]], header: tuple[str, ...], words: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        opened(rows, rules(tmp_path, *lines, header=header))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_rules_that_are_not_there_are_refused(rows: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file 'nowhere.csv'"):
        opened(rows, {"rules": "nowhere.csv"})


# A model


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A model folder made from other rows, whose labels are written otherwise."""
    from hasei.derive.order import order, read_steps

    lines: list[tuple[str, ...]] = [(text, label.title()) for text, label in ROWS]
    file = write_rows(tmp_path / "older.csv", lines, ("message", "team"))
    columns = {"text": "message", "label": "team"}
    order(read_steps("naive_bayes"), file, task="text_classification", columns=columns, out=tmp_path / "older")
    return tmp_path / "older"


def test_an_older_model_answers_in_the_spelling_of_the_labels(rows: Path, older: Path) -> None:
    today, data = opened(rows, {"model": str(older)})
    assert right(today, data) > 0.9
    assert today is not None
    assert today.findings == ()
    assert today.ms_per_row > 0
    assert np.isfinite(today.answers(np.arange(5)).confidence).all()


def test_a_model_made_from_these_very_rows_is_said_to_look_too_good(tmp_path: Path) -> None:
    from hasei.derive.order import order, read_steps

    lines: list[tuple[str, ...]] = [(f"{text} {i}", label) for i in range(5) for text, label in ROWS]
    file = write_rows(tmp_path / "rows.csv", lines, ("message", "team"))
    columns = {"text": "message", "label": "team"}
    order(read_steps("naive_bayes"), file, task="text_classification", columns=columns, out=tmp_path / "own")
    today, _ = opened(file, {"model": str(tmp_path / "own")})
    assert today is not None
    assert [f.variant for f in today.findings] == ["seen"]


def test_a_model_that_is_none_or_answers_something_else_is_refused(rows: Path, tmp_path: Path, older: Path) -> None:
    with pytest.raises(BaseError, match="no model folder"):
        opened(rows, {"model": str(tmp_path / "nowhere")})
    lines: list[tuple[str, ...]] = [(f"{t} {i}", f"class {len(label)}") for i in range(5) for t, label in ROWS]
    strange = write_rows(tmp_path / "strange.csv", lines, ("message", "team"))
    with pytest.raises(DataError, match="no answer of today's process in 'older'"):
        opened(strange, {"model": str(older)})


# Targets that are numbers


def test_a_column_of_numbers_answers_in_numbers_and_rules_do_not(tmp_path: Path) -> None:
    lines: list[tuple[str, ...]] = [(f"word {'a' * i}", str(i / 2), str(i)) for i in range(60)]
    file = write_rows(tmp_path / "numbers.csv", lines, ("text", "score", "old"))
    with plugins.extra("tasks", Path(__file__).parents[1] / "dropins" / "tasks"):
        task = open_task("text_length")
        today, data = opened(file, "old", task=task, text="text", score="score")
        assert today is not None
        assert today.answers(np.arange(4)).values == [2 * float(t) for t in data.targets[:4]]
        with pytest.raises(NotSupported, match="no labels"):
            opened(file, rules(tmp_path, ("word", "1")), task=task, text="text", score="score")
        lines[3] = (*lines[3][:2], "")
        write_rows(file, lines, ("text", "score", "old"))
        with pytest.raises(UserError, match="an answer in every row"):
            opened(file, "old", task=task, text="text", score="score")
