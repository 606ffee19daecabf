"""What it brings and what it costs, month by month, and when it has paid for itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hasei.ground.language import _
from hasei.judge.report.charts import BLUE, INK, ORANGE, Chart, drawn, rows
from hasei.judge.report.view import View
from hasei.judge.wording import cash, term

PLACE = 70
_MONTHS = 12


def title() -> str:
    """Return the heading."""
    return _("The money")


def content(view: View) -> dict[str, Any] | None:
    """Return the items of the reckoning and the picture, where prices were known."""
    money = view.get("money")
    if not money or (money.get("per_month") or {}).get("value") is None:
        return None
    return {
        "items": _items(money), "currency": money.get("currency", ""), "against": term(str(money.get("against") or "")),
        "words": money.get("words") or "",
        "chart": _chart(money, int(money.get("horizon_months") or _MONTHS)),
    }  # fmt: skip


def _items(money: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what there is: item, amount, interval in words."""
    items = [
        (_("saving a month"), money.get("per_month")), (_("spent once"), money.get("setup")),
        (_("training, of that"), money.get("training")), (_("labour, of that"), money.get("labour")),
        (_("machine, a month"), money.get("inference_per_month")), (_("upkeep, a month"), money.get("upkeep_per_month")),
    ]  # fmt: skip
    found = [(name, *_said(value)) for name, value in items if value is not None]
    months = money.get("months_to_break_even")
    if months is not None:
        found.append((_("months until it has paid for itself"), *_said(months, months=True)))
    if money.get("return") is not None:
        name = _("what remains after {n} months", n=f"{money.get('horizon_months') or _MONTHS:g}")
        found.append((name, *_said(money["return"])))
    return found


def _said(value: Any, *, months: bool = False) -> tuple[str, str]:
    def say(number: float | None) -> str:
        if number is None:
            return _("never") if months else "–"
        return f"{number:,.1f}" if months else cash(number)

    if not isinstance(value, Mapping):
        return say(value), ""
    low, high = value.get("low"), value.get("high")
    interval = "" if low is None and high is None else _("{low} to {high}", low=say(low), high=say(high))
    return say(value.get("value")), interval


def _chart(money: Mapping[str, Any], months: int) -> Chart:
    import altair as alt

    spent, monthly = float(money.get("setup") or 0.0), money["per_month"]
    ends = {k: monthly["value"] if monthly.get(k) is None else monthly[k] for k in ("value", "low", "high")}
    data = rows([
        {"month": month, **{k: v * month - spent for k, v in ends.items()},
         "said": cash(ends["value"] * month - spent)} for month in range(months + 1)
    ])  # fmt: skip
    month = alt.X("month:Q", title=_("months"), axis=alt.Axis(tickMinStep=1, format="d"))
    amount = _("saved less spent, {currency}", currency=money.get("currency", ""))
    base = alt.Chart(data).encode(x=month)
    band = base.mark_area(opacity=0.18, color=BLUE).encode(y=alt.Y("low:Q", title=amount), y2="high:Q")
    line = base.mark_line(color=BLUE, strokeWidth=2.2, point=alt.OverlayMarkDef(color=BLUE, size=36)).encode(
        y=alt.Y("value:Q", title=amount, axis=alt.Axis(format="~s")),
        tooltip=[alt.Tooltip("month:Q", title=_("months")), alt.Tooltip("said:N", title=amount)],
    )  # fmt: skip
    zero = alt.Chart(rows([{"y": 0}])).mark_rule(color=INK, strokeWidth=1).encode(y="y:Q")
    layers = [band, zero, line]
    even = (money.get("months_to_break_even") or {}).get("value")
    if even is not None and 0 <= even <= months:
        mark = alt.Chart(rows([{"month": even}])).encode(x="month:Q")
        layers.append(mark.mark_rule(color=ORANGE, strokeDash=[4, 3], strokeWidth=1.5))
    words = _("What is saved less what was spent over {n} months, with its interval.", n=months)
    return drawn(alt.layer(*layers), words, height=260)
