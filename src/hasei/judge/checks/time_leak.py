"""Rows that are learned from although they are newer than rows that are judged: learning from the future.

The moment that parts the two sides best is sought. Where it parts them nearly, the rows on its wrong side are named; where it
parts nothing, the split has nothing to do with time, which is said without naming rows.

Shapes: times of the rows (n,) in seconds; a row on the cut itself is on neither wrong side.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._moments import Floats, moments
from hasei.judge.checks._room import Room
from hasei.judge.checks._sides import Place, by_file, sides

NEEDS = "text"

_PARTED = 0.5
"""Up to this share of the smaller side on the wrong side of the cut, the split was meant to be one by time."""


def find(room: Room) -> list[Finding]:
    """Name the rows on the wrong side of the moment that parts what is learned from what is judged."""
    found = moments(room)
    if found is None:
        return []
    column, times = found
    learnt, judged = (side & ~np.isnan(times) for side in sides(room))
    if not learnt.any() or not judged.any():
        return []
    wrong = misplaced(times, learnt, judged)
    if not wrong.any():
        return []
    if wrong.sum() > _PARTED * min(learnt.sum(), judged.sum()):
        return [_not_by_time(room, column)]
    return _named(room, column, wrong)


def misplaced(times: Floats, learnt: npt.NDArray[np.bool_], judged: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the rows (n,) learned from after, or judged before, the cut for which these are fewest."""
    cuts = np.unique(times[learnt | judged])
    later = learnt.sum() - np.searchsorted(np.sort(times[learnt]), cuts, side="right")
    earlier = np.searchsorted(np.sort(times[judged]), cuts, side="left")
    cut = cuts[int(np.argmin(later + earlier))]
    wrong: npt.NDArray[np.bool_] = (learnt & (times > cut)) | (judged & (times < cut))
    return wrong


def _named(room: Room, column: str, wrong: npt.NDArray[np.bool_]) -> list[Finding]:
    rows = np.flatnonzero(wrong)

    def say(place: Place) -> str:
        if not place.other:
            return _(
                "rows of '{file}' on the wrong side of the date that parts the roles, by '{column}': {n} of {of}",
                column=column, **vars(place),
            )  # fmt: skip
        if place.is_test:
            return _(
                "rows of '{file}' that are older, by '{column}', than what is learned from: {n} of {of}; they are judged by"
                " what came later",
                column=column, **vars(place),
            )  # fmt: skip
        return _(
            "rows of '{file}' that are newer, by '{column}', than rows of '{other}': {n} of {of}; the future is learned from",
            column=column, **vars(place),
        )  # fmt: skip

    do = _("choose one date: learn from the rows before it and test on those after it")
    return by_file(room, "leak", "time", "warning", rows, do, say)


def _not_by_time(room: Room, column: str) -> Finding:
    message = _(
        "what is learned from and what is judged are mixed in time, by '{column}': the score does not say how well the past"
        " tells the future",
        column=column,
    )
    do = _("if that matters, give the newest rows as the test file (--test)")
    file = room.table.path.name
    return Finding("leak", "warning" if room.time else "note", message, file, do=do, variant="time")
