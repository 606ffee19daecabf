"""Everything that was tried, as one table, best first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hasei.ground.language import _
from hasei.judge.report.charts import shown_range
from hasei.judge.report.lines import Line
from hasei.judge.report.view import View

PLACE = 30
_PLOT = 120.0


def title() -> str:
    """Return the heading."""
    return _("Everything that was tried")


def content(view: View) -> dict[str, Any] | None:
    """Return the lines of the table, each with the place of its interval on a common scale."""
    lines = view.lines
    return {
        "lines": lines, "plots": plots(lines, view.metric.direction), "currency": view.currency,
        "reasons": [(c["name"], c["reason"]) for c in view.report["candidates"] if c.get("reason")],
        "passed_over": [(o["method"], o["why"]) for o in view.report.get("passed_over") or ()],
        "starred": any(line.too_few for line in lines),
    }  # fmt: skip


def plots(lines: Sequence[Line], direction: int) -> list[dict[str, float] | None]:
    """Return where each line's value and bounds lie on a scale of 0 to 120 that all share.

    The scale is of the best ones: one that is far behind gets no drawing, or no difference between others would show.
    """
    bounds = [(line.low, line.high) for line in lines if line.low is not None and line.high is not None]
    if not bounds:
        return [None] * len(lines)
    least, most = shown_range(bounds, direction)

    def place(value: float) -> float:
        return round(4 + (_PLOT - 8) * (value - least) / max(most - least, 1e-9), 1)

    return [_plot(line, place) if _within(line, least, most) else None for line in lines]


def _within(line: Line, least: float, most: float) -> bool:
    return line.low is not None and line.high is not None and line.low >= least - 1e-9 and line.high <= most + 1e-9


def _plot(line: Line, place: Callable[[float], float]) -> dict[str, float] | None:
    if line.value is None or line.low is None or line.high is None:
        return None
    return {"low": place(line.low), "value": place(line.value), "high": place(line.high)}
