"""Single texts far longer than all others: a document that was pasted in, or a quote that is closed too late."""

from __future__ import annotations

import statistics

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._long import HUGE, KIND, characters, longest
from hasei.judge.checks._room import Room
from hasei.judge.checks._sides import Place, by_file

NEEDS = "text"
_HUGE = 10_000
_TIMES = 20


def find(room: Room) -> list[Finding]:
    """Name the rows of more than ten thousand characters where a twentieth of that is much."""
    sizes = [characters(value) for value in room.rows.inputs]
    typical = statistics.median(sizes) if sizes else 0
    rows = [i for i, size in enumerate(sizes) if size > _HUGE and size > _TIMES * typical]

    def say(place: Place) -> str:
        mine = [i for i in rows if room.rows.is_test[i] == place.is_test]
        line, size = longest([(int(room.rows.lines[i]), room.rows.inputs[i]) for i in mine])
        values = {
            "n": place.n, "file": place.file, "most": f"{_HUGE:,}", "typical": f"{typical:,.0f}", "line": line,
            "size": f"{size:,}",
        }  # fmt: skip
        if room.base is None:
            return _(
                "rows of '{file}' with a text of more than {most} characters, where {typical} are usual: {n} (the longest, on"
                " line {line}, has {size}); a model reads only their beginnings",
                **values,
            )
        return _(
            "rows of '{file}' with a text of more than {most} characters, where {typical} are usual: {n} (the longest, on line"
            " {line}, has {size}); the base reads only their first {tokens} tokens",
            **values, tokens=room.base.max_tokens,
        )  # fmt: skip

    do = _("look whether a quote is closed too late there; else shorten them")
    return by_file(room, KIND, HUGE, "note", rows, do, say)
