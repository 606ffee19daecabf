"""Is this data fit? One file = one check, found by its file name; :func:`run_checks` runs them all.

A check file holds a docstring (first line: what it looks for; *Source* where there is one), ``NEEDS`` (``"text"``: rows
alone, or ``"base"``: what a base model makes of them, which takes time) and ``find(room) -> list[Finding]``. Adding the
file is the whole change.

::

    _room.py   what a check may look at: rows of both files, roles, other columns, features, held-out opinions
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hasei.ground import plugins
from hasei.ground.events import DeadlineReached
from hasei.ground.language import _, language
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._room import Room, Rows, open_room

KIND = "judge/checks"
_ORDER = {"error": 0, "warning": 1, "note": 2}


def run_checks(room: Room, needs: Sequence[str] = ("text", "base")) -> list[Finding]:
    """Return what every check of a kind in *needs* finds, the gravest first; one that runs out of time is named."""
    found: list[Finding] = []
    for name in plugins.names(KIND):
        check: Any = plugins.load(KIND, name)
        if check.NEEDS not in needs:
            continue
        try:
            room.watch.check()
            room.watch.report("checking", _summary(name))
            found += check.find(room)
        except DeadlineReached:
            message = _("the check '{name}' did not finish in its time: it says nothing about these rows", name=name)
            found.append(Finding("unfinished", "note", message, do=_("run hasei check, which has no budget")))
    return sorted(found, key=lambda f: _ORDER[f.severity])


def _summary(name: str) -> str:
    """What a check looks for: in English its own words, in other languages its name."""
    return plugins.summary(KIND, name).rstrip(".").replace("``", "") if language() == "en" else name


__all__ = ["KIND", "Room", "Rows", "open_room", "run_checks"]
