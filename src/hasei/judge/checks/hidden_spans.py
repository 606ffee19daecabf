"""Entities that begin or end inside what the base reads as one piece, so that no model of it can answer them exactly."""

from __future__ import annotations

from typing import Any

from hasei.engine.words import WordTrunk
from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._room import Room
from hasei.judge.checks._saying import percent

NEEDS = "base"
_GRAVE = 0.02
_SHOWN = 5


def find(room: Room) -> list[Finding]:
    """Count the entities of the rows at ``room.seen`` that the places of the base can't show, in one finding a file."""
    if room.task.target_kind != "spans" or not isinstance(room.trunk, WordTrunk):
        return []
    mark: Any = room.task.mark  # type: ignore[attr-defined]
    rows = room.seen.tolist()
    encoded = room.task.encode(room.space, [room.rows.targets[i] for i in rows])
    read = room.trunk.layouts([room.rows.inputs[i] for i in rows])
    lost = {i: n for i, target, row in zip(rows, encoded, read) if (n := mark(room.space, target, row.at)[1])}
    total = sum(map(len, encoded))
    found = []
    for file, lines in room.rows.by_file(lost).items():
        n = sum(count for i, count in lost.items() if room.rows.files[i] == file)
        message = _(
            "entities of '{file}' that begin or end inside what the base reads as one piece: {n} ({share} of all); the nearest"
            " that it can answer is learnt, and counts as wrong",
            file=file, n=n, share=percent(n / total),
        )  # fmt: skip
        do = _("check where they begin and end, or try a base that cuts words finer")
        severity: Any = "warning" if n > _GRAVE * total else "note"
        shown = [room.rows.texts()[i][:80] for i in list(lost)[:_SHOWN] if room.rows.files[i] == file]
        found.append(Finding("spans", severity, message, file, lines, do, "hidden", {"count": n, "examples": shown}))
    return found
