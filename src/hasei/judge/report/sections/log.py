"""What was run, in this order."""

from __future__ import annotations

from typing import Any

from hasei.ground.language import _
from hasei.judge.report.figures import duration
from hasei.judge.report.view import View
from hasei.judge.wording import term

PLACE = 180
_MOST = 30


def title() -> str:
    """Return the heading."""
    return _("What was run, in this order")


def content(view: View) -> dict[str, Any] | None:
    """Return the steps that concern a candidate."""
    steps = [entry for entry in view.get("log") or [] if entry.get("candidate")]
    if not steps:
        return None
    return {"steps": [_step(view, entry) for entry in steps[:_MOST]], "more": max(0, len(steps) - _MOST)}


def _step(view: View, entry: dict[str, Any]) -> dict[str, Any]:
    def number(key: str) -> float | None:
        value = entry.get(key)
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    score, seconds = number("score"), number("seconds")
    return {
        "kind": term(str(entry["kind"])), "candidate": entry["candidate"], "why": entry.get("why") or "",
        "rows": number("rows"), "score": "" if score is None else view.words.amount(score),
        "time": "" if seconds is None else duration(seconds),
    }  # fmt: skip
