"""Pictures on both sides of the split that look alike: saved again, scaled, of another format or with other notes in them.

**Source**: Krawetz 2013, "Kind of like that" (difference hash of 128 bits, :func:`hasei.inputs.pictures.perceptual_hash`).

On sign_digits, 98 of 100 pictures saved again at half the quality stay within :data:`MOST_BITS`; of different photographs of the
same hand none comes that near.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.inputs.pictures import as_picture, open_picture, perceptual_hash
from hasei.judge.checks._room import Room
from hasei.judge.checks._sides import Match, Place, by_file, pairs_of, sides

NEEDS = "text"
MOST_BITS = 4
MOST_COMPARED = 30_000
"""Different pictures on a side that are compared: 30,000 against 30,000 take a minute or two."""
_LEAST_SET, _MOST_SET = 8, 120
"""A picture of one colour has hardly any bits set: it is like every other of one colour."""
_SMALL = 64


def find(room: Room) -> list[Finding]:
    """Return what looks alike on both sides, by file; nothing where rows are no pictures."""
    if room.task.input_kind != "image":
        return []
    learnt, judged = sides(room)
    one, other = (_first_of_each(room, side) for side in (learnt, judged))
    # What is the same on both sides is found word for word by another check.
    shared = {room.rows.contents[i] for i in one} & {room.rows.contents[i] for i in other}
    one, other = ([i for i in rows if room.rows.contents[i] not in shared] for rows in (one, other))
    matches = _matches(room, one[:MOST_COMPARED], other[:MOST_COMPARED])
    rows = {i for match in matches for i in (match.learnt, match.judged)}

    def say(place: Place) -> str:
        if place.other:
            return _(
                "pictures of '{file}' that look like one of '{other}' and are not the same file: {n} of {of}",
                **vars(place),
            )
        return _(
            "pictures of '{file}' that look like one on the other side of the split and are not the same file: {n} of {of}",
            **vars(place),
        )

    do = _("look at these pairs: the same scene saved again, scaled or cropped a little belongs on one side only")
    return by_file(room, "leak", "near", "warning", rows, do, say, pairs_of(room, matches))


def _first_of_each(room: Room, side: npt.NDArray[np.bool_]) -> list[int]:
    """Return the first row of each different picture on *side*."""
    first: dict[str, int] = {}
    for i in np.flatnonzero(side):
        first.setdefault(room.rows.contents[i], int(i))
    return list(first.values())


def _matches(room: Room, learnt: list[int], judged: list[int]) -> list[Match]:
    """Return, for each judged picture, the learnt one that looks most like it, where one is near."""
    if not learnt or not judged:
        return []
    ours, theirs = _hashes(room, learnt), _hashes(room, judged)
    found = []
    for row, bits in zip(judged, theirs):
        room.watch.check()
        if not _LEAST_SET <= int(np.bitwise_count(bits).sum()) <= _MOST_SET:
            continue
        apart = np.bitwise_count(ours ^ bits).sum(1)
        best = int(apart.argmin())
        if apart[best] <= MOST_BITS:
            found.append(Match(learnt[best], row, 1 - float(apart[best]) / 128))
    return found


def _hashes(room: Room, rows: list[int]) -> npt.NDArray[np.uint8]:
    """Return the hash of each picture, as bytes (n, 16)."""
    found = np.empty((len(rows), 16), np.uint8)
    for place, i in enumerate(rows):
        if place % 100 == 0:
            room.watch.check()
        image = open_picture(as_picture(room.rows.inputs[i]), least=_SMALL)
        found[place] = np.frombuffer(perceptual_hash(image).to_bytes(16, "big"), np.uint8)
    return found
