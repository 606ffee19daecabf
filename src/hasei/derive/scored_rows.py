"""Rows that a model is to be scored on are never learnt from: they are taken out of the rows of a run, and that is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hasei.inputs import data as rooms
from hasei.inputs.data.dataset import Finding, Input, Mapping, Table
from hasei.tasks import Task


def without_scored(
    table: Table, test: Table | None, mapping: Mapping, task: Task, group: str | None
) -> tuple[Table, Sequence[Finding], list[Input]]:
    """Return *table* without the rows whose content or *group* stands in *test*, what is to be said of that, the test's inputs.

    As in a study; what is left stands as if it were the whole file: a model hangs on nothing else of what it is scored on.
    Raises DataError where both files hold the same rows, or nothing is left to learn from.
    """
    if test is None:
        return table, (), []
    both = rooms.assemble(
        table, mapping, columns=task.columns, clean=task.clean, test=test, group=group, select_share=0.0
    )
    found = [finding for finding in both.findings if finding.kind in ("leak", "group")]
    lost = [line for finding in found if finding.file == table.path.name for line in finding.rows]
    kept = np.flatnonzero(~np.isin(table.lines, lost))
    left = replace(table, lines=table.lines[kept], cells=[table.cells[i] for i in kept.tolist()]) if lost else table
    return left, found, [both.inputs[i] for i in both.where("confirm")]


__all__ = ["without_scored"]
