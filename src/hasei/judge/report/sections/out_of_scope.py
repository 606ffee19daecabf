"""How well texts that no label is for are told from the others, and what the threshold does to both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hasei.ground.language import _
from hasei.judge.report.charts import BLUE, ORANGE, Chart, drawn, rows
from hasei.judge.report.figures import significant
from hasei.judge.report.view import View
from hasei.judge.wording import percent

PLACE = 82


def title() -> str:
    """Return the heading."""
    return _("Texts that no label is for")


def content(view: View) -> dict[str, Any] | None:
    """Return the sentences, the figures and the curve, where the user named a label of such texts."""
    found = view.get("out_of_scope")
    if not found:
        return None
    curve = found.get("curve") or []
    return {
        "words": found.get("words") or "", "items": _items(found), "learnt": bool(found.get("learnt")),
        "chart": _chart(found, curve) if len(curve) > 1 else None,
    }  # fmt: skip


def _items(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    items = [
        (_("label"), str(found.get("label", ""))),
        (_("rows out of scope, in scope"), f"{found.get('rows_out', 0):,}, {found.get('rows_in', 0):,}"),
        (_("AUROC"), _between(found.get("auroc"), lambda value: f"{value:.3f}")),
        (_("caught, of the texts out of scope"), _between(found.get("caught"), percent)),
        (_("wrongly turned away, of the texts in scope"), _between(found.get("turned_away"), percent)),
        (_("right, of the texts in scope"), _between(found.get("in_scope"), percent)),
        (_("right, of all texts"), _between(found.get("overall"), percent)),
        (_("threshold"), significant(found.get("threshold"), 3)),
    ]
    return [(name, said) for name, said in items if said]


def _between(part: Mapping[str, Any] | None, say: Any) -> str:
    if not part or part.get("value") is None:
        return ""
    if part.get("low") is None or part.get("high") is None:
        return str(say(part["value"]))
    return _("{value} ({low} to {high})", value=say(part["value"]), low=say(part["low"]), high=say(part["high"]))


def _chart(found: Mapping[str, Any], curve: list[dict[str, Any]]) -> Chart:
    import altair as alt

    data = rows([
        {"away": 100 * p["turned_away"], "caught": 100 * p["caught"], "said": percent(p["caught"]),
         "share": percent(p["turned_away"]), "threshold": significant(p.get("threshold"), 3)} for p in curve
    ])  # fmt: skip
    away, caught = _("wrongly turned away, of the texts in scope"), _("caught, of the texts out of scope")
    x = alt.X("away:Q", title=f"{away}, %", scale=alt.Scale(zero=False, padding=8))
    y = alt.Y("caught:Q", title=f"{caught}, %", scale=alt.Scale(domain=[0, 100]))
    tips = [alt.Tooltip("share:N", title=away), alt.Tooltip("said:N", title=caught),
            alt.Tooltip("threshold:N", title=_("threshold"))]  # fmt: skip
    base = alt.Chart(data).encode(x=x, y=y)
    layers = [
        base.mark_line(color=BLUE, strokeWidth=2.2),
        base.mark_point(color=BLUE, filled=True, size=40, opacity=1).encode(tooltip=tips),
    ]
    here = [found.get(name) or {} for name in ("turned_away", "caught")]
    if all(part.get("value") is not None for part in here):
        stands = rows([{"away": 100 * here[0]["value"], "caught": 100 * here[1]["value"]}])
        layers.append(alt.Chart(stands).mark_point(color=ORANGE, filled=True, size=90, opacity=1).encode(x=x, y=y))
    words = _("Share of texts out of scope that are caught against the share of texts in scope that are turned away.")
    return drawn(alt.layer(*layers), words, height=260)
