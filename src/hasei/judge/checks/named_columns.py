"""Whether the columns that the user named as time and identifier are what they were called.

What can't be read as times at all, or numbers nothing, is refused before anything is tried (:mod:`._named`).
"""

from __future__ import annotations

import numpy as np

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._moments import named_times
from hasei.judge.checks._room import Room
from hasei.judge.checks._sides import Place, by_file

NEEDS = "text"
_OWN_VALUE = 0.5


def find(room: Room) -> list[Finding]:
    """Name the cells of the time column that are no times, and an identifier that most rows share with others."""
    return [*(_unread_times(room, room.time) if room.time else ()), *(_shared(room) if room.identifier else ())]


def _unread_times(room: Room, column: str) -> list[Finding]:
    cells = room.column(column)
    lost = np.isnan(named_times(column, cells))
    rows = [i for i, cell in enumerate(cells) if lost[i] and cell.strip()]

    def say(place: Place) -> str:
        return _(
            "rows of '{file}' whose '{column}' can't be read as a time: {n} of {of}; they are left out where rows are compared"
            " by it",
            column=column, file=place.file, n=place.n, of=place.of,
        )  # fmt: skip

    return by_file(room, "named_column", "time", "note", rows, _("write all times in one format"), say)


def _shared(room: Room) -> list[Finding]:
    cells = [cell.strip() for cell in room.column(str(room.identifier)) if cell.strip()]
    values = len(set(cells))
    if values >= _OWN_VALUE * len(cells):
        return []
    message = _(
        "'{column}', given with --id, does not number the rows: {values} values in {n} rows", column=room.identifier,
        values=values, n=len(cells),
    )  # fmt: skip
    do = _("if its rows belong together, give it with --group instead")
    return [Finding("named_column", "note", message, room.table.path.name, do=do, variant="id")]
