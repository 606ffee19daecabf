"""The two sides of a split: what is learned from, and what the verdict is read from.

With a test file its rows are judged and the rows of the data file are learned from; without one, the roles by hash decide
(train and select are learned from, confirm rows are judged). Rows that were dropped for their group stand on no side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._room import Room

Bools = npt.NDArray[np.bool_]
Severity = Literal["error", "warning", "note"]
_SHOWN = 5


@dataclass(frozen=True)
class Match:
    """Two rows (indices) that say the same, *learnt* from and *judged*, and how alike they are, 1 being equal."""

    learnt: int
    judged: int
    likeness: float = 1.0


def sides(room: Room) -> tuple[Bools, Bools]:
    """Return which rows (n,) are learned from and which are judged."""
    found: tuple[Bools, Bools] = room.once("sides", lambda: _sides(room))
    return found


def _sides(room: Room) -> tuple[Bools, Bools]:
    if room.test is not None:
        tested = {room.rows.contents[i] for i in np.flatnonzero(room.rows.is_test)}
        # Copies of test rows are dropped too, but other programs would learn from them: that leak is in the files.
        copied = np.array([content in tested for content in room.rows.contents], np.bool_)
        return ~room.rows.is_test & ((room.rows.roles != "") | copied), room.rows.is_test
    return np.isin(room.rows.roles, ("train", "select")), room.rows.roles == "confirm"


def shared_values(room: Room, keys: list[str]) -> npt.NDArray[np.int64]:
    """Return the rows, of both sides, whose key (n,) stands on both; blank keys are none."""
    learnt, judged = sides(room)
    both = {keys[i] for i in np.flatnonzero(learnt)} & {keys[i] for i in np.flatnonzero(judged)} - {""}
    return np.array([i for i, key in enumerate(keys) if key in both and (learnt[i] or judged[i])], np.int64)


@dataclass(frozen=True)
class Place:
    """What a finding says it of: *n* of *of* rows of *file*; *other* is the other file, "" where there is one only."""

    n: int
    of: int
    file: str
    other: str
    is_test: bool


def by_file(
    room: Room, kind: str, variant: str, severity: Severity, rows: Iterable[int], do: str, say: Callable[[Place], str],
    evidence: Callable[[bool], dict[str, Any]] = lambda of_test: {},
) -> list[Finding]:  # fmt: skip
    """Return one finding for each file in which some of *rows* stand, the data file first.

    *say* makes the message for a file, *evidence* its evidence, given whether it is the test file.
    """
    chosen = np.array(sorted(set(map(int, rows))), np.int64)
    tables = [(False, room.table)] + ([(True, room.test)] if room.test is not None else [])
    names = [table.path.name for _, table in tables]
    found = []
    for of_test, table in tables:
        lines = room.rows.lines_of(chosen[room.rows.is_test[chosen] == of_test])
        if lines:
            total = int((room.rows.is_test == of_test).sum())
            place = Place(len(lines), total, table.path.name, names[not of_test] if len(names) == 2 else "", of_test)
            found.append(Finding(kind, severity, say(place), place.file, lines, do, variant, evidence(of_test)))
    return found


def pairs_of(room: Room, matches: list[Match]) -> Callable[[bool], dict[str, Any]]:
    """Return the evidence of some *matches* of both sides: the lines of both rows, that of the file asked for first."""
    shown = _spread(matches)

    def evidence(of_test: bool) -> dict[str, Any]:
        return {"pairs": [_pair(room, (m.judged, m.learnt) if of_test else (m.learnt, m.judged), m) for m in shown]}

    return evidence


def copies_of(room: Room, matches: list[Match]) -> Callable[[bool], dict[str, Any]]:
    """Return the evidence of some *matches* of one side: the lines of both rows, in the file asked for."""

    def evidence(of_test: bool) -> dict[str, Any]:
        shown = _spread([m for m in matches if room.rows.is_test[m.learnt] == of_test])
        return {"pairs": [_pair(room, (m.learnt, m.judged), m) for m in shown]}

    return evidence


def _spread(matches: list[Match]) -> list[Match]:
    """Return a few of *matches*, from the most to the least alike, so that nobody takes the best ones for all."""
    ordered = sorted(matches, key=lambda m: (-m.likeness, m.judged, m.learnt))
    places = np.linspace(0, max(0, len(ordered) - 1), min(_SHOWN, len(ordered))).round().astype(int)
    return [ordered[place] for place in places]


def _pair(room: Room, rows: tuple[int, int], match: Match) -> dict[str, Any]:
    here, there = rows
    return {
        "line": int(room.rows.lines[here]), "other_line": int(room.rows.lines[there]),
        "other_file": room.rows.files[there], "likeness": round(match.likeness, 3),
    }  # fmt: skip
