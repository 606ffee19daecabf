"""What a file itself gets wrong: no header, words for nothing as labels, one text far longer than all others."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rooms import find, plain_rows, room

from hasei.cli import main
from hasei.ground.language import speaking
from hasei.inputs.data import mapping, reading, roles
from hasei.judge.checks import Room, open_room
from hasei.judge.checks._long import said_once
from hasei.tasks import open_task

ROOT = Path(__file__).resolve().parents[3]
ROWS = [(row["text"], row["label"]) for row in plain_rows(60)]


def opened(path: Path) -> Room:
    task = open_task("text_classification")
    table = reading.read(path)
    columns = mapping.guess(table, task.columns, {})
    return open_room(task, table, columns, roles.assemble(table, columns, columns=task.columns, clean=task.clean))


def written(folder: Path, lines: Sequence[Sequence[str]]) -> Room:
    path = folder / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines)
    return opened(path)


@pytest.mark.parametrize("lines", [
    ROWS,
    [(str(n), *row) for n, row in enumerate(ROWS, 7)],
    [(text, str("abc".index(label))) for text, label in ROWS],
    [(f"2026-01-{n % 28 + 1:02}", text, label) for n, (text, label) in enumerate(ROWS)],
    [(f"{n}番の荷物がまだ届いていません", "配送" if n % 2 else "請求") for n in range(10, 60)],
])  # fmt: skip
def test_a_first_line_that_is_a_row_is_said(tmp_path: Path, lines: Sequence[Sequence[str]]) -> None:
    (found,) = find("header", written(tmp_path, lines))
    assert (found.kind, found.severity, found.file) == ("header", "warning", "rows.csv")
    assert "first line of 'rows.csv'" in found.message and "first line" in found.do
    with speaking("ja"):
        assert "1 行目" in find("header", written(tmp_path, lines))[0].message


@pytest.mark.parametrize("header", [
    ("text", "label"), ("0", "1"), ("message", "a"), ("sms", "a"), ("Nachricht", "a"), ("What did you like?", "How was it?"),
    ("note_text", "a"), ("本文", "a"), ("", "text", "label"), ("Unnamed: 0", "text", "a"), ("2019", "text", "b"),
])  # fmt: skip
def test_a_header_is_one_even_where_it_is_called_like_a_class(tmp_path: Path, header: tuple[str, ...]) -> None:
    lines = ROWS if len(header) == 2 else [(str(n), *row) for n, row in enumerate(ROWS)]
    assert find("header", written(tmp_path, [header, *lines])) == []
    assert find("header", written(tmp_path, [header, *lines, header])) == []


@pytest.mark.parametrize("path", sorted((ROOT / "samples").glob("*.csv")), ids=lambda path: path.name)
def test_the_samples_have_headers_and_are_found_out_without(path: Path, tmp_path: Path) -> None:
    whole = opened(path)
    assert [find(check, whole) for check in ("header", "missing_words", "huge_text")] == [[], [], []]
    assert find("header", written(tmp_path, list(whole.table.cells)))


def test_a_missing_header_is_said_by_check_and_by_try(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], toy_base: Callable[[str], Path]
) -> None:
    path = written(tmp_path, ROWS * 2).table.path
    assert main(["check", str(path), "--quick", "--json"]) == 0
    assert "header" in {f["kind"] for f in json.loads(capsys.readouterr().out)["findings"]}
    asked = [
        "--methods",
        "feature_extraction",
        "--budget",
        "4m",
        "--scheme",
        "holdout",
        "--out",
        str(tmp_path / "run"),
        "--json",
    ]
    assert main(["try", str(path), "--base", str(toy_base("bert")), *asked]) == 0
    assert "header" in {f["kind"] for f in json.loads(capsys.readouterr().out)["data"]["findings"]}


@pytest.mark.parametrize("word", ["NaN", "nan", "None", "N/A", "null", "#N/A"])
def test_a_word_for_nothing_as_a_label_is_said_and_kept(tmp_path: Path, word: str) -> None:
    rows = plain_rows(60)
    rows[3]["label"] = rows[9]["label"] = word
    made = room(tmp_path, rows)
    (found,) = find("missing_words", made)
    assert (found.kind, found.severity, found.rows) == ("missing_word", "warning", (5, 11))
    assert f"'{word}'" in found.message and "2 of 60" in found.message
    assert len(made.data) == 60 and made.data.targets.count(word) == 2
    assert find("missing_words", room(tmp_path, plain_rows(60))) == []


def test_one_huge_text_is_noted_with_its_row(tmp_path: Path) -> None:
    rows = plain_rows(60)
    rows[30]["text"] = "word " * 200_000
    (found,) = find("huge_text", room(tmp_path, rows))
    assert (found.kind, found.variant, found.severity, found.rows) == ("long_text", "huge", "note", (32,))
    assert "line 32, has 1,000,000" in found.message
    long = [row | {"text": row["text"] * 300} for row in plain_rows(60)]
    assert find("huge_text", room(tmp_path, long)) == []  # where all are long none is


def test_check_says_which_texts_the_base_cuts_and_says_it_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], toy_base: Callable[[str], Path]
) -> None:
    rows = [("text", "label"), *ROWS, ("parcel " * 3000, "a"), ("parcel " * 100, "b")]
    path = written(tmp_path, rows).table.path
    base = str(toy_base("bert"))
    for more, rows, severity in (((), [62, 63], "warning"), (("--quick",), [62], "note")):
        assert main(["check", str(path), "--base", base, "--json", *more]) == 0
        found = [f for f in json.loads(capsys.readouterr().out)["findings"] if f["kind"] == "long_text"]
        assert [(f["rows"], f["severity"]) for f in found] == [(rows, severity)]
        assert "64 tokens" in found[0]["message"] and "line 62, has 21,000" in found[0]["message"]


def test_findings_of_other_kinds_may_come_twice(tmp_path: Path) -> None:
    (found,) = find("header", written(tmp_path, ROWS))
    assert said_once([found, found]) == [found, found]
