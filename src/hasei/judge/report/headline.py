"""The few figures that stand beside the verdict, large enough for whoever reads nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from hasei.ground.language import _
from hasei.judge.report.figures import significant
from hasei.judge.report.lines import goal_of, interval_of, not_recommended
from hasei.judge.report.view import View
from hasei.judge.wording import cash, percent


@dataclass(frozen=True)
class Tile:
    """One figure: what it is, the figure, and what stands below it in small print."""

    name: str
    figure: str
    note: str


def tiles(view: View) -> list[Tile]:
    """Return the headline figures there are: quality, gain, money, what needs no person, cost of answers."""
    return [tile for tile in (_score(view), _gain(view), _money(view), _automation(view), _answers(view)) if tile]


def _score(view: View) -> Tile | None:
    part = view.get("chosen") or view.get("reference")
    if not part:
        return None
    scored = part["confirm"]
    note = interval_of(view.sure, scored)
    if view.get("kpi"):
        note = _("{interval}; goal: {goal}", interval=note, goal=goal_of(view.report, view.sure))
    name = _("{metric} of {name}", metric=view.sure.name, name=part["name"])
    return Tile(name, view.sure.amount(scored["value"]), note)


def _gain(view: View) -> Tile | None:
    chosen, reference = view.get("chosen"), view.get("reference")
    if not chosen or not reference or chosen["confirm"].get("gain") is None:
        return None
    confirm = chosen["confirm"]
    return Tile(
        _("gain over {name}, the best cheap way", name=reference["name"]), view.sure.points(confirm["gain"]),
        interval_of(view.sure, confirm, "gain_low", "gain_high"),
    )  # fmt: skip


def _money(view: View) -> Tile | None:
    money = view.get("money") or {}
    saved = money.get("per_month") or view.get("saving_per_month")
    if not saved or saved.get("value") is None:
        return None
    currency = money.get("currency") or saved.get("currency") or view.currency
    note = ""
    if saved.get("low") is not None and saved.get("high") is not None:
        note = _("between {low} and {high}", low=cash(saved["low"]), high=cash(saved["high"]))
    name = not_recommended(view.report)
    title = _("saving a month, {currency}", currency=currency)
    return Tile(_("{name}: {words}", name=name, words=title) if name else title, cash(saved["value"]), note)


def _automation(view: View) -> Tile | None:
    found = view.get("automation")
    if not found or not (found.get("coverage") or {}).get("value"):
        return None
    accuracy = (found.get("accuracy") or {}).get("value")
    note = _("at {accuracy} accuracy", accuracy=percent(accuracy)) if accuracy is not None else ""
    return Tile(_("answered without a person"), percent(found["coverage"]["value"], 2), note)


def _answers(view: View) -> Tile | None:
    part = view.get("chosen") or view.get("reference")
    line = view.line(part["name"]) if part else None
    if line is None or not line.done:
        return None
    cost = (view.candidate(line.whole_name).get("cost") or {}).get("per_1000")
    note = _("{ms} ms for each of many", ms=line.ms_per_row)
    if cost is None:
        return Tile(_("time for each of many answers"), _("{ms} ms", ms=line.ms_per_row), "")
    return Tile(_("1,000 answers, {currency}", currency=view.currency), significant(cost), note)
