"""Questions with choices: the shapes in which people have them, what is refused, and what is answered."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hasei.ground.errors import DataError
from hasei.inputs.data import read
from hasei.inputs.data.dataset import Table
from hasei.tasks import open_task
from hasei.tasks._choices import read as choices_of
from hasei.tasks.multiple_choice import outputs_of

TASK = open_task("multiple_choice")


def table(columns, rows):
    cells = [tuple(str(cell) for cell in row) for row in rows]
    return Table(Path("exam.csv"), tuple(columns), cells, np.arange(2, len(cells) + 2), "utf-8", "")


def arranged(columns, rows):
    found = TASK.arrange(table(columns, rows))
    label = next((name for name in ("label", "answer", "answerKey", "正解") if name in found.columns), None)
    places = [found.columns.index("choices"), *([found.columns.index(label)] if label else [])]
    return [tuple(row[place] for place in places) for row in found.cells], found.findings


RED = '["red","blue","green"]'


@pytest.mark.parametrize(
    ("columns", "row", "right"),
    [
        (("question", "choice0", "choice1", "choice2", "label"), ("?", "red", "blue", "green", "1"), "blue"),
        (("question", "choice1", "choice2", "choice3", "label"), ("?", "red", "blue", "green", "1"), "red"),
        (("question", "option_a", "option_b", "option_c", "answer"), ("?", "red", "blue", "green", "C"), "green"),
        (("question", "A", "B", "C", "answer"), ("?", "red", "blue", "green", "b"), "blue"),
        (("question", "A", "B", "C", "label", "y"), ("?", "red", "blue", "green", "B", "7"), "blue"),
        (("question", "choices", "label"), ("?", RED, "2"), "green"),
        (("question", "choices", "label"), ("?", RED, "2.0"), "green"),
        (("question", "choices", "label"), ("?", RED, "Blue"), "blue"),
        (("question", "choices", "answerKey"), ("?", RED, "Ａ"), "red"),
        (("質問", "選択肢1", "選択肢2", "選択肢3", "正解"), ("?", "red", "blue", "green", "３"), "green"),
        (
            ("question", "choices", "answerKey"),
            ("?", '{"text": ["red", "blue", "green"], "label": ["1", "2", "3"]}', "2"),
            "blue",
        ),
    ],
)
def test_choices_and_the_right_one_are_read_in_every_usual_shape(columns, row, right):
    (found,), findings = arranged(columns, [row])
    assert found == (RED, right) and not findings


def test_places_counted_from_one_are_told_by_the_whole_column():
    rows = [("?", RED, place) for place in (1, 2, 3)]
    assert [right for _, right in arranged(("question", "choices", "label"), rows)[0]] == ["red", "blue", "green"]


def test_numbers_that_are_choices_are_texts_where_every_label_is_one():
    rows = [("2+1?", '["3","4","5"]', "3"), ("2+2?", '["3","4","5"]', "4")]
    assert [right for _, right in arranged(("question", "choices", "label"), rows)[0]] == ["3", "4"]


def test_rows_may_have_different_numbers_of_choices():
    rows = [("?", "red", "blue", "", "1"), ("?", "red", "blue", "green", "2")]
    found, _ = arranged(("question", "choice0", "choice1", "choice2", "label"), rows)
    assert found == [('["red","blue"]', "blue"), (RED, "green")]


def test_without_a_label_the_choices_are_arranged_all_the_same():
    assert arranged(("question", "choice0", "choice1"), [("?", "red", "blue")])[0] == [('["red","blue"]',)]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (("?", '["red"]', "red"), "fewer than two choices"), (("?", "red or blue", "red"), "fewer than two choices"),
        (("?", '["red","RED"]', "red"), "two choices that are the same"),
        (("?", RED, "7"), "a right choice that is none of them"), (("?", RED, "pink"), "a right choice that is none of them"),
    ],
)  # fmt: skip
def test_what_is_no_row_of_choices_is_refused_naming_the_line_and_a_few_are_left_out_and_said(row, why):
    with pytest.raises(DataError, match=f"line 2 has {why}") as error:
        arranged(("question", "choices", "label"), [row])
    assert "\n" not in str(error.value)
    good = [("?", RED, "blue")] * 30
    found, (finding,) = arranged(("question", "choices", "label"), [*good, row])
    assert "" in found[-1] and finding.rows == (32,) and found[0] == (RED, "blue")


def test_a_blank_question_is_dropped_and_said(tmp_path):
    from hasei.inputs.data import assemble, guess

    path = tmp_path / "exam.csv"
    rows = [(f"q{i}", "red", "blue", i % 2) for i in range(60)] + [("  ", "red", "blue", 0)]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("question", "choice0", "choice1", "label"), *rows])
    found = TASK.arrange(read(path))
    data = assemble(found, guess(found, TASK.columns), columns=TASK.columns, clean=TASK.clean)
    assert len(data) == 60 and [f.kind for f in data.findings if f.rows == (62,)] == ["blank_text"]
    assert set(data.targets) == {"red", "blue"} and data.inputs[0] == ("q0", '["red","blue"]')


def test_a_label_that_is_none_of_the_choices_is_found_when_it_is_learnt_too():
    from hasei.engine.choosing import right_marks

    with pytest.raises(DataError, match="none of its choices"):
        right_marks([("what colour", RED)], ["pink"])


choices = st.lists(st.text(min_size=1).filter(lambda t: t.strip() == t and t.strip()), min_size=2, max_size=6)


@given(choices, st.data())
def test_any_texts_stand_the_way_there_and_back(texts, data):
    row = ("?", json.dumps(texts), data.draw(st.sampled_from(texts)))
    try:
        ((cell, right),), _ = arranged(("question", "choices", "label"), [row])
    except DataError:
        assert len({" ".join(__import__("unicodedata").normalize("NFKC", t).casefold().split()) for t in texts}) < len(
            texts
        )
        return
    assert list(choices_of(cell)) == texts and right in texts


def test_the_answer_is_the_choice_with_the_highest_score_and_its_softmax_the_confidence():
    found = TASK.answers(
        TASK.space(["a", "b"]), outputs_of([[("a", 0.0), ("b", 1.0)], [("c", 2.0), ("d", 2.0), ("e", 0.0)]])
    )
    assert found.values == ["b", "c"]
    assert found.confidence == pytest.approx([1 / (1 + np.exp(-1)), 1 / (2 + np.exp(-2))])


def test_the_place_of_the_right_one_is_what_a_constant_knows():
    from hasei.baselines import majority
    from hasei.engine.derivation import Context

    rows = [(f"q{i}", json.dumps([f"a{i}", f"b{i}", f"c{i}"][: 2 + i % 2])) for i in range(10)]
    right = [f"b{i}" for i in range(8)] + ["a8", "c9"]
    context = Context(TASK, TASK.space(right), rows, TASK.encode(TASK.space(right), right), right, list("0123456789"))
    predictor = majority.derive(context, majority.Params()).predictor
    found = TASK.answers(context.space, predictor.outputs([("new", '["x","y"]'), ("new", '["x","y","z","w","v"]')]))
    assert found.values == ["y", "y"] and found.confidence[0] == pytest.approx(0.8 / 0.9)
