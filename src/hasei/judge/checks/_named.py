"""Columns that the user named as time and identifier and that can't be either: refused before anything is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hasei.ground.errors import DataError
from hasei.judge.checks._moments import named_times

if TYPE_CHECKING:
    from hasei.judge.checks._room import Room


def refuse_unfit(room: Room) -> None:
    """Raise DataError where a column named with ``--time`` holds no times, or one named with ``--id`` numbers no rows."""
    if room.time:
        named_times(room.time, room.column(room.time))
    if room.identifier:
        values = {cell.strip() for cell in room.column(room.identifier)} - {""}
        if len(values) < 2:
            raise DataError(
                f"the column '{room.identifier}' does not number the rows", expected="another value in nearly every row",
                received=f"'{min(values)}' alone" if values else "blank cells",
                do="name another column with --id, or leave it out",
            )  # fmt: skip
