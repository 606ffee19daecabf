"""Quality against cost, with the Pareto front: those that no other beats in both."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hasei.ground.language import _
from hasei.judge.report.charts import BLUE, GREY, INK, Chart, drawn, rows, shown_range
from hasei.judge.report.view import View
from hasei.judge.wording import term

PLACE = 40
_LEAST = 2


def title() -> str:
    """Return the heading."""
    return _("Quality and cost")


def content(view: View) -> dict[str, Any] | None:
    """Return the picture, where two or more have both a score and a cost."""
    points = _points(view)
    if len(points) < _LEAST:
        return None
    least, most = shown_range([(p["low"], p["high"]) for p in points], view.metric.direction)
    shown = [p for p in points if least - 1e-9 <= p["score"] <= most + 1e-9]
    names = [p["name"] for p in shown if p["front"]]
    left = [p["name"] for p in points if p not in shown]
    return {"chart": _chart(view, shown), "front": ", ".join(names), "left": ", ".join(left)}


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
                "cost_said": line.money_per_1000 if view.currency else line.ms_per_row, "chosen": line.chosen,
            })  # fmt: skip
    ordered = sorted(found, key=lambda p: (p["cost"], -view.metric.direction * p["score"]))
    return [p | {"front": on} for p, on in zip(ordered, front(ordered, view.metric.direction))]


def _cost(candidate: Mapping[str, Any], *, priced: bool) -> float | None:
    value = (candidate.get("cost") or {}).get("per_1000") if priced else candidate.get("predict_ms_per_row")
    return None if value is None else float(value)


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

    times = 100 if view.words.share else 1
    scaled = {"score": times, "low": times, "high": times}
    log = min(p["cost"] for p in points) > 0
    sides = _sides([p["cost"] for p in points], log=log)
    data = rows([p | {k: p[k] * f for k, f in scaled.items()} | {"side": s} for p, s in zip(points, sides)])
    cost = alt.X(
        "cost:Q", title=_cost_title(view), scale=alt.Scale(type="log" if log else "linear", nice=log),
        axis=alt.Axis(format="~r", tickCount=6),
    )  # fmt: skip
    share = _("{metric}, %", metric=view.words.name) if view.words.share else view.words.name
    score = alt.Y("score:Q", title=share, scale=alt.Scale(zero=False, nice=True))
    tips = [
        alt.Tooltip("name:N", title=_("candidate")), alt.Tooltip("said:N", title=view.words.name),
        alt.Tooltip("cost_said:N", title=_cost_title(view)), alt.Tooltip("role:N", title=_("role")),
    ]  # fmt: skip
    names = [term("derived"), term("cheap truth")]
    colour = alt.Color("role:N", scale=alt.Scale(domain=names, range=[BLUE, GREY]))
    shape = alt.Shape("role:N", scale=alt.Scale(domain=names, range=["circle", "diamond"]))
    base = alt.Chart(data).encode(x=cost)
    line = base.transform_filter("datum.front").mark_line(color=INK, strokeDash=[5, 4], strokeWidth=1.2, opacity=0.7)
    bars = base.mark_rule(strokeWidth=1.5, opacity=0.55).encode(
        y=alt.Y("low:Q", title=share), y2="high:Q", color=colour
    )
    dots = base.mark_point(filled=True, size=110, opacity=1).encode(y=score, color=colour, shape=shape, tooltip=tips)
    ring = base.transform_filter("datum.chosen").mark_point(size=320, color=INK, strokeWidth=1.6).encode(y=score)
    marked = base.transform_filter("datum.front || datum.chosen")
    texts = [
        marked.transform_filter(f"datum.side == '{side}'")
        .mark_text(align=side, dx=dx, dy=-11, limit=230)
        .encode(y=score, text="name:N")
        for side, dx in (("left", 10), ("right", -10))
    ]
    words = _(
        "Quality against cost of {n} candidates; those on the dashed line are beaten by none in both.", n=len(points)
    )
    return drawn(alt.layer(line.encode(y=score), bars, dots, ring, *texts), words, height=330)


def _sides(costs: list[float], *, log: bool) -> list[str]:
    """Say for each of *costs* how its name is aligned: to the right end, over what is cheaper, where there is room."""
    places = [math.log(cost) if log else cost for cost in costs]
    middle = min(places) + 0.4 * (max(places) - min(places))
    return ["right" if place > middle else "left" for place in places]


def _cost_title(view: View) -> str:
    if view.currency:
        return _("cost of 1,000 answers, {currency}", currency=view.currency)
    return _("time for one answer, ms")
