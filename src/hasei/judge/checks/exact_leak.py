"""Rows of the test file that stand in the data file word for word.

The rows of the data file are dropped before anything is learned and reported where that happens
(:mod:`hasei.inputs.data.roles`); here are their counterparts. Without a test file, one content is always in one role.
"""

from __future__ import annotations

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._room import Room
from hasei.judge.checks._sides import Match, Place, by_file, pairs_of, shared_values

NEEDS = "text"


def find(room: Room) -> list[Finding]:
    """Name the rows of the test file whose content stands in the data file too."""
    if room.test is None:
        return []
    rows = shared_values(room, room.rows.contents)
    first = {room.rows.contents[i]: int(i) for i in rows[::-1] if not room.rows.is_test[i]}
    judged = [int(i) for i in rows if room.rows.is_test[i]]
    matches = [Match(first[room.rows.contents[i]], i) for i in judged]

    def say(place: Place) -> str:
        return _("rows of '{file}' that also stand in '{other}', word for word: {n} of {of}", **vars(place))

    do = _("keep the two files apart; hasei leaves the rows out of what it learns from, other programs do not")
    return by_file(room, "leak", "exact", "warning", judged, do, say, pairs_of(room, matches))
