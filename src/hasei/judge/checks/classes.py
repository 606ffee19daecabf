"""Classes too small to learn or to judge, and one class so frequent that a constant answer looks good."""

from __future__ import annotations

from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._classes import class_findings
from hasei.judge.checks._room import Room

NEEDS = "text"


def find(room: Room) -> list[Finding]:
    """Return what the counts of the labels say; nothing where the task has no classes."""
    if room.task.target_kind != "category":
        return []
    rows = room.rows
    return class_findings(rows.targets, rows.roles.tolist(), rows.lines.tolist(), rows.files, all_judged=_crossed(room))


def _crossed(room: Room) -> bool:
    """Whether a study of these rows would cross-fit, so that every row is judged."""
    from hasei.judge.study.crossfit import LEAST_CONFIRM_UNITS

    confirm = {room.data.units[i] for i in room.data.where("confirm")}
    return room.test is None and len(confirm) < LEAST_CONFIRM_UNITS
