"""The licences of base and rows, and what a model derived from both may be released as."""

from __future__ import annotations

from typing import Any

from hasei.ground.language import _
from hasei.judge.report.view import View
from hasei.judge.wording import term

PLACE = 150


def title() -> str:
    """Return the heading."""
    return _("Licence")


def content(view: View) -> dict[str, Any] | None:
    """Return the three licences and what they mean."""
    found = view.get("licence")
    if not found:
        return None
    names = {"base": _("the base"), "data": _("the rows"), "model": _("the derived model")}
    return {
        "licences": [(name, str(found[key])) for key, name in names.items() if found.get(key)],
        "kind": term(str(found.get("kind") or "")), "words": found.get("words") or "", "conflict": found.get("conflict") or "",
        "override": found.get("override") or "",
    }  # fmt: skip
