"""How to do it again: the command, and everything that has to be the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from hasei.ground.language import _
from hasei.judge.report.figures import duration
from hasei.judge.report.lines import Report
from hasei.judge.report.view import View
from hasei.judge.wording import term

PLACE = 170


def title() -> str:
    """Return the heading."""
    return _("How to do it again")


def content(view: View) -> dict[str, Any] | None:
    """Return the command and the table of what it rests on."""
    return {"command": command_of(view.report), "facts": _facts(view.report)}


def _facts(report: Report) -> list[tuple[str, str]]:
    base, found = report.get("base") or {}, []
    for part, name in (("chosen", _("recipe of the chosen one")), ("reference", _("recipe of the reference"))):
        if report.get(part):
            found.append((name, str(report[part]["recipe_id"])))
    if base:
        named = " ".join(filter(None, [base.get("name"), base.get("revision")]))
        found.append(
            (_("base"), _("{name}, licence {licence}", name=named, licence=term(base.get("licence") or "unknown")))
        )
        found.append((_("content of the base"), str(base.get("content_hash"))))
    used = {"used": duration(report["seconds"]), "budget": duration(report["budget_seconds"])}
    return [
        *found, (_("fingerprint of the rows"), str(report["data"]["fingerprint"])),
        (_("task, seed"), f"{term(report['task'])}, {report['seed']}"), (_("time"), _("{used} of {budget}", **used)),
        (_("machine"), _machine(report["environment"])),
    ]  # fmt: skip


def _machine(environment: Mapping[str, Any]) -> str:
    """Say what of the machine can change bytes."""
    said = [f"{environment[k]}" for k in ("machine", "processor") if environment.get(k)]
    said += [_("{n} threads", n=environment["threads"])] if environment.get("threads") else []
    said += [f"Python {environment['python']}"] if environment.get("python") else []
    return ", ".join([*said, *(f"{name} {number}" for name, number in environment.get("libraries", {}).items())])


def command_of(report: Report) -> str:
    """Return the command that would run the same study on the same files."""
    columns = report["data"]["columns"]
    given = [f"--{part} {shlex.quote(columns[part])}" for part in ("text", "label") if part in columns]
    given += [
        f"--map {shlex.quote(f'{part}={name}')}" for part, name in columns.items() if part not in ("text", "label")
    ]
    base = (report.get("base") or {}).get("opened_as") or (report.get("base") or {}).get("name") or "BASE"
    if report.get("kpi"):
        given.append(f"--at-least {report['kpi']['metric']}={report['kpi']['at_least']:g}")
    budget = f"--budget {report['budget_seconds']:g}s --seed {report['seed']}"
    return " ".join(["hasei try DATA", f"--base {shlex.quote(base)}", *given, budget])
