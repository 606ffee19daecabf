"""Charts: Vega-Lite through altair, each as a spec that the page draws and as a still picture for paper.

The still picture stands in the page from the start and is what is printed; a browser that runs our script shows the
living chart in its place. Text of users only ever travels as data: no field, title, order or expression is made of it
(a list of names to sort by, for one, would become an expression).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hasei.judge.report.scripts import inline_json

INK, SOFT, LINE = "#1d2327", "#5b6670", "#d9dee2"
BLUE, ORANGE, GREY, GREEN = "#0b5fa5", "#b4501e", "#6b7680", "#14713d"
"""Told apart by the colour-blind, and 4.5:1 or more on white."""
WIDTH = 680
"""Of a still picture, px: the text width of A4 with our margins."""
_CONFIG: dict[str, Any] = {
    "font": "sans-serif", "background": "white",
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "labelColor": INK, "titleColor": SOFT,
        "gridColor": "#eceff1", "domainColor": LINE, "tickColor": LINE, "labelLimit": 190, "titlePadding": 10,
    },
    "legend": {
        "orient": "top", "title": None, "labelFontSize": 12, "labelColor": INK, "symbolSize": 80, "symbolOpacity": 1,
        "labelLimit": 240,
    },
    "text": {"fontSize": 12, "color": INK},
}  # fmt: skip


@dataclass(frozen=True)
class Chart:
    """A chart twice: *spec* as JSON that may stand in a script element, *svg* as markup; *words* say what it shows."""

    spec: str
    svg: str
    words: str


def rows(values: Sequence[dict[str, Any]]) -> Any:
    """Return *values* as the data of a chart."""
    import altair

    return altair.Data(values=list(values))


def ordered(field: str) -> Any:
    """Return the order of an axis of names by the numbers in *field*."""
    import altair

    return altair.EncodingSortField(field=field, op="min", order="ascending")


def shown_range(bounds: Sequence[tuple[float, float]], direction: int, times: float = 8.0) -> tuple[float, float]:
    """Return the range that shows the best of some intervals: at most *times* as wide as the widest of them."""
    least, most = min(low for low, __ in bounds), max(high for __, high in bounds)
    shown = times * max(high - low for low, high in bounds) or 1e-9
    return (max(least, most - shown), most) if direction == 1 else (least, min(most, least + shown))


def drawn(chart: Any, words: str, height: int = 300) -> Chart:
    """Return an altair *chart*, layered or single, as wide as the page and *height* px high; *words* describe it."""
    import vl_convert

    chart = chart.properties(width=WIDTH, height=height, description=words)
    spec = chart.to_dict() | {"config": _CONFIG}
    spec["autosize"] = {"type": "fit", "contains": "padding"}
    still = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return Chart(inline_json(spec | {"width": "container"}), _scalable(still), words)


def _scalable(svg: str) -> str:
    """Let a picture shrink with the page: its size is only its shape."""
    head, end, rest = svg.partition(">")
    return re.sub(r' (?:width|height)="[\d.]+"', "", head) + end + rest
