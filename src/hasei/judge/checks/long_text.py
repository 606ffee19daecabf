"""Texts longer than the base reads, whose ends it never sees."""

from __future__ import annotations

from hasei.engine.readings import reading_of
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._long import cut_texts
from hasei.judge.checks._room import Room

NEEDS = "base"


def find(room: Room) -> list[Finding]:
    """Name the rows at ``room.seen`` whose ends are cut, in one finding a file."""
    rows = room.seen.tolist()
    cut = [rows[i] for i in reading_of(room.task).cut(room.trunk, [room.rows.inputs[i] for i in rows])]
    tables = [table for table in (room.table, room.test) if table is not None]
    found = []
    for of_test, table in enumerate(tables):
        mine = [(int(room.rows.lines[i]), room.rows.inputs[i]) for i in cut if room.rows.is_test[i] == bool(of_test)]
        if mine:
            found.append(cut_texts(mine, table.path.name, room.trunk.base.max_tokens))
    return found
