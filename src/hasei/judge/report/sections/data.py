"""The rows: their roles, their columns, and everything that was found about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hasei.ground.files import canonical_json
from hasei.ground.language import _
from hasei.judge.report.figures import few
from hasei.judge.report.lines import in_turn, scheme_words
from hasei.judge.report.view import View
from hasei.judge.wording import term

PLACE = 140
_ORDER = ("error", "warning", "note")
_LONGEST = 1500


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
        "evidence": [(key, _short(value)) for key, value in evidence.items()],
    }  # fmt: skip


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else canonical_json(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
