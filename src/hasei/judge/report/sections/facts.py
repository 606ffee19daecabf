"""The figures behind the verdict, in the order in which they matter."""

from __future__ import annotations

from typing import Any

from hasei.ground.language import _
from hasei.judge.report.lines import facts_of
from hasei.judge.report.view import View

PLACE = 10


def title() -> str:
    """Return the heading."""
    return _("The figures behind it")


def content(view: View) -> dict[str, Any] | None:
    """Return the facts, and the rows that would settle what is open."""
    return {"facts": facts_of(view.report), "settle": _settle(view), "change_first": view.get("change_first")}


def _settle(view: View) -> str:
    rows = view.get("rows_needed")
    if rows is None:
        return ""
    if view.get("rows_needed_role") == "train":
        return _("about {rows} train rows", rows=f"{rows:,}")
    return _("about {rows} fresh confirm rows", rows=f"{rows:,}")
