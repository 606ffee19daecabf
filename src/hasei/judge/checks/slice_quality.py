"""How well each slice of the rows is answered by a head that has not seen them, the worst first (``--slice column``).

**Source**: Fisher's exact test against the rest, corrected for all slices of all columns (Holm 1979).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hasei.ground.language import _
from hasei.ground.statistics import Interval
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._room import Room
from hasei.judge.checks._saying import bounds, percent, short
from hasei.judge.checks._slices import LEAST_UNITS, Part, chances, cut, holm, others, rates, units_of

NEEDS = "base"


@dataclass(frozen=True)
class Judged:
    """A slice of a column with its share of right answers, that of the rest, and whether it is *surely_worse*."""

    column: str
    part: Part
    right: Interval
    rest: float
    surely_worse: bool

    def to_json(self) -> dict[str, Any]:
        """Return the slice as plain JSON."""
        return {
            "value": self.part.value, "rows": len(self.part.rows), "units": round(self.part.units, 1),
            "accuracy": bounds(self.right), "rest": round(self.rest, 4), "surely_worse": self.surely_worse,
        }  # fmt: skip


def find(room: Room) -> list[Finding]:
    """Return one finding per column that the user named; DataError where no file has it."""
    if room.task.target_kind != "category" or not room.slices:
        return []
    answers = room.held_out.argmax(1)
    right = answers == room.task.encode(room.space, [room.rows.targets[i] for i in room.seen])
    cells = {name: room.column(name) for name in room.slices}
    judged = judge({name: [cells[name][i] for i in room.seen] for name in cells}, right, units_of(room))
    return [_said(room, name, right, [j for j in judged if j.column == name]) for name in room.slices]


def judge(columns: dict[str, list[str]], right: npt.NDArray[np.bool_], units: list[str]) -> list[Judged]:
    """Return the slices by each of *columns* (cells (n,)) with at least 30 units, the worst answered first.

    *right* (n,) says which rows are answered right, *units* (n,) what belongs together.
    """
    found: list[tuple[str, Part]] = []
    for name, cells in columns.items():
        found += [(name, part) for part in cut(cells, units) if part.units >= LEAST_UNITS]
    hits = right[:, None]
    worse = holm([float(chances(hits, part, units)[0][0]) for _name, part in found])
    judged = [
        Judged(name, part, rates(hits, part)[0], _mean(right[others(part, len(right))]), flagged)
        for (name, part), flagged in zip(found, worse, strict=True)
    ]
    return sorted(judged, key=lambda j: j.right.value)


def _mean(right: npt.NDArray[np.bool_]) -> float:
    return float(right.mean()) if len(right) else 0.0


def _said(room: Room, column: str, right: npt.NDArray[np.bool_], judged: list[Judged]) -> Finding:
    file, worse = room.table.path.name, [j for j in judged if j.surely_worse]
    evidence = {"slices": [j.to_json() for j in judged]}
    if not worse:
        message = _("no slice of '{column}' is answered surely worse than the rest ({n} compared)", column=column,
                    n=len(judged))  # fmt: skip
        return Finding("slice_quality", "note", message, file, evidence=evidence)
    worst = worse[0]
    message = _(
        "slices of '{column}' that are answered surely worse than the rest: {n}; the worst: rows with '{value}' are"
        " answered right in {here} ({low} to {high}), the others in {there}",
        column=column, n=len(worse), value=short(worst.part.value), here=percent(worst.right.value),
        low=percent(worst.right.low), high=percent(worst.right.high), there=percent(worst.rest),
    )  # fmt: skip
    wrong = np.concatenate([j.part.rows[~right[j.part.rows]] for j in worse])
    by_file = room.rows.by_file(room.seen[wrong])
    do = _("collect rows like these, or let a person answer them")
    return Finding("slice_quality", "warning", message, file, by_file.get(file, ()), do, evidence=evidence)
