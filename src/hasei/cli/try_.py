"""``hasei try``: the small experiments, the verdict, and what to do next."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hasei.cli import options
from hasei.cli.asked import configured, overrides
from hasei.cli.progress import working
from hasei.cli.terminal import emit_json, say
from hasei.ground.language import _, speaking
from hasei.judge.wording import term

if TYPE_CHECKING:
    from hasei.judge.study import Config, Result

NOT_TO_BE_ADOPTED = 3


def try_(
    data: options.Data = None, test: options.Test = None, corpus: options.Corpus = None,
    base: options.Base = None, task: options.Task = None,
    text: options.Text = None, label: options.Label = None, map_: options.Map = None, group: options.Group = None,
    where: options.Where = None, at_least: options.AtLeast = None, budget: options.Budget = None,
    methods: options.Methods = None, config: options.Config = None, licence: options.Licence = None,
    licence_override: options.LicenceOverride = None, slice_: options.Slices = None, keep: options.Keep = None,
    time: options.Time = None, id_: options.Identifier = None, scheme: options.Scheme = None,
    out_of_scope: options.OutOfScope = None, unlabeled: options.Unlabeled = None, stage: options.Stage = None,
    also: options.AlsoColumns = None, folds: options.Folds = None, seeds: options.Seeds = None,
    seed: options.Seed = None, lang: options.Lang = None,
    out: options.NewFolder = None, plan: options.Plan = False, resume: options.Resume = False,
    gate: options.Gate = False, json_: options.Json = False,
    debug: options.Debug = False,
) -> None:  # fmt: skip
    """Try the cheapest things first on your rows and give one verdict: adopt, do not adopt, not enough data, rethink.

        hasei try tickets.csv --at-least accuracy=0.9 --budget 10m

        Leaves a new folder:
          model/        the chosen model; hasei predict and standard libraries load it
          report.html   the verdict and every figure behind it; report.json for programs

    Exit codes: 0 done, whatever the verdict; 3 with --gate and a verdict other than adopt, or a rule that was changed
    after the confirm rows were opened.
    """
    given = overrides(
        data=data, test=test, corpus=corpus, text=text, label=label, parts=map_, group=group, where=where, licence=licence,
        licence_override=licence_override, base=base, task=task, seed=seed, at_least=at_least, methods=methods,
        budget=budget, slices=slice_, keep=keep, time=time, identifier=id_, scheme=scheme, folds=folds, seeds=seeds,
        lang=lang, out_of_scope=out_of_scope, unlabeled=unlabeled, stage=stage, also=also,
    )  # fmt: skip
    if data is None and config is None:
        raise typer.BadParameter("give a file of rows, or --config with data.path", param_hint="DATA")
    settings = configured(config, given)
    with speaking(settings.lang):
        if plan:
            _plan(settings, json_)
            return
        place = out or Path("runs") / Path(settings.data.path).stem
        result = _conduct(settings, place, resume, json_)
        if gate and (why := refused(result.report, place)):
            say(_("gate: {why}", why=why))
            raise typer.Exit(NOT_TO_BE_ADOPTED)


def _conduct(settings: Config, place: Path, resume: bool, json_: bool) -> Result:
    from hasei.judge.study import conduct

    with working(settings.budget_seconds, resumes=True) as watch:
        result = conduct(settings, place, watch, resume=resume)
    if json_:
        emit_json(result.to_json())
    else:
        from hasei.cli.verdict import show

        show(result.to_json(), place)
    return result


def _plan(settings: Config, json_: bool) -> None:
    """Show what would be tried; what the study keeps on the way goes with the temporary folder."""
    from hasei.judge.study import plan

    with tempfile.TemporaryDirectory(prefix="hasei-plan-") as folder, working() as watch:
        found = plan(settings, watch, Path(folder) / "work")
    if json_:
        emit_json(found)
    else:
        from hasei.cli.verdict import show_plan

        show_plan(found)


def refused(report: dict[str, Any], folder: Path) -> str:
    """Say why the gate stays shut, "" where it opens; the rule is read back as it was fixed before the opening."""
    from hasei.ground.errors import RecipeError
    from hasei.judge.ledger import Commitment

    if report["verdict"] != "adopt":
        return _("the verdict is: {verdict}", verdict=term(report["verdict"]))
    if report.get("exploratory"):
        return _("the result is exploratory: the rule was changed after these confirm rows had first been opened")
    try:
        fixed = Commitment.read(folder / "commitment.json")
    except RecipeError as error:
        return str(error)
    kpi = report.get("kpi") or {}
    stated = {
        "metric": report["chosen"]["confirm"]["metric"], "goal": kpi.get("at_least"), "smallest gain": report["delta"],
    }  # fmt: skip
    meant = {"metric": fixed.metric, "goal": fixed.at_least, "smallest gain": fixed.delta}
    changed = ", ".join(term(name) for name in stated if stated[name] != meant[name])
    if not changed:
        return ""
    return _("not as it was fixed before the opening: {changed} of the report", changed=changed)


__all__ = ["NOT_TO_BE_ADOPTED", "refused", "try_"]
