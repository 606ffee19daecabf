"""How many answers can be given without a person, and how good those are: the automation curve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hasei.ground.language import _
from hasei.judge.report.charts import BLUE, INK, ORANGE, Chart, drawn, rows
from hasei.judge.report.figures import significant
from hasei.judge.report.view import View
from hasei.judge.wording import percent, term

PLACE = 80


def title() -> str:
    """Return the heading."""
    return _("What can be answered without a person")


def content(view: View) -> dict[str, Any] | None:
    """Return the sentence, the figures and the curve, where confidences were calibrated."""
    found = view.get("automation")
    if not found:
        return None
    curve = [p for p in found.get("curve") or [] if p.get("coverage") is not None and p.get("accuracy") is not None]
    return {
        "words": found.get("words") or "", "items": _items(found), "chart": _chart(found, curve) if len(curve) > 1 else None
    }  # fmt: skip


def _items(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    items = [(_("answered without a person"), _share(found.get("coverage"))),
             (_("right, of those answered"), _share(found.get("accuracy")))]  # fmt: skip
    if found.get("wish") is not None:
        items.append((_("wished for"), _("at least {amount}", amount=percent(found["wish"]))))
    if found.get("threshold") is not None:
        items.append((_("confidence from which an answer stands"), significant(found["threshold"], 3)))
    error = found.get("calibration_error") or {}
    if error.get("before") is not None and error.get("after") is not None:
        values = {"before": percent(error["before"], 2), "after": percent(error["after"], 2)}
        items.append((
            _("how far confidences are off"),
            _("{after} after calibration ({method}), {before} before", method=term(found.get("method", "")), **values),
        ))  # fmt: skip
    if (found.get("money") or {}).get("words"):
        items.append((_("in money"), str(found["money"]["words"])))
    return [(name, said) for name, said in items if said]


def _share(part: Mapping[str, Any] | None) -> str:
    if not part or part.get("value") is None:
        return ""
    if part.get("low") is None or part.get("high") is None:
        return percent(part["value"])
    return _(
        "{value} ({low} to {high})",
        value=percent(part["value"]),
        low=f"{100 * part['low']:.3g}",
        high=percent(part["high"]),
    )


def _chart(found: Mapping[str, Any], curve: list[dict[str, Any]]) -> Chart:
    import altair as alt

    data = rows([
        {"coverage": 100 * p["coverage"], "accuracy": 100 * p["accuracy"],
         "low": 100 * max(0.0, p.get("low", p["accuracy"])), "high": 100 * min(1.0, p.get("high", p["accuracy"])),
         "said": f"{percent(p['accuracy'])}", "share": percent(p["coverage"]),
         "threshold": significant(p.get("threshold"), 3)} for p in curve
    ])  # fmt: skip
    share = alt.X(
        "coverage:Q", title=_("answered without a person, %"), scale=alt.Scale(domain=[0, 100]),
        axis=alt.Axis(tickCount=10),
    )  # fmt: skip
    right = _("right, of those answered, %")
    tips = [alt.Tooltip("share:N", title=_("answered without a person")),
            alt.Tooltip("said:N", title=_("right, of those answered")),
            alt.Tooltip("threshold:N", title=_("confidence from which an answer stands"))]  # fmt: skip
    base = alt.Chart(data).encode(x=share)
    low = alt.Y("low:Q", title=right, scale=alt.Scale(zero=False, nice=False, padding=8, domainMax=100))
    layers = [
        base.mark_area(opacity=0.18, color=BLUE).encode(y=low, y2="high:Q"),
        base.mark_line(color=BLUE, strokeWidth=2.2).encode(y=alt.Y("accuracy:Q", title=right)),
        base.mark_point(color=BLUE, filled=True, size=40, opacity=1).encode(y="accuracy:Q", tooltip=tips),
    ]
    if found.get("wish") is not None:
        wish = alt.Chart(rows([{"accuracy": 100 * found["wish"]}]))
        layers.append(wish.mark_rule(color=INK, strokeDash=[5, 4], strokeWidth=1.2).encode(y="accuracy:Q"))
    coverage = (found.get("coverage") or {}).get("value")
    if coverage is not None:
        here = alt.Chart(rows([{"coverage": 100 * coverage}]))
        layers.append(here.mark_rule(color=ORANGE, strokeDash=[4, 3], strokeWidth=1.5).encode(x="coverage:Q"))
    words = _("Share of right answers against the share of rows that are answered without a person.")
    return drawn(alt.layer(*layers), words, height=260)
