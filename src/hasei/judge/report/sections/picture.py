"""Quality against cost, with the Pareto front: those that no other beats in both."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hasei.ground.language import _
from hasei.judge.report.charts import BLUE, GREY, INK, Chart, drawn, rows, shown_range
from hasei.judge.report.figures import significant
from hasei.judge.report.view import View
from hasei.judge.wording import term

PLACE = 40
_LEAST = 2
_WIDTHS = 4.0
_ABOVE, _BELOW = -11, 14
_A_MILLION = 1000
"""Thousands in a million: costs are known per thousand, and told so that they are no crumbs."""


def title() -> str:
    """Return the heading."""
    return _("Quality and cost")


def content(view: View) -> dict[str, Any] | None:
    """Return the picture, where two or more have both a score and a cost."""
    points = _points(view)
    if len(points) < _LEAST:
        return None
    shown = _shown(view, points)
    names = [p["name"] for p in shown if p["front"]]
    left = [p["name"] for p in points if p not in shown]
    return {"chart": _chart(view, shown), "front": ", ".join(names), "left": ", ".join(left)}


def _shown(view: View, points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what is far behind, but never the base as it is, the chosen one or the reference."""
    least, most = shown_range([(p["low"], p["high"]) for p in points], view.metric.direction, _WIDTHS)
    kept = {view.base.whole_name} if view.base else set()
    kept |= {view.report[part]["name"] for part in ("chosen", "reference") if view.get(part)}
    always = [p["score"] for p in points if p["name"] in kept]
    least, most = min([least, *always]), max([most, *always])
    return [p for p in points if least - 1e-9 <= p["score"] <= most + 1e-9]


def _points(view: View) -> list[dict[str, Any]]:
    """Return the scored candidates that have a cost, the cheapest first, each with whether it is on the front."""
    found: list[dict[str, Any]] = []
    for line in view.lines:
        candidate = view.candidate(line.whole_name)
        cost = _cost(candidate, priced=bool(view.currency))
        if line.done and cost is not None and line.value is not None:
            found.append({
                "name": line.whole_name, "role": term(line.role), "cheap": line.role != "derived", "cost": cost,
                "score": line.value, "low": line.value if line.low is None else line.low,
                "high": line.value if line.high is None else line.high, "said": f"{line.score} ({line.interval})",
                "cost_said": significant(cost), "chosen": line.chosen,
            })  # fmt: skip
    ordered = sorted(found, key=lambda p: (p["cost"], -view.metric.direction * p["score"]))
    return [p | {"front": on} for p, on in zip(ordered, front(ordered, view.metric.direction))]


def _cost(candidate: Mapping[str, Any], *, priced: bool) -> float | None:
    value = (candidate.get("cost") or {}).get("per_1000") if priced else candidate.get("predict_ms_per_row")
    return None if value is None else float(value) * (_A_MILLION if priced else 1)


def front(points: Sequence[Mapping[str, Any]], direction: int) -> list[bool]:
    """Say of each of *points*, cheapest first, whether none is both cheaper and at least as good."""
    best, found = float("-inf"), []
    for point in points:
        value = direction * point["score"]
        found.append(value > best)
        best = max(best, value)
    return found


def _chart(view: View, points: list[dict[str, Any]]) -> Chart:
    import altair as alt

    log = min(p["cost"] for p in points) > 0
    placed = _placed(view, points, log=log)
    cost = alt.X(
        "cost:Q", title=_cost_title(view), scale=alt.Scale(type="log" if log else "linear", nice=not log, padding=24),
        axis=alt.Axis(format="~r", tickCount=5),
    )  # fmt: skip
    title = _("{metric}, %", metric=view.words.name) if view.words.share else view.words.name
    score = alt.Y("score:Q", title=title, scale=alt.Scale(zero=False, nice=False, padding=16))

    def chart(some: list[dict[str, Any]]) -> Any:
        return alt.Chart(rows(some)).encode(x=cost, y=score)

    front, chosen = ([p for p in placed if p[part]] for part in ("front", "chosen"))
    layers = [chart(front).mark_line(color=INK, strokeDash=[5, 4], strokeWidth=1.2, opacity=0.7)]
    if chosen:
        layers.append(chart(chosen).mark_point(size=320, color=INK, strokeWidth=1.6))
    for side, dy in sorted({point["label"] for point in placed if point["label"]}):
        names = chart([point for point in placed if point["label"] == (side, dy)])
        dx = 10 if side == "left" else -10
        layers.append(names.mark_text(align=side, dx=dx, dy=dy, limit=230).encode(text="name:N"))
    layers += _marks(view, chart(placed), title)  # on top, for what lies there is what tells its figures
    words = _(
        "Quality against cost of {n} candidates; those on the dashed line are beaten by none in both.", n=len(points)
    )
    return drawn(alt.layer(*layers), words, height=330)


def _marks(view: View, base: Any, title: str) -> list[Any]:
    """Return the intervals and the points, told apart by the role."""
    import altair as alt

    names = [term("derived"), term("cheap truth")]
    colour = alt.Color("role:N", scale=alt.Scale(domain=names, range=[BLUE, GREY]))
    shape = alt.Shape("role:N", scale=alt.Scale(domain=names, range=["circle", "diamond"]))
    tips = [
        alt.Tooltip("name:N", title=_("candidate")), alt.Tooltip("said:N", title=view.words.name),
        alt.Tooltip("cost_said:N", title=_cost_title(view)), alt.Tooltip("role:N", title=_("role")),
    ]  # fmt: skip
    bars = base.mark_rule(strokeWidth=1.5, opacity=0.55)
    dots = base.mark_point(filled=True, size=110, opacity=1)
    return [
        bars.encode(y=alt.Y("low:Q", title=title), y2="high:Q", color=colour),
        dots.encode(color=colour, shape=shape, tooltip=tips),
    ]


def _placed(view: View, points: list[dict[str, Any]], *, log: bool) -> list[dict[str, Any]]:
    """Return *points* in the units of the picture, each with how its name stands, None where it has none.

    Names run over what is cheaper, where there is room above the front; those of the cheapest run below it. One that is
    too near to another changes sides.
    """
    times = 100 if view.words.share else 1
    across = _shares([math.log(p["cost"]) if log else p["cost"] for p in points])
    up = _shares([p["score"] for p in points])
    found: list[dict[str, Any]] = []
    label: tuple[str, int] | None
    named: list[tuple[float, float]] = []
    for place in sorted(range(len(points)), key=lambda i: (across[i], -up[i])):
        point, here, label = points[place], (across[place], up[place]), None
        if point["front"] or point["chosen"]:
            near = any(abs(here[0] - x) < 0.25 and abs(here[1] - y) < 0.09 for x, y in named)
            side = "right" if here[0] > 0.4 else "left"
            label = (side, _BELOW if near != (side == "left") else _ABOVE)
            named.append(here)
        found.append(point | {k: point[k] * times for k in ("score", "low", "high")} | {"label": label})
    return found


def _shares(values: list[float]) -> list[float]:
    """Return where *values* lie between the least and the greatest of them."""
    span = max(values) - min(values)
    return [(value - min(values)) / span if span else 0.0 for value in values]


def _cost_title(view: View) -> str:
    if view.currency:
        return _("cost of a million answers, {currency}", currency=view.currency)
    return _("time for one answer, ms")
