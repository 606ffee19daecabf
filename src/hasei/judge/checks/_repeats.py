"""The rows that near texts bring together, sorted by what they mean: copies on one side, or leaks between the sides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rapidfuzz.distance import Indel

from hasei.judge.checks._near import Near, Pair, near
from hasei.judge.checks._sides import Match, sides

if TYPE_CHECKING:
    from hasei.judge.checks._room import Room

_SURE = 0.5
"""Up to this cost two rows are one text whatever their labels; beyond it, other labels say that they are two."""


@dataclass
class Repeats:
    """Matches between the sides (*edits* simple ones, *others* not) and pairs of rows on one side (*copies*)."""

    edits: list[Match] = field(default_factory=list)
    others: list[Match] = field(default_factory=list)
    copies: list[Match] = field(default_factory=list)


def repeats(room: Room) -> Repeats:
    """Return what nearly repeats what in *room*, without what repeats it word for word; found once and kept."""
    if "repeats" not in room.kept:
        room.kept["repeats"] = _repeats(room)
    found: Repeats = room.kept["repeats"]
    return found


def _repeats(room: Room) -> Repeats:
    found = Repeats()
    if room.task.input_kind != "text":
        return found
    learnt, judged = sides(room)
    place = (learnt + 2 * judged).tolist()
    met: set[tuple[int, int]] = set()
    for number, (a, b, simple) in enumerate(_rows(room, near(room), place)):
        if number % 1000 == 0:
            room.watch.check()
        one, other = sorted((a, b), key=lambda row: (place[row], row))
        if place[one] and (one, other) not in met:
            met.add((one, other))
            match = Match(one, other, Indel.normalized_similarity(room.rows.contents[a], room.rows.contents[b]))
            (found.copies if place[a] == place[b] else found.edits if simple else found.others).append(match)
    return found


def _rows(room: Room, found: Near, place: list[int]) -> Iterator[tuple[int, int, bool]]:
    """Yield pairs of rows whose contents differ and whose texts are one or near, and whether simple edits lie between.

    Every row that has a counterpart on a side is met at least once with one of that side; not all pairs are.
    """
    contents, targets = room.rows.contents, room.rows.targets
    for rows in found.rows_of:
        firsts = {(contents[row], place[row]): row for row in reversed(rows)}
        if len({content for content, _ in firsts}) > 1:
            for row in rows:
                yield from ((row, first, True) for (text, _), first in firsts.items() if text != contents[row])
    for pair in found.pairs:
        lists = found.rows_of[pair.one], found.rows_of[pair.other]
        for rows, others in (lists, lists[::-1]):
            for first in {(place[row], targets[row]): row for row in reversed(others)}.values():
                yield from ((row, first, pair.simple) for row in rows if _belong(room, pair, row, first))


def _belong(room: Room, pair: Pair, a: int, b: int) -> bool:
    alike = room.rows.targets[a] == room.rows.targets[b]
    return pair.cost <= _SURE or alike or room.task.target_kind != "category"
