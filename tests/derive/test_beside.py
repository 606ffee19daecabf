"""What stands beside rows and targets: rows without a target, stages, other targets."""

from __future__ import annotations

import numpy as np
import pytest

from hasei.derive import run
from hasei.derive.beside import Beside, also_of, refuse_lacking, with_beside
from hasei.ground.errors import DataError, NotSupported, RecipeError
from hasei.inputs import data as rooms
from hasei.tasks import open_task

LINES = ["text,label,month,mood,score", *(
    f"row number {i} of this file,{'yes' if i % 2 else 'no'},{'jan' if i < 50 else 'feb'},{'glad' if i % 3 else ''},{i}"
    for i in range(100)
)]  # fmt: skip


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(LINES), "utf-8")
    task = open_task("text_classification")
    table = rooms.read(path)

    def read(**given):
        beside = Beside(**given)
        mapping = rooms.guess(table, task.columns, {"text": "text", "label": "label"})
        data = rooms.assemble(table, mapping, columns=task.columns, clean=task.clean, extras=beside.columns)
        return with_beside(data, task, beside)

    return task, read


def test_rows_without_a_target_are_read_once_each_and_never_those_that_are_scored(rows, tmp_path):
    task, read = rows
    path = tmp_path / "more.csv"
    path.write_text("text\nsomething new\nSomething  NEW\n\nrow number 3 of this file\nanother one\n", "utf-8")
    data = read(unlabeled=str(path))
    assert data.unlabeled == ["something new", "another one"]
    assert any("1 rows without a target are also rows that are scored" in f.message for f in data.findings)
    context = run.context_of(task, task.space(data.targets), data, ())
    assert context.unlabeled == data.unlabeled


def test_what_stands_beside_is_part_of_the_fingerprint(rows, tmp_path):
    _, read = rows
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("text\none\n", "utf-8")
    second.write_text("text\ntwo\n", "utf-8")
    prints = [read(**given).fingerprint for given in (
        {}, {"unlabeled": str(first)}, {"unlabeled": str(second)}, {"stage": "month"}, {"also": ("mood",)},
    )]  # fmt: skip
    assert len(set(prints)) == len(prints)


def test_stages_and_other_targets_come_with_their_rows(rows):
    task, read = rows
    data = read(stage="month", also=("mood", "score=text_regression")).take(np.arange(40, 60))
    context = run.context_of(task, task.space(data.targets), data, ())
    assert context.stages == ("jan",) * 10 + ("feb",) * 10
    assert [a.name for a in context.also] == ["score"]  # only one mood is known of
    assert len(context.also[0].rows) == 20 and context.also[0].task.target_kind == "number"


def test_a_blank_cell_of_another_target_is_a_row_without_it(rows):
    _, read = rows
    data = read(also=("label", "mood"))
    assert [len(a.rows) for a in also_of(data)] == [100]


@pytest.mark.parametrize(("given", "error", "says"), [
    ({"stage": "mood"}, DataError, "have no stage in the column 'mood'"),
    ({"stage": "nowhere"}, DataError, "nowhere"),
    ({"also": ("mood=nonsense",)}, RecipeError, "there is no task called 'nonsense'"),
    ({"also": ("mood=token_classification",)}, RecipeError, "can't stand beside"),
    ({"also": ("mood=text_regression",)}, DataError, "glad"),
])  # fmt: skip
def test_what_can_not_stand_beside_is_refused(rows, given, error, says):
    with pytest.raises(error, match=says):
        rows[1](**given)


def test_a_file_without_any_row_to_read_is_refused(rows, tmp_path):
    path = tmp_path / "none.csv"
    path.write_text("text\nrow number 3 of this file\n", "utf-8")
    with pytest.raises(DataError, match="holds no row to read without a target"):
        rows[1](unlabeled=str(path))


def test_a_method_that_lacks_what_it_needs_says_how_to_give_it(rows):
    class Plugin:
        NEEDS = ("stages",)

    with pytest.raises(NotSupported, match="needs the stage of every row") as error:
        refuse_lacking("method", Plugin, rows[1]())
    assert "--stage COLUMN" in str(error.value)
    refuse_lacking("method", Plugin, rows[1](stage="month"))
