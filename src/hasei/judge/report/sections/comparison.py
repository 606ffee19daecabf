"""The base and the model derived from it, side by side: purpose, quality, data, resources, risk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hasei.ground.language import _
from hasei.judge.report.lines import Line, group_name
from hasei.judge.report.view import View
from hasei.judge.wording import sentences, term

PLACE = 60


@dataclass(frozen=True)
class Row:
    """One respect in which both are compared."""

    name: str
    base: str
    derived: tuple[str, ...]


def title() -> str:
    """Return the heading."""
    return _("The base and the derived model")


def content(view: View) -> dict[str, Any] | None:
    """Return the rows, where there are a base and a derived model to set beside it."""
    base, derived = view.base, view.derived
    if base is None or derived is None or not view.get("base"):
        return None
    rows = [_purpose(view), _quality(view, base, derived), _data(view), _resources(view, base, derived), _risk(view)]
    return {"base_name": view.report["base"]["name"], "derived": derived, "comparison": rows}


def _purpose(view: View) -> Row:
    columns = ", ".join(view.report["data"]["columns"].values())
    task = term(view.report["task"])
    return Row(
        _("purpose"), _("A general model; it was not made for this task."),
        (_("One task: {task}, with your columns {columns}.", task=task, columns=columns),),
    )  # fmt: skip


def _quality(view: View, base: Line, derived: Line) -> Row:
    def said(line: Line) -> str:
        amount = line.score if line.value is None else view.words.amount(line.value)
        values = {"metric": view.words.name, "amount": amount, "interval": line.interval}
        if not line.interval:
            return _("{metric} {amount} on the select rows", **values)
        return _("{metric} {amount} on the select rows ({interval})", **values)

    return Row(_("quality"), said(base), (said(derived),))


def _data(view: View) -> Row:
    train, licence = view.report["data"]["roles"].get("train", {}), view.report["data"].get("licence")
    own = _(
        "What the base had read, and {rows} train rows of yours ({units} independent cases); licence of the rows: {licence}.",
        rows=f"{train.get('rows', 0):,}", units=f"{train.get('units', 0):,}", licence=term(licence or "unknown"),
    )  # fmt: skip
    base = _(
        "What it has read is told by its makers; licence: {licence}.",
        licence=term(view.report["base"].get("licence") or "unknown"),
    )
    return Row(_("data"), base, (own,))


def _resources(view: View, base: Line, derived: Line) -> Row:
    def said(line: Line) -> str:
        values = {
            "training": line.training, "parameters": line.parameters, "size": line.size, "ms": line.ms_per_row,
            "cost": line.money_per_1000, "currency": view.currency,
        }  # fmt: skip
        trained = _("Training {training} ({parameters} parameters).", **values)
        if line.parameters == "0":
            trained = _("Nothing is trained.")
        if not view.currency:
            return sentences(trained, _("{size} on disk; {ms} ms for one answer.", **values))
        return sentences(trained, _(
            "{size} on disk; {ms} ms for one answer, 1,000 answers for {cost} {currency}.", **values
        ))  # fmt: skip

    return Row(_("resources"), said(base), (said(derived),))


def _risk(view: View) -> Row:
    base = _("It keeps the one-sidedness of what it had read; nothing of your rows can come out of it.")
    own = _("It keeps that of the base, and what is wrong or one-sided in your rows it learns with the rest.")
    return Row(_("risk"), base, (own, *_found(view)))


def _found(view: View) -> list[str]:
    """Say what this study found against the derived model."""
    found = []
    kinds = [finding["kind"] for finding in view.report["data"]["findings"]]
    if "personal_data" in kinds:
        found.append(
            _("Personal data was found in the rows: remove it (hasei check --redact) before the model is passed on.")
        )
    if "leak" in kinds:
        found.append(_("Leaks were found among the rows: read the data findings before trusting the figures."))
    harmed = [group_name(s) for s in view.get("slices") or [] if s.get("harmed")]
    if harmed:
        found.append(_("It does worse for: {groups}.", groups=", ".join(harmed)))
    licence = view.get("licence") or {}
    if licence.get("conflict"):
        found.append(sentences(_("The licences do not go together."), str(licence.get("words") or "")))
    if view.get("exploratory"):
        found.append(_("The rule was changed after the rows had been opened: the result is exploratory."))
    return found or [_("Nothing that this study looked at speaks against it; other rows than these were not measured.")]
