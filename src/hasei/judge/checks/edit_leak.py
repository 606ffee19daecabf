"""Rows on both sides of the split that differ by a simple edit.

Simple edits are: punctuation, joined words, a typo, the order of words, function words, a greeting or signature, words put
around the text, a word more or less. Case and width are compared away beforehand. For how they are found and what they may
cost, see :mod:`hasei.judge.checks._compare`.
"""

from __future__ import annotations

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._repeats import repeats
from hasei.judge.checks._room import Room
from hasei.judge.checks._sides import Place, by_file, pairs_of

NEEDS = "text"


def find(room: Room) -> list[Finding]:
    """Name the rows of both sides that are simple edits of each other."""
    matches = repeats(room).edits
    rows = {row for match in matches for row in (match.learnt, match.judged)}

    def say(place: Place) -> str:
        if place.other:
            return _(
                "rows of '{file}' that are simple edits of rows of '{other}' (punctuation, a typo, a word more or less):"
                " {n} of {of}; the score may look better than it is",
                **vars(place),
            )
        return _(
            "rows of '{file}' that are simple edits of a row in another role (punctuation, a typo, a word more or less):"
            " {n} of {of}; the score may look better than it is",
            **vars(place),
        )

    do = _(
        "look at a few pairs: leave copies out of one side, or give --group COLUMN where a column keeps them together; what"
        " people really write again and again is no leak"
    )
    return by_file(room, "leak", "edit", "warning", rows, do, say, pairs_of(room, matches))
