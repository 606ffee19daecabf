"""Rows that the model must not forget: how it does on them, against what was there before."""

from __future__ import annotations

from typing import Any

from hasei.ground.language import _
from hasei.judge.report.lines import signed
from hasei.judge.report.view import View

PLACE = 115


def title() -> str:
    """Return the heading."""
    return _("What must not be forgotten")


def content(view: View) -> dict[str, Any] | None:
    """Return the sentence on the kept rows, where there are any."""
    kept, words = view.get("kept"), view.words
    if not kept:
        return None
    gain = kept["gain"]
    values = {
        "rows": f"{kept['rows']:,}", "winner": words.amount(kept["winner"]), "before": words.amount(kept["reference"]),
        "change": signed(words, gain["value"]), "low": signed(words, gain.get("low")), "high": signed(words, gain.get("high")),
    }  # fmt: skip
    said = _(
        "On the {rows} rows to be kept it reaches {winner}, where it was {before} before: {change} points, between {low} and"
        " {high}.", **values,
    )  # fmt: skip
    return {"said": said, "harmed": bool(kept.get("harmed"))}
