"""Where it goes wrong: which answers are confused with each other, or how far numbers are off."""

from __future__ import annotations

from typing import Any

from hasei.ground.language import _
from hasei.judge.report.charts import BLUE, INK, Chart, drawn, ordered, rows
from hasei.judge.report.view import View
from hasei.judge.wording import percent

PLACE = 100
_MOST_PAIRS, _MOST_LABELS, _MOST_POINTS = 12, 30, 2000
_STEP, _FEW = 24, 15


def title() -> str:
    """Return the heading."""
    return _("Where it goes wrong")


def content(view: View) -> dict[str, Any] | None:
    """Return the confusion matrix and the most confused pairs, or the residuals of numbers."""
    matrix, pairs, residuals = view.get("confusion"), view.get("confused"), view.get("residuals")
    labels = (matrix or {}).get("labels") or []
    fits = 1 < len(labels) <= _MOST_LABELS
    if not fits and not pairs and not residuals:
        return None
    return {
        "matrix": _matrix(labels, matrix["counts"]) if matrix and fits else None,
        "residuals": _residuals(residuals) if residuals else None,
        "pairs": [
            {**pair, "share": percent(pair["count"] / pair["of"], 2) if pair.get("of") else ""}
            for pair in (pairs or [])[:_MOST_PAIRS]
        ],
    }  # fmt: skip


def _matrix(labels: list[str], counts: list[list[int]]) -> Chart:
    import altair as alt

    cells = []
    for line, (truth, row) in enumerate(zip(labels, counts)):
        total = max(1, sum(row))
        for column, (answer, count) in enumerate(zip(labels, row)):
            cells.append({"truth": truth, "answer": answer, "line": line, "column": column, "share": count / total,
                          "shown": f"{count:,}" if count else "",
                          "said": f"{count:,} ({percent(count / total, 2)})"})  # fmt: skip
    x = alt.X(
        "answer:N", title=_("answer given"), sort=ordered("column"), axis=alt.Axis(labelAngle=-45, labelLimit=110)
    )
    y = alt.Y("truth:N", title=_("right answer"), sort=ordered("line"), axis=alt.Axis(labelLimit=130))
    tips = [alt.Tooltip("truth:N", title=_("right answer")), alt.Tooltip("answer:N", title=_("answer given")),
            alt.Tooltip("said:N", title=_("rows"))]  # fmt: skip
    base = alt.Chart(rows(cells)).encode(x=x, y=y)
    shade = alt.Color("share:Q", legend=None, scale=alt.Scale(range=["#f4f7f9", BLUE], domain=[0, 1]))
    layers = [base.mark_rect(stroke="white", strokeWidth=1).encode(color=shade, tooltip=tips)]
    if len(labels) <= _FEW:
        ink = alt.condition("datum.share > 0.5", alt.value("white"), alt.value(INK))
        layers.append(base.mark_text(fontSize=11).encode(text="shown:N", color=ink))
    words = _(
        "Rows by their right answer and the answer given; the darker, the larger the share of the right answer's rows."
    )
    return drawn(alt.layer(*layers), words, height=150 + _STEP * len(labels))


def _residuals(points: list[dict[str, float]]) -> Chart:
    import altair as alt

    shown = points[:: max(1, len(points) // _MOST_POINTS)]
    ends = [float(p[k]) for p in shown for k in ("truth", "answer")]
    line = alt.Chart(rows([{"truth": v, "answer": v} for v in (min(ends), max(ends))]))
    scaled = {"scale": alt.Scale(zero=False)}
    x, y = alt.X("truth:Q", title=_("right answer"), **scaled), alt.Y("answer:Q", title=_("answer given"), **scaled)
    tips = [alt.Tooltip("truth:Q", title=_("right answer")), alt.Tooltip("answer:Q", title=_("answer given"))]
    dots = alt.Chart(rows(shown)).mark_circle(color=BLUE, opacity=0.45, size=30).encode(x=x, y=y, tooltip=tips)
    even = line.mark_line(color=INK, strokeDash=[5, 4], strokeWidth=1.2).encode(x=x, y=y)
    words = _("Answers given against right answers; on the dashed line they are equal.")
    return drawn(alt.layer(dots, even), words, height=320)
