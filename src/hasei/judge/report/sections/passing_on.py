"""One paragraph to be pasted into a mail or a decision paper."""

from __future__ import annotations

from typing import Any

from hasei.ground.language import _
from hasei.judge.report.paragraph import paragraph
from hasei.judge.report.view import View

PLACE = 20


def title() -> str:
    """Return the heading."""
    return _("For whoever decides")


def content(view: View) -> dict[str, Any] | None:
    """Return the paragraph."""
    return {"text": paragraph(view)}
