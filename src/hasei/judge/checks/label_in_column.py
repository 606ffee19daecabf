"""Another column that is the label under another name: a code, a translation, a department that goes with each class.

A value of a column *tells* the label where it stands in rows of one label only, too many for chance: c rows of a label with
share p agree by chance with probability p ^ (c - 1). A column one of whose values goes with each label is the label in
disguise; one whose values are finer (a work and its author) tells the label too, and is only noted. A short cell that begins
with the label's own name is named even if it stands alone.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.inputs.data.roles import normalise
from hasei.judge.checks._forms import squeezed
from hasei.judge.checks._room import Room
from hasei.judge.checks._sides import Place, Severity, by_file

NEEDS = "text"

_CHANCE = 1e-6
_LEAST_ROWS = 5
_LEAST_SHARE = 0.2
_MOSTLY = 0.95
_PER_LABEL = 1.2
_MORE = 12


def find(room: Room) -> list[Finding]:
    """Name the rows in which a column that plays no part in the task tells their label."""
    if room.task.target_kind != "category":
        return []
    found: list[Finding] = []
    for name in room.other_columns():
        room.watch.check()
        if name not in (room.group, room.time, room.identifier):
            found += _of_column(room, name, [normalise(cell) for cell in room.column(name)])
    return found


def _of_column(room: Room, name: str, cells: list[str]) -> list[Finding]:
    labels = room.rows.targets
    own, others = _named(cells, labels)
    telling = tells(cells, labels)
    of = {labels[i] for i in own}
    # A column of coarser classes may call one of them by its only label: then all rows of the label say so.
    named = len(of) > 1 or len(own) < _MOSTLY * sum(label in of for label in labels)
    if named and len(own) >= max(_LEAST_ROWS, _MOSTLY * (len(own) + others), len(telling)):
        return _findings(room, name, own, "error")
    if len(telling) < max(_LEAST_ROWS, _LEAST_SHARE * sum(map(bool, cells))):
        return []
    values = len({cells[i] for i in telling})
    alias = 1 < values <= _PER_LABEL * len({labels[i] for i in telling}) and len(telling) >= _MOSTLY * sum(
        map(bool, cells)
    )
    return _findings(room, name, telling, "error" if alias else "note")


def _named(cells: list[str], labels: list[str]) -> tuple[list[int], int]:
    """Return the rows whose short cell is, or begins with, the name of their label, and the number of those that err."""
    names = {squeezed(normalise(label)): label for label in labels}
    known = tuple(name for name in names if len(name) > 2 or (len(name) == 2 and not name.isascii()))
    begins: dict[str, set[str]] = {}
    for cell in set(cells):
        text = squeezed(cell)
        if text.startswith(known) and (
            of := {names[n] for n in known if text.startswith(n) and len(text) <= len(n) + _MORE}
        ):
            begins[cell] = of
    own = [i for i, cell in enumerate(cells) if labels[i] in begins.get(cell, ())]
    return own, sum(cell in begins for cell in cells) - len(own)


def tells(cells: list[str], labels: list[str]) -> list[int]:
    """Return the rows whose cell tells their label: its value always goes with one label, and not by chance."""
    shares = {label: count / len(labels) for label, count in Counter(labels).items()}
    rows: defaultdict[str, list[int]] = defaultdict(list)
    for i, cell in enumerate(cells):
        if cell:
            rows[cell].append(i)
    found: list[int] = []
    for of_value in rows.values():
        (label, most), *rest = Counter(labels[i] for i in of_value).most_common()
        if not rest and shares[label] < 1 and (most - 1) * math.log(shares[label]) < math.log(_CHANCE / len(rows)):
            found += of_value
    return sorted(found)


def _findings(room: Room, name: str, rows: list[int], severity: Severity) -> list[Finding]:
    def say(place: Place) -> str:
        if severity == "note":
            return _(
                "rows of '{file}' where the value of '{column}' always goes with one label: {n} of {of}",
                column=name, **vars(place),
            )  # fmt: skip
        return _(
            "rows of '{file}' where the column '{column}' is the label under another name: {n} of {of}",
            column=name, **vars(place),
        )  # fmt: skip

    do = _("never let a model read '{column}': it won't be known where the model is used", column=name)
    return by_file(room, "leak", "label_in_disguise", severity, rows, do, say)
