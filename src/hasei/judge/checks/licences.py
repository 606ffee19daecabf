"""What the licences of base and rows allow a derived model to be released as.

*Source*: the SPDX list of licences and the licences' own statements on what goes together (:mod:`hasei.ground.terms`).
"""

from __future__ import annotations

from typing import Literal

from hasei.ground import licence
from hasei.ground.language import _
from hasei.ground.licence import Outcome
from hasei.ground.terms import UNKNOWN
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._room import Room

NEEDS = "text"
_MENTIONED = ("permissive", "attribution", UNKNOWN)


def find(room: Room) -> list[Finding]:
    """Return one finding: what a model derived from the base, where one is named, with these rows may be released as."""
    parts = ([room.base.licence] if room.base else []) + [room.data.licence]
    found = licence.outcome(*parts)
    severity: Literal["error", "warning", "note"] = (
        "error" if found.conflict else "note" if found.kind in _MENTIONED else "warning"
    )
    evidence = {
        "base": licence.normalise(room.base.licence) if room.base else "", "data": licence.normalise(room.data.licence),
        "expression": found.expression, "kind": found.kind, "release": found.release,
        "obligations": list(found.obligations), "conflict": found.conflict,
    }  # fmt: skip
    return [Finding("licence", severity, _says(found), do=_do(found), variant=found.kind, evidence=evidence)]


def _says(found: Outcome) -> str:
    if found.conflict:
        return _("A model derived from this may not be released ({expression}): {conflict}.",
                 expression=found.expression, conflict=found.conflict)  # fmt: skip
    expression = found.expression
    if found.kind == UNKNOWN:
        return _("What a model derived from this may be released as is unknown ({expression}).", expression=expression)
    if found.kind == "non-commercial":
        return _("A model derived from this may be released for non-commercial use only, as {release} ({expression}).",
                 release=found.release, expression=expression)  # fmt: skip
    if found.kind == "share-alike":
        return _("A model derived from this must be released as {release} ({expression}).", release=found.release,
                 expression=expression)  # fmt: skip
    if found.kind == "restricted":
        return _("A model derived from this may be released only with limits on its use ({expression}).",
                 expression=expression)  # fmt: skip
    if found.kind == "attribution":
        return _("A model derived from this may be released by whoever credits its sources ({expression}).",
                 expression=expression)  # fmt: skip
    return _("A model derived from this may be released freely ({expression}).", expression=expression)


def _do(found: Outcome) -> str:
    if found.conflict:
        return _("use another base or other rows, or give --licence-override with the reason why it is allowed here")
    if found.kind == UNKNOWN:
        return _("state the licence of the rows with --licence, and find out that of the base")
    return "; ".join(found.obligations)
