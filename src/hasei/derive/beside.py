"""What a method may be given beside rows and targets: rows without a target, stages of time, other targets of the same rows.

A method that can't do without one says so in its module's ``NEEDS``, a tuple of ``"unlabeled"``, ``"stages"``, ``"also"``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hasei.engine.derivation import Also
from hasei.ground import plugins
from hasei.ground.errors import DataError, NotSupported, RecipeError, nearest
from hasei.ground.files import hash_text
from hasei.ground.language import _
from hasei.inputs import data as rooms
from hasei.inputs.data.dataset import Dataset, Finding, Input
from hasei.inputs.data.roles import normalise
from hasei.inputs.data.unlabeled import unlabeled_rows
from hasei.tasks import Task, arranged, open_task

_GIVEN_BY = {
    "unlabeled": ("rows without a target", "--unlabeled FILE (data: {unlabeled: FILE})"),
    "stages": ("the stage of every row", "--stage COLUMN (data: {stage: COLUMN})"),
    "also": ("other targets of the rows", "--also COLUMN (data: {also: [COLUMN]})"),
}


@dataclass(frozen=True)
class Beside:
    """What was named: a file of rows without a target, the column of stages, columns of other targets (``COLUMN[=TASK]``)."""

    unlabeled: str | None = None
    stage: str | None = None
    also: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[tuple[str, str], ...]:
        """Each column of other targets with the task that it is of, "" for the task of the rows."""
        parts = [text.partition("=") for text in self.also]
        return tuple((column.strip(), task.strip()) for column, _equals, task in parts)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are carried along with the rows for it."""
        return (*((self.stage,) if self.stage else ()), *(column for column, _task in self.targets))


def with_beside(data: Dataset, task: Task, given: Beside, judged: Sequence[Input] = ()) -> Dataset:
    """Return *data* (its ``extras`` hold the columns of *given*) with what was named, and that in its fingerprint.

    *judged* are rows that are scored and none of *data*: they are left out where they have no target too.

    Raises DataError for a blank stage, a column without any target or a file that holds no such rows, RecipeError for a task that
    is none or can't stand beside.
    """
    if given == Beside():
        return data
    marks = [data.fingerprint]
    findings = list(data.findings)
    if given.stage:
        _refuse_blank(data, given.stage)
        marks.append(f"stage {given.stage}")
    also = tuple((column, name or task.name) for column, name in given.targets)
    for column, name in also:
        _refuse_target(data, task, column, name)
        marks.append(f"also {column} {name} " + "\x1f".join(data.extras[column]))
    rows: list[Any] = []
    if given.unlabeled:
        rows, said = _read(Path(given.unlabeled), data, task, judged)
        findings += said
        marks.append("unlabeled " + hash_text("\x1e".join(map(normalise, rows))))
    return replace(
        data, unlabeled=rows, stage=given.stage or "", also=also, findings=tuple(findings),
        fingerprint=hash_text("hasei.rows.beside.v1\x1e" + "\x1e".join(marks)),
    )  # fmt: skip


def also_of(data: Dataset) -> tuple[Also, ...]:
    """Return the other targets of the rows of *data*; one that fewer than two values are known of is left out."""
    found = []
    for column, name in data.also:
        task, cells = open_task(name), data.extras[column]
        rows = np.array([i for i, cell in enumerate(cells) if cell.strip()], np.int64)
        targets, _findings = task.clean([cells[i] for i in rows])
        if len(set(targets)) > 1:
            space = task.space(targets)
            found.append(Also(column, task, space, rows, task.encode(space, targets)))
    return tuple(found)


def lacking(plugin: Any, data: Dataset) -> str:
    """Return the first thing that *plugin* needs and *data* lacks, "" where there is none."""
    has = {"unlabeled": bool(data.unlabeled), "stages": bool(data.stage), "also": bool(data.also)}
    return next((need for need in getattr(plugin, "NEEDS", ()) if not has[need]), "")


def refuse_lacking(name: str, plugin: Any, data: Dataset) -> None:
    """Raise NotSupported where the method *name* needs what *data* lacks, saying how it is given."""
    need = lacking(plugin, data)
    if need:
        what, how = _GIVEN_BY[need]
        raise NotSupported(f"'{name}' needs {what}", received="none", do=f"give them with {how}")


def _refuse_blank(data: Dataset, column: str) -> None:
    blank = [i for i, cell in enumerate(data.extras[column]) if not cell.strip() and data.roles[i] != "confirm"]
    if blank:
        raise DataError(
            f"{len(blank)} rows have no stage in the column '{column}'", expected="a value in every row",
            received=f"a blank cell in line {int(data.lines[blank[0]])} of '{data.files[blank[0]]}'",
            do="fill the column, or keep rows that have it with --where",
        )  # fmt: skip


def _refuse_target(data: Dataset, task: Task, column: str, name: str) -> None:
    if name not in plugins.names("tasks"):
        raise RecipeError(f"there is no task called '{name}'", do=nearest(name, plugins.names("tasks")))
    other = open_task(name)
    shape = [(c.name, c.kind) for c in task.columns if c.kind == "input"]
    if getattr(other, "reading", "whole") != getattr(task, "reading", "whole") or shape != [
        (c.name, c.kind) for c in other.columns if c.kind == "input"
    ]:
        raise RecipeError(
            f"the column '{column}' can't stand beside the target of {task.name}", received=f"a target of {name}",
            expected="a task that reads rows in the same way", do="name another task as COLUMN=TASK",
        )  # fmt: skip
    if not any(cell.strip() for cell in data.extras[column]):
        raise DataError(f"the column '{column}' holds no target at all", do="name another column, or leave it out")
    other.clean([cell for cell in data.extras[column] if cell.strip()])


def _read(path: Path, data: Dataset, task: Task, others: Sequence[Input]) -> tuple[list[Any], Sequence[Finding]]:
    if task.input_kind != "text":
        raise RecipeError(f"rows without a target are read as texts, not for {task.name}", do="leave out --unlabeled")
    # Cross-fitting scores every row in its turn.
    judged = [*(data.inputs if len(data.where("select", "confirm")) else ()), *others]
    rows, left = unlabeled_rows(arranged(task, rooms.read(path)), task.columns, data.mapping, judged)
    if not left:
        return rows, ()
    message = _("{n} rows without a target are also rows that are scored: left out", n=left)
    return rows, (Finding("unlabeled", "note", message, file=path.name),)


__all__ = ["Beside", "also_of", "lacking", "refuse_lacking", "with_beside"]
