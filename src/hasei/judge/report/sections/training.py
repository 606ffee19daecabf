"""How the trainings went: over-fitting, convergence and instability in words, with the curves they are read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hasei.ground.language import _
from hasei.judge.report.charts import BLUE, ORANGE, Chart, drawn, rows
from hasei.judge.report.view import View
from hasei.judge.wording import term

PLACE = 130
_MOST = 4


def title() -> str:
    """Return the heading."""
    return _("How the training went")


def content(view: View) -> dict[str, Any] | None:
    """Return the diagnoses, the curves of the best candidates that have one, and what other seeds gave."""
    curves = [(line.whole_name, view.candidate(line.whole_name).get("curve") or []) for line in view.lines]
    drawable = [(name, curve) for name, curve in curves if len(curve) > 1 and "loss" in curve[0]][:_MOST]
    diagnoses, seeds = view.get("diagnosis") or [], view.get("seeds") or []
    if not drawable and not diagnoses and not seeds:
        return None
    return {
        "diagnoses": [{**d, "kind_words": term(d.get("kind", ""))} for d in diagnoses],
        "curves": [(name, _chart(name, curve)) for name, curve in drawable], "seeds": [_seeds(view, s) for s in seeds],
    }  # fmt: skip


def _seeds(view: View, part: Mapping[str, Any]) -> dict[str, str]:
    words = view.words
    return {
        "name": str(part["candidate"]), "scores": ", ".join(words.bare(score) for score in part.get("scores") or []),
        "mean": "–" if part.get("mean") is None else words.amount(part["mean"]),
        "sd": "–" if part.get("sd") is None else words.points(part["sd"], 2),
    }  # fmt: skip


def _chart(name: str, curve: Sequence[Mapping[str, Any]]) -> Chart:
    import altair as alt

    kinds = {"loss": _("on the rows it learns from"), "held_loss": _("on rows kept from it")}
    points = [
        {"epoch": point["epoch"], "loss": point[key], "kind": kind}
        for point in curve for key, kind in kinds.items() if point.get(key) is not None
    ]  # fmt: skip
    colour = alt.Color("kind:N", scale=alt.Scale(domain=list(kinds.values()), range=[BLUE, ORANGE]))
    chart = alt.Chart(rows(points)).mark_line(point=True, strokeWidth=2).encode(
        x=alt.X("epoch:Q", title=_("times through the rows"), axis=alt.Axis(tickMinStep=1, format="d")),
        y=alt.Y("loss:Q", title=_("loss"), scale=alt.Scale(zero=False)), color=colour,
        strokeDash=alt.StrokeDash("kind:N", scale=alt.Scale(domain=list(kinds.values()), range=[[1, 0], [5, 3]])),
        tooltip=[alt.Tooltip("epoch:Q", title=_("times through the rows")),
                 alt.Tooltip("loss:Q", title=_("loss"), format=".3f"), alt.Tooltip("kind:N", title=_("measured"))],
    )  # fmt: skip
    return drawn(chart, _("Loss of {name} after each time through the rows.", name=name), height=220)
