"""The rows: their roles, their columns, and everything that was found about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hasei.ground.language import _
from hasei.judge.report.figures import few, significant
from hasei.judge.report.lines import in_turn, scheme_words
from hasei.judge.report.view import View
from hasei.judge.wording import term

PLACE = 140
_ORDER = ("error", "warning", "note")
_LONGEST = 1500
_MOST_LINES = 12


def title() -> str:
    """Return the heading."""
    return _("The data")


def content(view: View) -> dict[str, Any] | None:
    """Return roles, columns and findings, the gravest first."""
    data = view.report["data"]
    uses = {
        "train": _("learnt from"), "select": _("to choose the best candidate"),
        "confirm": _("kept out of every choice; the verdict rests on them"),
    }  # fmt: skip
    roles = [(term(role), rows["rows"], rows["units"], uses.get(role, "")) for role, rows in data["roles"].items()]
    findings = sorted(data["findings"], key=lambda f: _ORDER.index(f["severity"]) if f["severity"] in _ORDER else 9)
    guessed = data.get("guessed", ())
    return {
        "roles": roles, "columns": [_column(name, part, part in guessed) for part, name in data["columns"].items()],
        "served": _served(view), "findings": [_finding(f) for f in findings],
    }  # fmt: skip


def _served(view: View) -> str:
    """Say how rows served where it was not simply one role each."""
    scheme = scheme_words(view.report)
    if in_turn(view.report):
        return _(
            "There were few rows, so every row served each role in turn ({scheme}), and intervals are made wider for it.",
            scheme=scheme,
        )
    if scheme:
        return _(
            "Every train and select row was scored by a model that had not seen it ({scheme}); the confirm rows stayed apart.",
            scheme=scheme,
        )
    return ""


def _column(name: str, part: str, guessed: bool) -> tuple[str, str]:
    return name, _("{part}, guessed", part=term(part)) if guessed else term(part)


def _finding(finding: Mapping[str, Any]) -> dict[str, Any]:
    evidence = finding.get("evidence") or {}
    rows = few(list(finding["rows"]))
    return {
        "severity": finding["severity"], "severity_words": term(finding["severity"]), "message": finding["message"],
        "count": finding["count"] or None, "rows": rows, "file": finding.get("file") if rows else "", "do": finding["do"],
        "evidence": [(key, _told(value)) for key, value in evidence.items() if value not in ("", None, [], {})],
    }  # fmt: skip


def _told(value: Any) -> list[str]:
    """Return a piece of evidence as lines to read, one for each entry of a list."""
    if not isinstance(value, list) or not any(isinstance(entry, (dict, list)) for entry in value):
        return [_short(value)]
    more = len(value) - _MOST_LINES
    return [_short(entry) for entry in value[:_MOST_LINES]] + (
        [_("and {n} more in report.json", n=more)] if more > 0 else []
    )


def _short(value: Any) -> str:
    text = _plain(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _plain(value: Any, inside: bool = False) -> str:
    """Return *value* in words: figures with three digits, mappings as ``name: value``; inside of others in brackets."""
    if isinstance(value, dict):
        text = ", ".join(f"{key}: {_plain(part, True)}" for key, part in value.items())
        return f"({text})" if inside else text
    if isinstance(value, list):
        text = ", ".join(_plain(part, True) for part in value)
        return f"({text})" if inside else text
    return significant(value, 3) if isinstance(value, float) else str(value)
