"""Rows that the chosen one gets right and the base as it is does not, and the other way round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hasei.ground.language import _
from hasei.judge.report.view import AS_IT_IS, View

PLACE = 120
_MOST, _LONGEST = 10, 280


def title() -> str:
    """Return the heading."""
    return _("Examples gained and lost against the base")


def content(view: View) -> dict[str, Any] | None:
    """Return some of the rows gained and lost, long texts cut."""
    found = view.get("examples")
    gained, lost = (found or {}).get("gained") or [], (found or {}).get("lost") or []
    if not gained and not lost:
        return None
    lists = [(_("Gained: right now, wrong before"), gained), (_("Lost: wrong now, right before"), lost)]
    return {
        "lists": [(name, [_shown(row) for row in rows[:_MOST]]) for name, rows in lists],
        "other": _other(str(found.get("other") or AS_IT_IS)), "counted": _counted(found),
    }  # fmt: skip


def _other(name: str) -> str:
    return _("the base as it is") if name.partition(" ")[0] == AS_IT_IS else name


def _counted(found: Mapping[str, Any]) -> str:
    if found.get("gained_count") is None or found.get("lost_count") is None:
        return ""
    counts = {"gained": f"{found['gained_count']:,}", "lost": f"{found['lost_count']:,}"}
    return _("{gained} rows were gained and {lost} lost; some of each:", **counts)


def _shown(row: Mapping[str, Any]) -> dict[str, str]:
    text = str(row.get("text", ""))
    line = _("{file}, line {line}", file=row["file"], line=row["line"]) if row.get("file") and row.get("line") else ""
    return {
        "text": text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…", "truth": str(row.get("truth", "")),
        "winner": str(row.get("winner", "")), "other": str(row.get("other", "")), "where": line,
    }  # fmt: skip
