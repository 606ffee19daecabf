"""Rows to label next: telling ones, none twice, in a file that a spreadsheet opens and no cell of which runs."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent / "checks"))

from label_rooms import flipped, made, minilm, real

from hasei.engine.heads import solve_head
from hasei.ground.errors import OutputError
from hasei.judge.next_rows import COLUMNS, NextRow, next_rows, telling, write_next

INTENTS = ("alarm", "balance", "book_flight", "calories", "change_accent", "exchange_rate", "gas", "insurance")


def read(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


# ---- which rows


def test_of_two_crowds_in_doubt_both_are_asked_about():
    rng = np.random.default_rng(0)
    features = np.concatenate([rng.normal(c, 0.05, size=(15, 8)) for c in (np.eye(8)[0], np.eye(8)[1], np.eye(8)[2])])
    chances = np.concatenate([np.tile([0.5, 0.5], (30, 1)), np.tile([0.99, 0.01], (15, 1))])
    chosen = telling(chances, features, 2)
    assert sorted(i // 15 for i in chosen) == [0, 1]


def test_fewer_rows_than_asked_for_are_all_given_the_most_doubtful_first():
    chances = np.array([[0.9, 0.1], [0.5, 0.5], [0.7, 0.3]])
    assert telling(chances, np.eye(3), 50).tolist() == [1, 2, 0]


def test_unlabelled_rows_are_asked_about_once_each_and_known_texts_not_at_all(tmp_path, toy_base):
    from hasei.engine.trunk import Trunk
    from hasei.inputs.base import Base

    trunk = Trunk(Base.open(toy_base("bert")))
    rows = [(f"where is my parcel {i}", "delivery") for i in range(30)] + [
        (f"refund {i}", "billing") for i in range(30)
    ]
    blank = [("card declined", ""), ("Card  declined", ""), ("where is my parcel 3", ""), ("login page", "")]
    room = made(tmp_path, [*rows, *blank], open_trunk=lambda: trunk)
    found = next_rows(room, 10)
    assert {(row.line, row.text, row.label) for row in found} == {(62, "card declined", ""), (65, "login page", "")}
    assert all(row.suggested in ("delivery", "billing") and row.file == "data.csv" for row in found)
    assert next_rows(room, 10) == found
    assert len(next_rows(room, 1)) == 1 and next_rows(room, 0) == []


def test_where_every_row_has_a_label_the_suspect_ones_are_asked_about(shared):
    room, wrong = flipped(real(shared / "clinc150" / "train_small.csv", INTENTS, 40), 0.1, seed=0)
    found = next_rows(room, 10)
    assert len(found) == 10 and {row.line for row in found} <= wrong
    assert {row.why for row in found} == {"suspect label"}
    assert all(row.label != row.suggested for row in found)


def test_what_is_unlike_anything_labelled_is_said_to_be(shared):
    room = real(shared / "clinc150" / "train_small.csv", INTENTS, 30)
    foreign = [(f"zebra quartz {word}", "") for word in ("violin", "glacier", "molecule", "cathedral")]
    blank = replace(
        room.unlabelled, inputs=[t for t, _ in foreign], contents=[t for t, _ in foreign], targets=[""] * 4,
        lines=np.arange(2, 6), files=["new.csv"] * 4, is_test=np.zeros(4, np.bool_), roles=np.array([""] * 4),
        cells=[tuple(row) for row in foreign],
    )  # fmt: skip
    found = next_rows(replace(room, unlabelled=blank, kept={}), 10)
    assert {row.why for row in found} == {"unlike anything labelled"}


def test_chosen_rows_teach_no_less_than_rows_drawn_at_random(shared):
    room = real(shared / "clinc150" / "train_small.csv", INTENTS, 7, blank=43)
    inputs, truth = room.unlabelled.inputs, true_labels(shared, room)
    features = minilm().pooled([*inputs, *room.rows.inputs], minilm().layers, minilm().base.pooling)
    new, old = features[: len(inputs)], features[len(inputs) :]

    def accuracy(more):
        rest = np.setdiff1d(np.arange(len(inputs)), more)
        targets = [*room.rows.targets, *(truth[i] for i in more)]
        space = room.task.space(targets)
        known = np.concatenate([old, new[more]])
        weight, bias = solve_head(room.task, space, known, room.task.encode(space, targets), 0.1)
        answers = room.task.answers(space, new[rest] @ weight.T + bias).values
        return float(np.mean([a == truth[i] for a, i in zip(answers, rest, strict=True)]))

    place = {int(line): i for i, line in enumerate(room.unlabelled.lines)}
    chosen = accuracy(np.array([place[row.line] for row in next_rows(room, 20)]))
    draws = [accuracy(np.random.default_rng(seed).permutation(len(inputs))[:20]) for seed in range(10)]
    assert chosen >= np.mean(draws)


def true_labels(shared, room):
    with (shared / "clinc150" / "train_small.csv").open(encoding="utf-8", newline="") as file:
        label = {row["text"]: row["label"] for row in csv.DictReader(file) if row["label"] in INTENTS}
    return [label[text] for text in room.unlabelled.inputs]


# ---- the file to fill in


def row(text, label="a", suggested="b"):
    return NextRow("data.csv", 7, text, label, suggested, "uncertain")


def test_the_file_opens_in_a_spreadsheet_with_an_empty_column_to_fill_in(tmp_path):
    write_next(tmp_path / "next.csv", [row("荷物が、\n届かない", label="")])
    assert (tmp_path / "next.csv").read_bytes().startswith(b"\xef\xbb\xbffile,line,")
    (found,) = read(tmp_path / "next.csv")
    assert tuple(found) == COLUMNS
    assert found == {
        "file": "data.csv", "line": "7", "text": "荷物が、\n届かない", "label": "", "suggested": "b", "why": "uncertain",
        "new_label": "",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["=1+1", "+49 30", "-5", "@SUM(A1)", "\tx", "\r=1", "\n=1"])
def test_no_cell_starts_a_formula(tmp_path, text):
    write_next(tmp_path / "next.csv", [row(text, label=text, suggested=text)])
    (found,) = read(tmp_path / "next.csv")
    assert found["text"] == found["label"] == found["suggested"] == f"'{text}"


@given(st.text(alphabet=st.characters(codec=None)))
def test_any_text_can_be_written_and_read_back(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("next") / "next.csv"
    write_next(path, [row(text)])
    (found,) = read(path)
    assert found["text"].removeprefix("'").encode() == text.removeprefix("'").encode("utf-8", "replace")
    assert not found["text"].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_a_file_that_may_be_filled_in_already_is_never_overwritten(tmp_path):
    (tmp_path / "next.csv").write_text("my labels")
    with pytest.raises(OutputError, match="exists already"):
        write_next(tmp_path / "next.csv", [row("x")])
    assert (tmp_path / "next.csv").read_text() == "my labels"
