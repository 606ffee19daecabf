"""Input with flaws that can be worked with: what is dropped is counted and named by its line, what is odd is said."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from hasei.cli import main
from hasei.ground.events import Event, Watch
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks import run_checks
from hasei.judge.study.conduct import prepare
from hasei.judge.study.config import make_config
from hasei.judge.study.lab import Lab
from made_up import ROWS, write_rows

HEADER = ("message", "team")
GOOD: list[tuple[str, ...]] = [(f"{text} {i}", team) for i in range(5) for text, team in ROWS]
Prepared = Callable[..., tuple[Lab, list[str]]]


@pytest.fixture
def prepared(tmp_path: Path, toy_base: Callable[[str], Path]) -> Prepared:
    """Return a function that reads rows as a study does, and gives what it then knows and what it said on the way."""

    def run(path: Path, *, group: str | None = None, test: Sequence[tuple[str, ...]] = ()) -> tuple[Lab, list[str]]:
        data: dict[str, Any] = {"path": str(path), "group": group}
        if test:
            data["test"] = str(write_rows(tmp_path / "tests.csv", list(test), HEADER))
        said: list[str] = []

        def listen(event: Event) -> None:
            if event.stage == "finding":
                said.append(event.message)

        config = make_config({"data": data, "base": str(toy_base("bert"))})
        lab, _ = prepare(config, Watch(listener=listen), tmp_path / "work")
        assert said == [finding.message for finding in lab.data.findings]
        return lab, said

    return run


def rows_with(path: Path, *rows: tuple[str, ...], header: tuple[str, ...] = HEADER) -> Path:
    """Write the good rows (lines 2 to 61) and *rows* below them."""
    return write_rows(path, [*GOOD, *rows], header)


def found(lab: Lab, kind: str) -> Finding:
    (finding,) = (finding for finding in lab.data.findings if finding.kind == kind)
    return finding


def test_good_rows_give_no_finding(prepared: Prepared, tmp_path: Path) -> None:
    lab, said = prepared(rows_with(tmp_path / "a.csv"))
    assert said == []
    assert len(lab.data) == len(GOOD)


@pytest.mark.parametrize(
    ("kind", "rows", "lines"),
    [
        ("blank_label", [("no team here", ""), ("none here", "  ")], (62, 63)),
        ("blank_text", [("", "billing"), ("\u3000\u200b", "billing"), (" ", "delivery")], (62, 63, 64)),
        ("ragged", [("only one cell",), ("three", "cells", "here")], (62, 63)),
    ],
)
def test_rows_that_can_not_be_used_are_dropped_and_their_lines_said(
    prepared: Prepared, tmp_path: Path, kind: str, rows: list[tuple[str, ...]], lines: tuple[int, ...]
) -> None:
    lab, said = prepared(rows_with(tmp_path / "a.csv", *rows))
    finding = found(lab, kind)
    assert finding.rows == lines
    assert finding.file == "a.csv"
    assert finding.do
    assert said == [finding.message]
    assert "dropped" in finding.message and str(len(lines)) in finding.message
    assert len(lab.data) == len(GOOD)


def test_rows_that_stand_in_the_test_file_too_are_dropped_from_the_train_file(
    prepared: Prepared, tmp_path: Path
) -> None:
    test = [
        ("a new parcel question", "delivery"),
        ("an invoice again", "billing"),
        ("Two  INVOICES for one", "billing"),
    ]
    path = rows_with(tmp_path / "a.csv", ("two invoices for one", "billing"), ("a new  parcel QUESTION", "delivery"))
    lab, said = prepared(path, test=test)
    assert found(lab, "leak").rows == (62, 63)
    assert said == ["rows dropped from 'a.csv' that also stand in the test file 'tests.csv': 2"]
    assert (lab.data.roles == "confirm").sum() == len(test)


def test_rows_that_bridge_two_roles_are_dropped_from_the_less_protected_one(prepared: Prepared, tmp_path: Path) -> None:
    rows = [(text, team, f"customer {i}") for i, (text, team) in enumerate(GOOD)]
    rows += [("the same words from everybody", "billing", f"customer {i}") for i in range(len(GOOD))]
    path = write_rows(tmp_path / "a.csv", rows, (*HEADER, "customer"))
    lab, said = prepared(path, group="customer")
    finding = found(lab, "bridge")
    assert len(finding.rows) == len(rows) - len(lab.data) > 0
    assert set(finding.rows) <= set(range(len(GOOD) + 2, len(rows) + 2))
    assert f"different roles: {len(finding.rows)}" in said[0]
    shared = {role for role, text in zip(lab.data.roles, lab.data.inputs) if text == "the same words from everybody"}
    assert shared == {"confirm"}


def test_a_class_that_only_the_test_file_has_is_dropped_from_it(prepared: Prepared, tmp_path: Path) -> None:
    test = [("a new parcel question", "delivery"), ("is this contract valid", "legal"), ("an invoice again", "billing"),
            ("what does the law say", "Legal")]  # fmt: skip
    lab, said = prepared(rows_with(tmp_path / "a.csv"), test=test)
    finding = found(lab, "unseen_class")
    assert (finding.file, finding.rows) == ("tests.csv", (3, 5))
    assert "2 confirm rows" in said[-1] and "legal" in said[-1].lower() and "dropped" in said[-1]
    assert lab.space.names == ("billing", "delivery")
    assert (lab.data.roles == "confirm").sum() == 2


def test_a_class_with_one_row_is_kept_and_warned_of(prepared: Prepared, tmp_path: Path) -> None:
    test = [("a new parcel question", "delivery"), ("an invoice again", "billing")]
    lab, _said = prepared(rows_with(tmp_path / "a.csv", ("is this contract valid", "legal")), test=test)
    assert lab.room is not None
    (small,) = (f for f in run_checks(lab.room, ("text",)) if f.kind == "small_class" and "to learn from" in f.message)
    assert small.severity == "warning"
    assert "legal" in small.message
    assert "legal" in lab.space.names


def test_one_two_and_three_ways_to_write_a_number_are_one_class_and_it_is_said(
    prepared: Prepared, tmp_path: Path
) -> None:
    labels: list[object] = [1, "1", 1.0, 2, 2, "2.0"]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(
        json.dumps({"message": f"{text} {i}", "team": labels[i % 6]}) + "\n" for i, (text, _) in enumerate(GOOD)
    ))  # fmt: skip
    lab, said = prepared(path)
    assert lab.space.names == ("1", "2")
    assert "20 labels were respelt" in said[0]
    assert "'1.0' → '1'" in said[0]


@pytest.mark.parametrize(("encoding", "name"), [("cp932", "CP932"), ("utf-16", "UTF-16"), ("euc_jp", "EUC-JP")])
def test_an_encoding_other_than_utf_8_is_detected_and_said(
    prepared: Prepared, tmp_path: Path, encoding: str, name: str
) -> None:
    rows: list[tuple[str, ...]] = [(f"{text}：荷物がまだ届きません", team) for text, team in GOOD]
    lab, said = prepared(write_rows(tmp_path / "a.csv", rows, HEADER, encoding))
    assert found(lab, "encoding").severity == "warning"
    assert f"not UTF-8: it was read as {name}" in said[0]
    assert str(lab.data.inputs[0]).endswith("：荷物がまだ届きません")


def test_texts_longer_than_the_base_reads_are_counted_and_what_was_cut_is_said(
    prepared: Prepared, tmp_path: Path
) -> None:
    long = " ".join(["parcel"] * 200)
    lab, _ = prepared(rows_with(tmp_path / "a.csv", (long, "delivery"), (f"{long} invoice", "billing")))
    lab.prepare(lab.data.where("train", "select", "confirm"))
    finding = found(lab, "long_text")
    assert finding.rows == (62, 63)
    assert "2 texts are longer than the 64 tokens" in finding.message
    assert "cut" in finding.message


def test_all_of_it_together_reaches_the_person_and_the_report(
    tmp_path: Path, toy_base: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    flaws = [("", "billing"), ("no team here", ""), ("cell",), ("Two invoices for one", "billing"), ("sued", "legal")]
    path = rows_with(tmp_path / "a.csv", *flaws)
    test = [(f"{text} again", team) for text, team in ROWS]
    tests = write_rows(
        tmp_path / "tests.csv", [*test, ("two invoices for one", "billing"), ("law", "astrology")], HEADER
    )
    asked = ["try", path, "--test", tests, "--base", toy_base("bert"), "--methods", "feature_extraction"]
    assert main([*map(str, asked), "--budget", "60s", "--out", str(tmp_path / "run"), "--json"]) == 0
    said = capsys.readouterr()
    findings = {f["kind"]: f for f in reversed(json.loads(said.out)["data"]["findings"])}
    dropped = {"blank_text": [62], "blank_label": [63], "ragged": [64], "leak": [65], "unseen_class": [15]}
    assert {kind: findings[kind]["rows"] for kind in dropped} == dropped
    assert all(findings[kind]["count"] == 1 for kind in dropped)
    assert all(findings[kind]["message"] in said.err for kind in dropped)
    assert (
        json.loads((tmp_path / "run" / "report.json").read_text())["data"]["findings"]
        == json.loads(said.out)["data"]["findings"]
    )
