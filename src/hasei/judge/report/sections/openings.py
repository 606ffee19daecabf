"""How often the confirm rows were opened, and at which level this opening was judged."""

from __future__ import annotations

from typing import Any

from hasei.ground.language import _
from hasei.judge.report.figures import ordinal, significant
from hasei.judge.report.view import View

PLACE = 160


def title() -> str:
    """Return the heading."""
    return _("Openings of the confirm rows")


def content(view: View) -> dict[str, Any] | None:
    """Return what has to be said about this opening."""
    report = view.report
    values = {"ordinal": ordinal(int(report["openings"])), "alpha": significant(report["alpha"])}
    if report.get("alpha_next") is None:
        looked = _(
            "This was the {ordinal} look at these confirm rows, and it was judged at a one-sided level of {alpha}.",
            **values,
        )
    else:
        looked = _(
            "This was the {ordinal} look at these confirm rows, and it was judged at a one-sided level of {alpha}; the next"
            " one would be judged at {next}.", next=significant(report["alpha_next"]), **values,
        )  # fmt: skip
    return {"looked": looked, "commitment": str(report.get("commitment") or "")[:16]}
