"""The worst groups of rows: by columns that the user named, where the chosen one gains least or does harm; by true answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hasei.ground.language import _
from hasei.judge.report.charts import BLUE, INK, ORANGE, Chart, drawn, ordered, rows
from hasei.judge.report.lines import group_name, signed
from hasei.judge.report.view import View
from hasei.judge.wording import Words, term

PLACE = 110
_MOST = 12
_ERROR = "mae"
_STEP = 26


def title() -> str:
    """Return the heading."""
    return _("The worst groups of rows")


def content(view: View) -> dict[str, Any] | None:
    """Return the groups of named columns and those by true answer, harmed ones first."""
    found = view.get("slices")
    if not found:
        return None
    named = [part for part in found if part.get("asked", True)]
    answers = [part for part in found if not part.get("asked", True)]
    measure = answers[0].get("measure", "") if answers else ""
    own = Words(measure, False, view.words.alpha) if measure == _ERROR else view.words
    upward = {_ERROR: -1, view.words.metric: view.metric.direction}.get(measure, 1)
    same = view.report["chosen"]["name"] == view.report["reference"]["name"]
    first = _table(view.words, named, "winner", view.metric.direction) if same else _table(view.words, named, "gain", 1)
    second = _table(own, answers, "winner", upward)
    drawable = [line for line in first["lines"] if line["low"] is not None and not same]
    return {
        "named": first, "same": same,
        "answers": second | {"measure": term(measure) if measure not in ("", view.words.metric) else ""},
        "chart": _chart(view.words, drawable) if drawable else None,
    }  # fmt: skip


def _table(words: Words, found: list[dict[str, Any]], by: str, upward: int) -> dict[str, Any]:
    """Return the lines of a table: judged groups before small ones, harmed ones first, then the worst *by* gain or score.

    *upward* is 1 where more of that is better, else -1.
    """

    def rank(part: Mapping[str, Any]) -> tuple[bool, bool, float]:
        value = (part.get("gain") or {}).get("value") if by == "gain" else part.get(by)
        return (
            not part.get("judged", True),
            not part.get("harmed"),
            upward * value if value is not None else float("inf"),
        )

    worst = sorted(found, key=rank)[:_MOST]
    return {
        "lines": [_line(words, part) for part in worst], "more": len(found) - len(worst), "of": len(found),
        "harmed": sum(bool(part.get("harmed")) for part in found),
    }  # fmt: skip


def _line(words: Words, part: Mapping[str, Any]) -> dict[str, Any]:
    gain = part.get("gain") or {}
    bounded = gain.get("low") is not None and gain.get("high") is not None
    interval = ""
    if bounded:
        interval = _("{low} to {high}", low=words.bare_points(gain["low"]), high=words.bare_points(gain["high"]))
    return {
        "column": part["column"], "value": part["value"], "group": group_name(part),
        "rows": part.get("rows"), "units": part.get("units"), "harmed": bool(part.get("harmed")),
        "winner": _score(words, part.get("winner")), "reference": _score(words, part.get("reference")),
        "gain": signed(words, gain.get("value")), "interval": interval, "point": gain.get("value"),
        "low": gain["low"] if bounded else None, "high": gain["high"] if bounded else None,
    }  # fmt: skip


def _score(words: Words, value: Any) -> str:
    value = value.get("value") if isinstance(value, Mapping) else value
    return "–" if value is None else words.amount(value)


def _chart(words: Words, lines: list[dict[str, Any]]) -> Chart:
    import altair as alt

    times = 100 if words.share else 1
    harmed, other = _("harmed"), _("not surely harmed")
    data = rows([
        {"group": line["group"], "place": place, "gain": line["point"] * times, "low": line["low"] * times,
         "high": line["high"] * times, "kind": harmed if line["harmed"] else other,
         "said": f"{line['gain']} ({line['interval']})"} for place, line in enumerate(lines)
    ])  # fmt: skip
    title = _("gain over the reference, points") if words.share else _("gain over the reference")
    span = {"title": title, "scale": alt.Scale(padding=14, nice=False), "axis": alt.Axis(tickCount=8)}
    y = alt.Y("group:N", title=None, sort=ordered("place"), axis=alt.Axis(labelLimit=170))
    colour = alt.Color("kind:N", scale=alt.Scale(domain=[harmed, other], range=[ORANGE, BLUE]))
    base = alt.Chart(data).encode(y=y, color=colour)
    layers = [
        alt.Chart(rows([{"gain": 0}])).mark_rule(color=INK, strokeWidth=1).encode(x="gain:Q"),
        base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", **span), x2="high:Q"),
        base.mark_point(filled=True, size=80, opacity=1).encode(
            x=alt.X("gain:Q", **span),
            tooltip=[alt.Tooltip("group:N", title=_("group")), alt.Tooltip("said:N", title=title)],
        ),
    ]  # fmt: skip
    said = _("Gain of the chosen one over the reference in each group, with its interval.")
    return drawn(alt.layer(*layers), said, height=90 + _STEP * len(lines))
