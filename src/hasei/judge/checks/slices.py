"""How the labels fall in each slice of the rows (``--slice column``), and where they differ from the rest beyond chance.

**Source**: a share under four fifths of the other one counts as different (US EEOC 1978, the four-fifths rule), where
Fisher's exact test, corrected for all slices and labels (Holm 1979), rules out chance.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._room import Room
from hasei.judge.checks._saying import bounds, listed, percent, short
from hasei.judge.checks._slices import LEAST_UNITS, Part, chances, cut, holm, others, rates, units_of

NEEDS = "text"
_FOUR_FIFTHS = 0.8
_SHOWN = 50
_LABELS_SHOWN = 10


class Difference(NamedTuple):
    """A label whose share *here*, in the slice *value*, is not its share *there*, in the rest."""

    value: str
    label: str
    here: float
    there: float


def find(room: Room) -> list[Finding]:
    """Return what is to be said of each column that the user named; DataError where no file has it."""
    if room.task.target_kind != "category":
        return []
    units = units_of(room)
    return [finding for name in room.slices for finding in _of_column(room, name, units)]


def _of_column(room: Room, column: str, units: list[str]) -> list[Finding]:
    cells = room.column(column)
    parts = cut([cells[i] for i in room.seen], units)
    large = [part for part in parts if part.units >= LEAST_UNITS]
    small = [part for part in parts if part.units < LEAST_UNITS]
    names, hits = _labels(room)
    differences = _differences(large, names, hits, units)
    evidence = {
        "slices": [_described(part, names, hits) for part in parts],
        "differs": [difference._asdict() for difference in differences[:_SHOWN]],
    }  # fmt: skip
    return [_main(room, column, large, differences, evidence), *_too_small(room, column, small)]


def _labels(room: Room) -> tuple[list[str], npt.NDArray[np.bool_]]:
    """Return the labels, the commonest first, and which row (s,) has which of them, (s, k)."""
    targets = np.array([room.rows.targets[i] for i in room.seen])
    names, counts = np.unique(targets, return_counts=True)
    ranked = names[np.lexsort((names, -counts))]
    return ranked.tolist(), targets[:, None] == ranked[None, :]


def _differences(
    parts: list[Part], names: list[str], hits: npt.NDArray[np.bool_], units: list[str]
) -> list[Difference]:
    """Return what differs beyond chance, the largest difference first."""
    found: list[Difference] = []
    tested: list[float] = []
    for part in parts:
        low, high = chances(hits, part, units)
        here, there = hits[part.rows].mean(0), hits[others(part, len(hits))]
        rest = there.mean(0) if len(there) else here
        tested += np.minimum(1.0, 2 * np.minimum(low, high)).tolist()
        found += [Difference(part.value, *figures) for figures in zip(names, here.tolist(), rest.tolist(), strict=True)]
    sure = [d for d, held in zip(found, holm(tested), strict=True) if held]
    unlike = [d for d in sure if min(d.here, d.there) < _FOUR_FIFTHS * max(d.here, d.there)]
    return sorted(unlike, key=lambda d: -abs(d.here - d.there))


def _described(part: Part, names: list[str], hits: npt.NDArray[np.bool_]) -> dict[str, Any]:
    shares = sorted(zip(names, rates(hits, part), strict=True), key=lambda named: -named[1].value)
    return {
        "value": part.value, "rows": len(part.rows), "units": round(part.units, 1),
        "share": round(len(part.rows) / len(hits), 4),
        "labels": {name: bounds(share) for name, share in shares[:_LABELS_SHOWN] if share.value > 0},
    }  # fmt: skip


def _main(
    room: Room, column: str, parts: list[Part], differences: list[Difference], evidence: dict[str, Any]
) -> Finding:
    file = room.table.path.name
    if len(parts) < 2:
        message = _("'{column}' can't be compared by its values: fewer than two have {least} rows", column=column,
                    least=LEAST_UNITS)  # fmt: skip
        return Finding("slice", "note", message, file, do=_("choose a column with few values"), evidence=evidence)
    if not differences:
        message = _(
            "labels do not differ between the {n} slices of '{column}' beyond chance", n=len(parts), column=column
        )
        return Finding("slice", "note", message, file, evidence=evidence)
    worst = differences[0]
    message = _(
        "labels differ between the slices of '{column}' beyond chance ({n} differences); the largest: '{label}' is"
        " {here} of the rows with '{value}' and {there} of the others",
        column=column, n=len(differences), label=short(worst.label), value=short(worst.value), here=percent(worst.here),
        there=percent(worst.there),
    )  # fmt: skip
    do = _("ask why: a model learns a habit of labelling like a fact, and repeats it")
    return Finding("slice", "warning", message, file, do=do, evidence=evidence)


def _too_small(room: Room, column: str, small: list[Part]) -> list[Finding]:
    if not small:
        return []
    message = _(
        "slices of '{column}' with fewer than {least} rows, too few to say anything of: {n} ({names})", column=column,
        least=LEAST_UNITS, n=len(small), names=listed([part.value for part in small]),
    )  # fmt: skip
    by_file = room.rows.by_file(room.seen[np.concatenate([part.rows for part in small])])
    file, lines = next(iter(by_file.items()))
    do = _("collect rows of them before a model answers there")
    return [Finding("slice", "note", message, file, lines, do, "too_small")]
