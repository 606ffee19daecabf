"""What must not be forgotten: labelled rows of an older task or time, answered by W and by what was there before.

What was there before is the base's own model where the base was made by hasei (continuing to learn), else R. The rows take
part in no choice; the verdict fails a candidate that is surely worse on them (see :mod:`hasei.judge.slices`).

Source: McCloskey & Cohen 1989, "Catastrophic interference in connectionist networks".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hasei.derive.derived import DerivedModel, open_model
from hasei.ground.errors import DataError
from hasei.ground.language import _
from hasei.ground.lineage import FILE
from hasei.inputs import data as rooms
from hasei.inputs.data.dataset import Dataset, Finding
from hasei.inputs.data.roles import normalise
from hasei.judge.study.lab import Lab
from hasei.tasks import arranged, gathered


@dataclass(frozen=True)
class Kept:
    """Answers of W and of what was there before (*other*) for the rows that must not be forgotten, raw, (n,) each."""

    data: Dataset
    truth: list[Any]
    winner: list[Any]
    before: list[Any]
    other: str


def read_kept(path: str, lab: Lab) -> tuple[Dataset, list[Finding]]:
    """Read the rows of *path* with the columns of the study, and say which of them stand among the rows learnt from.

    Raises DataError where the file lacks a column of the study.
    """
    table = arranged(lab.task, rooms.read(Path(path)))
    known = {name.strip(): name for name in table.columns}
    chosen = {part: known[name.strip()] for part, name in lab.data.mapping.columns.items() if name.strip() in known}
    mapping = rooms.guess(table, lab.task.columns, chosen)
    if mapping.columns.keys() != lab.data.mapping.columns.keys():
        raise DataError(f"'{table.path.name}' has not the columns of the study", expected=", ".join(chosen))
    found = rooms.assemble(
        gathered(lab.task, table, mapping),
        mapping,
        columns=lab.task.columns,
        clean=lab.task.clean,
        select_share=0.0,
        confirm_share=1.0,
    )
    learnt = {normalise(lab.data.inputs[i]) for i in lab.data.where("train", "select")}
    lines = tuple(int(line) for line, text in zip(found.lines, found.inputs) if normalise(text) in learnt)
    if not lines:
        return found, []
    message = _(
        "rows of '{file}' that must not be forgotten also stand among the rows that are learnt from: {n} of {of}; that they are"
        " known says nothing of forgetting", file=table.path.name, n=len(lines), of=len(found),
    )  # fmt: skip
    do = _("keep rows that are not learnt from")
    return found, [Finding("leak", "warning", message, table.path.name, lines, do, variant="kept")]


def answer_kept(lab: Lab, models: Mapping[str, DerivedModel], winner: str, reference: str) -> Kept | None:
    """Let W and what was there before answer the kept rows; None where there are none."""
    if lab.kept is None:
        return None
    lab.watch.report("confirming", _("rows that must not be forgotten"))
    before, other = models.get(reference, models[winner]), reference
    if (lab.base.folder / FILE).is_file():
        before, other = open_model(lab.base.folder), lab.base.name
    inputs = lab.kept.inputs
    return Kept(
        lab.kept, lab.task.truth(lab.kept.targets), models[winner].answers(inputs, lab.watch).values,
        before.answers(inputs, lab.watch).values, Path(other).name,
    )  # fmt: skip
