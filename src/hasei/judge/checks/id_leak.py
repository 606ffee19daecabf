"""Identifiers that tell more than they should: one record on both sides under one number, or numbers that follow the label.

A column is an identifier where the user says so, or where it is called like one and nearly every row has its own value.
Counters that start anew in each file share numbers without meaning anything; they are passed over. Numbers follow the label
where, in their order, one label stands in a run too long for chance: a run of r rows of a label with share p is met by chance
among n rows about n * p^r times (the longest run: Schilling 1990).
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.inputs.data.roles import normalise
from hasei.judge.checks._room import Room
from hasei.judge.checks._sides import Match, Place, by_file, pairs_of, shared_values

NEEDS = "text"

_UNIQUE = 0.95
_COUNTERS = 0.5
_CHANCE = 1e-3
_SHORTEST_RUN = 4
_NAMED = re.compile(
    r"(^|[\W_])(id|no|nr|num|number|key|uuid|guid|index|idx|row|serial)([\W_]|$)|id$|番号|連番|通番|識別|コード$"
)
_NUMBER = re.compile(r"\d+")


def find(room: Room) -> list[Finding]:
    """Name the rows that share an identifier across the sides, and those whose numbers follow their labels."""
    found: list[Finding] = []
    for name in _identifiers(room):
        room.watch.check()
        keys = [normalise(cell) for cell in room.column(name)]
        found += [*_shared(room, name, keys), *_in_order(room, name, keys)]
    return found


def _identifiers(room: Room) -> list[str]:
    named = [name for name in room.other_columns() if _NAMED.search(normalise(name)) and name != room.group]
    unique = [name for name in named if name != room.identifier and _is_unique(room, name)]
    return [*([room.identifier] if room.identifier else []), *unique]


def _is_unique(room: Room, name: str) -> bool:
    keys = [
        (test, cell) for test, cell in zip(room.rows.is_test.tolist(), room.column(name), strict=True) if cell.strip()
    ]
    return len(keys) > 1 and len(set(keys)) >= _UNIQUE * len(keys)


def _shared(room: Room, name: str, keys: list[str]) -> list[Finding]:
    if room.test is None:
        return []
    rows = shared_values(room, keys)
    judged = [int(i) for i in rows if room.rows.is_test[i]]
    if not judged or _are_counters(room, keys, judged):
        return []
    first = {keys[i]: int(i) for i in rows[::-1] if not room.rows.is_test[i]}
    matches = [Match(first[keys[i]], i) for i in judged if room.rows.contents[first[keys[i]]] != room.rows.contents[i]]
    named = {row for match in matches for row in (match.learnt, match.judged)}

    def say(place: Place) -> str:
        return _(
            "rows of '{file}' whose '{column}' stands in '{other}' too, with another text: {n} of {of}; one record is on both"
            " sides",
            column=name, **vars(place),
        )  # fmt: skip

    do = _("leave the rows out of one of the files")
    return by_file(room, "leak", "id", "warning", named, do, say, pairs_of(room, matches))


def _are_counters(room: Room, keys: list[str], judged: list[int]) -> bool:
    """Tell whether the files just count their rows, each from its own start."""
    every = [keys[i] for i in np.flatnonzero(room.rows.is_test) if keys[i]]
    return all(map(str.isdigit, every)) and len(judged) > _COUNTERS * len(every)


def _in_order(room: Room, name: str, keys: list[str]) -> list[Finding]:
    if room.task.target_kind != "category":
        return []
    rows: set[int] = set()
    for of_test in (False, True):
        side = [i for i in np.flatnonzero(room.rows.is_test == of_test).tolist() if _NUMBER.search(keys[i])]
        side.sort(key=lambda i: [int(part) for part in _NUMBER.findall(keys[i])][-1])
        rows |= improbable_runs(side, [room.rows.targets[i] for i in side])

    def say(place: Place) -> str:
        return _(
            "rows of '{file}' whose numbers in '{column}' follow their labels, in runs too long for chance: {n} of {of}",
            column=name, **vars(place),
        )  # fmt: skip

    do = _("never let a model read this column; ask how the rows were numbered")
    return by_file(room, "leak", "id", "warning", rows, do, say)


def improbable_runs(rows: list[int], labels: list[str]) -> set[int]:
    """Return those of *rows*, in order, that stand in a run of one label too long for chance."""
    shares = {label: count / len(labels) for label, count in Counter(labels).items()}
    found: set[int] = set()
    start = 0
    for end in range(1, len(labels) + 1):
        if end == len(labels) or labels[end] != labels[start]:
            length = end - start
            if length >= _SHORTEST_RUN and len(labels) * shares[labels[start]] ** length < _CHANCE:
                found |= set(rows[start:end])
            start = end
    return found
