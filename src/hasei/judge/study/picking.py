"""Which methods deserve a trial, and why: from task, rows, classes, base, what was given beside the rows, and the budget.

A method says it itself: ``proposals(facts)`` are the settings it would be tried with, ``reason(facts)`` one sentence for them, or
for there being none. What the user names is tried whatever a method proposes; ``all`` names every method that can be used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hasei.derive.beside import lacking, refuse_lacking
from hasei.derive.recipe import Step, make_step
from hasei.engine.derivation import Facts, proposals
from hasei.ground import plugins
from hasei.ground.errors import NotSupported
from hasei.ground.language import _
from hasei.judge.study.candidates import Candidate
from hasei.judge.study.lab import Lab


@dataclass(frozen=True)
class Picks:
    """What a study tries, each candidate with its reason, and the methods (name, why) that it does not."""

    candidates: list[Candidate]
    passed_over: list[tuple[str, str]]


def pick_methods(lab: Lab, chosen: Sequence[tuple[Step, ...]], rows: int, *, everything: bool = False) -> Picks:
    """Return all cheap truths, and the recipes named by the user, or what every method proposes, or *everything*.

    Raises NotSupported where a recipe that was named can't be derived from this base or these rows.
    """
    facts = lab.facts(rows)
    found = [
        Candidate(step, proposed=True)
        for name in plugins.names("baselines")
        for step in _steps(lab, plugins.load("baselines", name), name, facts)
    ]
    over: list[tuple[str, str]] = []
    if everything or not chosen:
        for name in plugins.names("methods"):
            plugin: Any = plugins.load("methods", name)
            why = _hindered(lab, plugin)
            steps = [] if why else _steps(lab, plugin, name, facts)
            reason = why or _reason(plugin, facts, bool(steps))
            if everything and not steps and not why:
                steps = _default(lab, name)
                reason = _("every method was asked for") if steps else reason
            found += [Candidate(step, proposed=True, reason=reason) for step in steps]
            over += [] if steps else [(name, reason)]
    else:
        named = {recipe[-1].name for recipe in chosen}
        over = [(name, _("other methods were named")) for name in plugins.names("methods") if name not in named]
    for recipe in chosen:
        step = recipe[-1]
        _refuse(lab, step)
        found = [one for one in found if one.origin != step]
        found.append(Candidate(step, reason=_("named by the user")))
    for one in found:
        one.recipe_id = lab.recipe(one.step).recipe_id
    return Picks(found, over)


def _steps(lab: Lab, plugin: Any, name: str, facts: Facts) -> list[Step]:
    if not plugin.SUPPORTS.admits(lab.task) or lacking(plugin, lab.data):
        return []
    return [make_step(name, params.model_dump()) for params in proposals(plugin, facts)]


def _default(lab: Lab, name: str) -> list[Step]:
    """The method with its defaults, where this base allows them."""
    step = make_step(name)
    try:
        _refuse(lab, step)
    except NotSupported:
        return []
    return [step]


def _refuse(lab: Lab, step: Step) -> None:
    """Raise NotSupported where *step* can't be derived for this task, base or rows: before anything is trained."""
    if not step.plugin.SUPPORTS.admits(lab.task):
        possible = [n for n in plugins.names("methods") if plugins.load("methods", n).SUPPORTS.admits(lab.task)]
        raise NotSupported(
            f"'{step.name}' can't be used for the task {lab.task.name}", expected=f"one of {', '.join(possible)}",
            received=step.name, do="choose another method (see: hasei methods)",
        )  # fmt: skip
    check = getattr(step.plugin, "check", None)
    if check is not None:
        check(step.params, lab.trunk.layers)
    refuse_lacking(step.name, step.plugin, lab.data)


def _hindered(lab: Lab, plugin: Any) -> str:
    """Say what hinders a method here, "" where nothing does."""
    if not plugin.SUPPORTS.admits(lab.task):
        return _("can't be used for this task")
    return {
        "unlabeled": _("needs rows without a target (--unlabeled)"),
        "stages": _("needs the stages of the rows (--stage)"),
        "also": _("needs other targets of the rows (--also)"),
        "": "",
    }[lacking(plugin, lab.data)]


def _reason(plugin: Any, facts: Facts, tried: bool) -> str:
    own = getattr(plugin, "reason", None)
    if own is not None:
        return str(own(facts))
    return _("can be used for this task") if tried else _("only tried where it is named (--methods)")


__all__ = ["Picks", "pick_methods"]
