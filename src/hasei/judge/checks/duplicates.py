"""Rows that stand more than once on one side of the split, word for word or nearly.

Source: near copies as in :mod:`hasei.judge.checks._near`. A copy on one side makes no verdict wrong: rows with one content are
one unit, kept in one role and weighed as one. It still teaches the same thing twice, so it is worth knowing.
"""

from __future__ import annotations

from collections import Counter

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._near import near
from hasei.judge.checks._repeats import repeats
from hasei.judge.checks._room import Room
from hasei.judge.checks._sides import Match, Place, by_file, copies_of

NEEDS = "text"


def find(room: Room) -> list[Finding]:
    """Name the rows that repeat another row of the same file and side."""
    return [*_exact(room), *_nearly(room), *_left_out(room)]


def _exact(room: Room) -> list[Finding]:
    keys = list(zip(room.rows.is_test.tolist(), room.rows.contents, strict=True))
    counts = Counter(keys)
    rows = [i for i, key in enumerate(keys) if counts[key] > 1]
    first: dict[tuple[bool, str], int] = {}
    matches = [Match(first[keys[i]], i) for i in rows if first.setdefault(keys[i], i) != i]

    def say(place: Place) -> str:
        return _("rows of '{file}' whose text stands there more than once: {n} of {of}", **vars(place))

    do = _("leave the copies out, unless the same text may really come again: hasei keeps them in one role either way")
    return by_file(room, "duplicate", "exact", "note", rows, do, say, copies_of(room, matches))


def _nearly(room: Room) -> list[Finding]:
    copies = repeats(room).copies
    rows = {row for match in copies for row in (match.learnt, match.judged)}

    def say(place: Place) -> str:
        return _(
            "rows of '{file}' that nearly repeat another row on the same side of the split: {n} of {of}", **vars(place)
        )

    do = _("look at a few pairs: near copies teach little that is new")
    return by_file(room, "duplicate", "near", "note", rows, do, say, copies_of(room, copies))


def _left_out(room: Room) -> list[Finding]:
    """Say where not all that could be near was compared, here and for leaks."""
    if room.task.input_kind != "text":
        return []
    found = near(room)
    texts = len(found.rows_of)
    if found.compared < texts:
        message = _("near copies and leaks were sought among {n} of {of} different texts", n=found.compared, of=texts)
    elif not found.whole:
        message = _("so many rows are alike that only the most alike were compared in search of near copies and leaks")
    else:
        return []
    return [Finding("unfinished", "note", message, room.table.path.name)]
