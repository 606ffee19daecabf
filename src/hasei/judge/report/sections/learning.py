"""The learning curve with its forecast: what more rows would bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hasei.ground.language import _
from hasei.judge.report.charts import BLUE, INK, ORANGE, Chart, drawn, rows
from hasei.judge.report.view import View
from hasei.judge.wording import Words, percent

PLACE = 90
_CONFIDENCE = 0.9


def title() -> str:
    """Return the heading."""
    return _("What more rows would bring")


def content(view: View) -> dict[str, Any] | None:
    """Return the curve and what it foretells, where it was measured."""
    curve = view.get("learning_curve")
    if not curve or len(curve.get("points") or []) < 2:
        return None
    forecasts = curve.get("forecasts") or []
    return {
        "candidate": curve.get("candidate", ""), "chart": _chart(view, curve["points"], forecasts),
        "points": [(f"{p['rows']:,}", _amount(view.words, p, "score")) for p in curve["points"]],
        "said": [_said(view.words, f) for f in forecasts],
    }  # fmt: skip


def _amount(words: Words, point: Mapping[str, Any], value: str) -> str:
    amount = words.amount(point[value])
    if point.get("low") is None or point.get("high") is None:
        return amount
    return _("{value} ({low} to {high})", value=amount, low=words.bare(point["low"]), high=words.bare(point["high"]))


def _said(words: Words, forecast: Mapping[str, Any]) -> str:
    if forecast["times"] == 1:
        return _(
            "The full run, with all {rows} rows in hand: {amount}, with {confidence} confidence between {low} and {high}.",
            rows=f"{forecast['rows']:,.0f}", amount=words.amount(forecast["value"]), confidence=percent(_CONFIDENCE),
            low=words.amount(forecast["low"]), high=words.amount(forecast["high"]),
        )  # fmt: skip
    return _(
        "With {times} times the rows ({rows}): {amount}, with {confidence} confidence between {low} and {high}.",
        times=f"{forecast['times']:g}", rows=f"{forecast['rows']:,.0f}", amount=words.amount(forecast["value"]),
        confidence=percent(_CONFIDENCE), low=words.amount(forecast["low"]), high=words.amount(forecast["high"]),
    )  # fmt: skip


def _row(words: Words, point: Mapping[str, Any], value: str, kind: str) -> dict[str, Any]:
    times = 100 if words.share else 1
    score = point[value] * times
    low, high = (score if point.get(k) is None else point[k] * times for k in ("low", "high"))
    return {"rows": point["rows"], "score": score, "low": low, "high": high, "kind": kind,
            "said": _amount(words, point, value), "count": f"{point['rows']:,.0f}"}  # fmt: skip


def _chart(view: View, points: list[Any], forecasts: list[Any]) -> Chart:
    import altair as alt

    words, measured, foretold = view.words, _("measured"), _("forecast")
    data = [_row(words, p, "score", measured) for p in points]
    later = [_row(words, f, "value", foretold) for f in forecasts]
    title = _("{metric}, %", metric=words.name) if words.share else words.name
    x = alt.X("rows:Q", title=_("train rows"), scale=alt.Scale(type="log", base=2, nice=False, padding=18),
              axis=alt.Axis(values=sorted({p["rows"] for p in data + later}), format=",d"))  # fmt: skip
    y = alt.Y("score:Q", title=title, scale=alt.Scale(zero=False, nice=True))
    tips = [alt.Tooltip("count:N", title=_("train rows")), alt.Tooltip("said:N", title=words.name)]
    colour = alt.Color("kind:N", scale=alt.Scale(domain=[measured, foretold], range=[BLUE, ORANGE]))
    seen, ahead = alt.Chart(rows(data)).encode(x=x), alt.Chart(rows([data[-1], *later])).encode(x=x)
    every = alt.Chart(rows(data + later)).encode(x=x)
    layers = [
        seen.mark_area(opacity=0.16, color=BLUE).encode(y=alt.Y("low:Q", title=title), y2="high:Q"),
        ahead.mark_area(opacity=0.14, color=ORANGE).encode(y=alt.Y("low:Q", title=title), y2="high:Q"),
        seen.mark_line(color=BLUE, strokeWidth=2).encode(y=y),
        ahead.mark_line(color=ORANGE, strokeWidth=2, strokeDash=[6, 4]).encode(y=y),
        every.mark_point(filled=True, size=70, opacity=1).encode(y=y, color=colour, tooltip=tips),
    ]
    if view.get("kpi"):
        goal = alt.Chart(rows([{"score": view.report["kpi"]["at_least"] * (100 if words.share else 1)}]))
        layers.append(goal.mark_rule(color=INK, strokeDash=[2, 3], strokeWidth=1.3).encode(y="score:Q"))
    said = _("{metric} against the number of train rows, with the forecast for more.", metric=words.name)
    return drawn(alt.layer(*layers), said, height=270)
