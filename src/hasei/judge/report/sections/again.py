"""How to do it again: the command, the settings that no flag takes, and everything that has to be the same."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from hasei.ground.files import yaml_text
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
    """Return the command, its settings and the table of what it rests on."""
    found = view.report
    return {"command": command_of(found), "settings": settings_of(found), "facts": _facts(found)}


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


_DATA_FLAGS = {
    "test": "--test", "group": "--group", "where": "--where", "licence": "--licence", "keep": "--keep", "time": "--time",
    "licence_override": "--licence-override", "slices": "--slice", "id": "--id", "out_of_scope": "--out-of-scope",
    "unlabeled": "--unlabeled", "stage": "--stage", "also": "--also",
}  # fmt: skip
_FLAGS = ("task", "scheme", "folds", "seeds")


def command_of(report: Report) -> str:
    """Return the command that would run the same study on the same files; settings without a flag are :func:`settings_of`."""
    asked, columns = report.get("asked") or {}, report["data"]["columns"]
    data = asked.get("data") or {}
    given = [("--text", columns.get("text")), ("--label", columns.get("label"))]
    given += [("--map", f"{part}={name}") for part, name in columns.items() if part not in ("text", "label")]
    for key, flag in _DATA_FLAGS.items():
        value = data.get(key)
        given += [(flag, one) for one in (value if isinstance(value, list) else [value])]
    if report.get("kpi"):
        given.append(("--at-least", f"{report['kpi']['metric']}={report['kpi']['at_least']:.10g}"))
    if _plain_recipes(asked):
        given.append(("--methods", ",".join(asked.get("recipes") or ()) or None))
    given += [(f"--{key}", asked.get(key)) for key in _FLAGS]
    given += [("--budget", f"{report['budget_seconds']:g}s"), ("--seed", report["seed"]), ("--lang", asked.get("lang"))]
    base = (report.get("base") or {}).get("opened_as") or (report.get("base") or {}).get("name") or "BASE"
    start = [data.get("path") or "DATA", "--base", base, *(["--config", "hasei.yaml"] if settings_of(report) else [])]
    return shlex.join(
        ["hasei", "try", *start, *(str(word) for flag, value in given if value is not None for word in (flag, value))]
    )


def settings_of(report: Report) -> str:
    """Return what was asked and has no flag, as it would stand in ``hasei.yaml``; "" where there is none."""
    asked = dict(report.get("asked") or {})
    goal = {key: value for key, value in (asked.get("goal") or {}).items() if key != "at_least"}
    if "at_least" in (asked.get("goal") or {}):
        goal.pop("metric", None)
    found = {"goal": goal, **{key: asked.get(key) for key in ("prices", "smallest_gain", "checks")}}
    if not _plain_recipes(asked):
        found["recipes"] = asked.get("recipes")
    kept = {key: value for key, value in found.items() if value is not None and value != {}}
    return yaml_text(kept) if kept else ""


def _plain_recipes(asked: Mapping[str, Any]) -> bool:
    """Whether the recipes are names alone, as ``--methods`` takes them."""
    return all(isinstance(recipe, str) for recipe in asked.get("recipes") or ())
