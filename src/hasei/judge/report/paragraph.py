"""The verdict as one paragraph for whoever decides: what was done, what came out, the money, the next step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hasei.ground.language import _
from hasei.judge.report.lines import group_name, not_recommended
from hasei.judge.report.view import View
from hasei.judge.wording import sentences, term


def paragraph(view: View) -> str:
    """Return the paragraph, in the language in use; every figure in it is one of the contract."""
    return sentences(_done(view), _verdict(view), _automation(view), _money(view), *_cautions(view), _next(view))


def _done(view: View) -> str:
    confirm = view.report["data"]["roles"].get("confirm", {})
    scored = sum(line.done for line in view.lines)
    return _(
        "With hasei, {n} ways of answering were compared on our own rows, from the cheapest up, and the result was put to"
        " the test on {cases} independent cases.", n=scored, cases=f"{confirm.get('units', 0):,}",
    )  # fmt: skip


def _verdict(view: View) -> str:
    return _("The verdict is: {verdict}. {reason}", verdict=term(view.report["verdict"]), reason=view.report["reason"])


def _automation(view: View) -> str:
    found = view.get("automation") or {}
    return str(found.get("words") or "") if view.report["verdict"] == "adopt" else ""


def _money(view: View) -> str:
    money = view.get("money") or {}
    if (money.get("per_month") or {}).get("value") is None:
        return ""
    name = not_recommended(view.report)
    words = str(money.get("words") or "")
    return _("Of {name} in money: {words}", name=name, words=words) if name else words


def _cautions(view: View) -> list[str]:
    """Say what a decider must not miss."""
    found = []
    if any(part.get("harmed") for part in view.get("slices") or []):
        groups = ", ".join(group_name(part) for part in view.report["slices"] if part.get("harmed"))
        found.append(_("Mind that it does worse for: {groups}.", groups=groups))
    if (view.get("licence") or {}).get("conflict"):
        found.append(_("Mind that the licences of base and rows do not go together."))
    errors = sum(finding["severity"] == "error" for finding in view.report["data"]["findings"])
    if errors == 1:
        found.append(_("Mind that one grave finding about the data is open."))
    elif errors:
        found.append(_("Mind that {n} grave findings about the data are open.", n=errors))
    return found


def _next(view: View) -> str:
    """Say what to do next."""
    report = view.report
    verdict, rows = report["verdict"], report.get("rows_needed")
    if verdict == "adopt":
        return _(
            "Next step: let it run beside today's process on new rows for a while, check a sample, then switch over."
        )
    if verdict == "rethink":
        return str(
            view.get("change_first") or _("Next step: change what is named above before more is spent on training.")
        )
    if verdict == "not enough data" and rows:
        values = {"rows": f"{rows:,}"}
        if report.get("rows_needed_role") == "train":
            return _("Next step: collect about {rows} train rows, then run the same command again.", **values)
        return _("Next step: collect about {rows} fresh confirm rows, then run the same command again.", **values)
    if verdict == "not enough data":
        return _("Next step: collect more rows, then run the same command again.")
    reference = report.get("reference")
    saved = report.get("reference_saving_per_month")
    pays = not saved or (saved["low"] is not None and saved["low"] > 0)
    if pays and reference and report.get("kpi") and _met(view, reference):
        return _("Next step: put {reference} to use, which costs less to make.", reference=reference["name"])
    return _("Next step: keep today's process, or try another base or more rows.")


def _met(view: View, part: Mapping[str, Any]) -> bool:
    direction, scored = view.metric.direction, part["confirm"]
    bound = scored["low"] if direction == 1 else scored["high"]
    return bound is not None and direction * bound >= direction * float(view.report["kpi"]["at_least"])
