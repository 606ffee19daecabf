"""Rows on both sides of the split that are nearly the same text, with a content word exchanged.

Named only where few other rows are as close, so that one formula with many fillings ("a table for two", "... for six") is
not taken for copies; see :mod:`hasei.judge.checks._near`.
"""

from __future__ import annotations

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._repeats import repeats
from hasei.judge.checks._room import Room
from hasei.judge.checks._sides import Place, by_file, pairs_of

NEEDS = "text"


def find(room: Room) -> list[Finding]:
    """Name the rows of both sides that are nearly the same, unless they are simple edits of each other."""
    found = repeats(room)
    edited = {row for match in found.edits for row in (match.learnt, match.judged)}
    matches = [m for m in found.others if m.learnt not in edited or m.judged not in edited]
    rows = {row for match in matches for row in (match.learnt, match.judged)} - edited

    def say(place: Place) -> str:
        if place.other:
            return _("rows of '{file}' that are nearly the same as rows of '{other}': {n} of {of}", **vars(place))
        return _("rows of '{file}' that are nearly the same as a row in another role: {n} of {of}", **vars(place))

    do = _(
        "look at a few pairs: leave copies out of one side, or give --group COLUMN where a column keeps them together; what"
        " people really write again and again is no leak"
    )
    return by_file(room, "leak", "near", "warning", rows, do, say, pairs_of(room, matches))
