"""Judged rows that the base, or a model it was derived from, has already learned from.

Every model that hasei makes keeps a sketch of the rows it was derived from and inherits those of its parents
(:mod:`hasei.ground.sketch`); what a base from elsewhere has seen is not known.
"""

from __future__ import annotations

import numpy as np

from hasei.ground.language import _
from hasei.ground.sketch import Sketch
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._room import Room
from hasei.judge.checks._sides import Place, Severity, by_file, sides

NEEDS = "text"

_GRAVE = 0.05


def find(room: Room) -> list[Finding]:
    """Name the judged rows whose content stands in the sketch of the base or of one of its parents."""
    if room.base is None:
        return []
    judged = np.flatnonzero(sides(room)[1]).tolist()
    found: list[Finding] = []
    for name, stated in room.base.sketches:
        room.watch.check()
        sketch = Sketch.from_json(stated)
        rows = [i for i in judged if room.rows.contents[i] in sketch]
        severity: Severity = "error" if len(rows) > _GRAVE * len(judged) else "warning"

        def say(place: Place, model: str = name) -> str:
            return _(
                "rows of '{file}' that are to judge the base although it has learned from them ('{model}' was derived from"
                " them): {n} of {of}",
                model=model, **vars(place),
            )  # fmt: skip

        do = _("test on rows that the base has not seen, or derive from the base that it was made of")
        found += by_file(room, "leak", "base_saw", severity, rows, do, say)
    return found
