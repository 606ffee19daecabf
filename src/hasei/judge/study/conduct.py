"""A study from its configuration to its folder: read, propose, race, confirm, decide, write."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hasei.derive.beside import with_beside
from hasei.derive.corpora import opened_over, with_entries
from hasei.derive.recipe import folded
from hasei.derive.run import refuse_conflict
from hasei.engine.opening import refuse_other
from hasei.ground import lineage
from hasei.ground.errors import OutputError, RecipeError, Stopped, UserError
from hasei.ground.events import Watch
from hasei.ground.files import alone, hash_json, new_folder, no_empty_parents, plain, refuse_existing, write_json
from hasei.ground.language import _, speaking
from hasei.ground.measure import energy
from hasei.inputs import data as rooms
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Dataset, Finding
from hasei.inputs.purpose import open_costs
from hasei.judge.checks import Room, open_room
from hasei.judge.checks._named import refuse_unfit
from hasei.judge.out_of_scope import named
from hasei.judge.study import records
from hasei.judge.study.candidates import Candidate
from hasei.judge.study.clock import Clock
from hasei.judge.study.config import Config
from hasei.judge.study.crossfit import LEAST_CONFIRM_UNITS, run_crossfit
from hasei.judge.study.holdout import run_holdout
from hasei.judge.study.kfold import run_kfold
from hasei.judge.study.lab import Lab
from hasei.judge.study.looking import look
from hasei.judge.study.picking import pick_methods
from hasei.judge.study.result import Result, make_report
from hasei.judge.study.retention import read_kept
from hasei.judge.study.today import Today
from hasei.tasks import Scope, Space, Task, arranged, gathered, open_task
from hasei.tasks._known import as_known


def conduct(config: Config, out: Path, watch: Watch, *, resume: bool = False) -> Result:
    """Run the study that *config* asks for and leave the new folder *out*; finished trials of a stopped run are reused.

    What people read of it (reason, findings, card, page) is in the language ``config.lang``.
    """
    clock = Clock(config.budget_seconds)
    refuse_existing(out)
    with alone(out), no_empty_parents(out), speaking(config.lang):
        return _conduct(config, out, watch, clock, resume=resume)


def _conduct(config: Config, out: Path, watch: Watch, clock: Clock, *, resume: bool) -> Result:
    work = out.with_name(f".{out.name}.work")
    asked = _same_command(config, work, resume=resume)
    for left in out.parent.glob(f".{out.name}.*.partial"):
        shutil.rmtree(left, ignore_errors=True)  # of a run that was killed; nobody else writes here
    try:
        lab, candidates = prepare(config, watch, work)
        write_json(work / "asked.json", asked)
        result = _run(config, lab, clock, candidates, out)
    except Stopped:
        raise
    except Exception as error:
        # A request that must change leaves nothing, nor a failure of ours; trials that a full disk, a failure or a slip in
        # --resume stopped are worth keeping.
        kept = (work / "trials").exists() and (isinstance(error, OutputError) or not isinstance(error, UserError))
        if not resume and not kept:
            shutil.rmtree(work, ignore_errors=True)
        raise
    shutil.rmtree(work, ignore_errors=True)
    return result


def _same_command(config: Config, work: Path, *, resume: bool) -> dict[str, Any]:
    """Start afresh, or go on with what a stopped run of the very same study left; budget and language may differ."""
    asked = config.model_dump(mode="json", exclude={"budget", "lang"})
    path = work / "asked.json"
    if work.exists() and not resume:
        shutil.rmtree(work)
    if path.is_file():
        before = json.loads(path.read_text("utf-8"))
        differs = sorted(k for k in asked if before.get(k) != plain(asked[k]))
        if differs:
            raise RecipeError(
                "the stopped run was asked for something else", expected=f"the same {', '.join(differs)}",
                received="another", do="run the same command with --resume, or without it to start afresh",
            )  # fmt: skip
    return asked


def plan(config: Config, watch: Watch, work: Path) -> dict[str, Any]:
    """Return what would be tried and about how long it would take; trains nothing (the base reads a few rows once)."""
    from hasei.judge.study.racing import Race

    lab, candidates = prepare(config, watch, work)
    fit, select = lab.ordered("train"), lab.ordered("select")
    lab.measure_forward([lab.data.inputs[i] for i in fit])
    race = Race(lab, Clock(config.budget_seconds), fit, select, len(fit) + len(select))
    seconds = {c.name: race.effort_seconds(c.step, len(fit)) for c in candidates}
    listed = [
        {
            "name": c.name, "role": c.role, "seconds": seconds[c.name],
            "by": "gradients" if c.gradients else "solved", "reason": c.reason,
        }
        for c in candidates
    ]  # fmt: skip
    return {
        "schema": 1, "scheme": _scheme(config, lab.data)[0], "budget_seconds": config.budget_seconds,
        "beyond_budget": [name for name, one in seconds.items() if one > config.budget_seconds],
        "passed_over": [{"method": name, "why": why} for name, why in lab.passed_over],
        "read_rows_seconds": len(lab.data) * lab.forward_ms / 1000, "candidates": listed,
        "rows": {role: int((lab.data.roles == role).sum()) for role in ("train", "select", "confirm")},
        "columns": lab.data.mapping.columns,
    }  # fmt: skip


def scheme_of(config: Config, data: Dataset) -> str:
    """Return how the rows will serve: ``holdout``, ``kfold`` or ``nested``."""
    if config.scheme != "auto":
        return config.scheme
    confirm = {data.units[i] for i in data.where("confirm")}
    return "nested" if config.data.test is None and len(confirm) < LEAST_CONFIRM_UNITS else "holdout"


def prepare(config: Config, watch: Watch, work: Path) -> tuple[Lab, list[Candidate]]:
    """Read rows and base and list the candidates; every refusal of the user's input happens here, before any training."""
    task = open_task(config.task)
    goal = config.goal.model_copy(update={"metric": config.goal.metric or task.default_metric})
    goal = goal.checked({name: metric.bounds for name, metric in task.metrics.items()})
    chosen = [(folded(chain),) for chain in config.steps()]
    if config.scheme == "nested" and config.data.test:
        raise RecipeError(
            "nested cross-fitting uses every row in every role, so a test file has no part in it",
            expected="--scheme nested or --test", received="both", do="leave one of them out",
        )  # fmt: skip
    watch.report("reading", config.data.path)
    read = read_data(config, task)
    task = read.task
    space, data = _space(task, read.data, named(config.data.out_of_scope, task, read.data.targets))
    if config.bases:
        raise RecipeError(
            "a study compares methods on one base", expected="base", received=f"{len(config.bases)} bases",
            do="merge them with hasei derive, and give the folder that it leaves as base",
        )  # fmt: skip
    base = Base.open(config.base)
    refuse_other(base, task.input_kind)
    data = replace(data, licence_override=config.data.licence_override)
    refuse_conflict(base, data)
    metric = task.metrics[str(goal.metric)]
    work.mkdir(parents=True, exist_ok=True)
    lab = Lab(task, space, data, base, config.purpose, metric, watch, config.seed, work, config.data.slices)
    lab.today = Today.open(goal, read.table, data, task, space, read.test)
    if lab.today is not None:
        data = replace(data, findings=(*data.findings, *lab.today.findings))
        lab.data = data
    lab.costs = open_costs(config.prices, space.said, lambda labels: as_known(task, space, labels)[0])
    if config.data.keep:
        lab.kept, findings = read_kept(config.data.keep, lab)
        data = replace(lab.data, findings=(*lab.data.findings, *findings))
        lab.data = data
    if config.checks:
        lab.room = room_of(config, task, read, watch, base=base, open_trunk=lambda: lab.trunk, only_learnt_from=True)
    lab.watch.report("columns", data.mapping.why or ", ".join(f"{k}: {v}" for k, v in data.mapping.columns.items()))
    for finding in data.findings:
        lab.watch.report("finding", finding.message)
    picks = pick_methods(lab, chosen, int((data.roles == "train").sum()), everything=config.everything)
    lab.passed_over = picks.passed_over
    return lab, picks.candidates


@dataclass(frozen=True)
class Read:
    """The files as read, the task with the entries that it answers from, and the data set made of them."""

    task: Task
    table: rooms.Table
    test: rooms.Table | None
    mapping: rooms.Mapping
    data: Dataset


def read_data(config: Config, task: Task) -> Read:
    """Read and assemble the rows that *config* names."""
    table = arranged(task, rooms.read(Path(config.data.path), where=list(config.data.where) or None))
    test = arranged(task, rooms.read(Path(config.data.test))) if config.data.test else None
    mapping = rooms.guess(table, task.columns, config.data.chosen)
    task = opened_over(task, [table, *([test] if test else [])], mapping, config.data.corpus)
    tables, group = gathered(task, [table, *([test] if test else [])], mapping, config.data.group)
    table, test = tables[0], tables[1] if test else None
    data = rooms.assemble(
        table, mapping, columns=task.columns, clean=task.clean, test=test, group=group,
        licence=config.data.licence, extras=config.extras,
    )  # fmt: skip
    return Read(task, table, test, mapping, with_beside(with_entries(data, task), task, config.data.beside))


def room_of(config: Config, task: Task, read: Read, watch: Watch, **others: Any) -> Room:
    """Return what the checks of the data may look at."""
    room = open_room(
        task, read.table, read.mapping, read.data, test=read.test, group=config.data.group, time=config.data.time,
        identifier=config.data.id, slices=config.data.slices, watch=watch, seed=config.seed, **others,
    )  # fmt: skip
    refuse_unfit(room)  # in a study a check that can't look is only noted
    return room


def _space(task: Task, data: Dataset, scope: Scope | None) -> tuple[Space, Dataset]:
    """Learn the space from train and select rows; confirm rows outside it are dropped and said."""
    seen = [data.targets[i] for i in data.where("train", "select")]
    space = replace(task.space(seen), scope=scope)
    known = task.knows(space, data.targets)
    findings: list[Finding] = list(data.findings)
    if not known.all():
        lost = [i for i in range(len(data)) if not known[i]]
        names = sorted({data.targets[i] for i in lost})
        findings.append(Finding(
            "unseen_class", "warning",
            _("{n} confirm rows have a label that no train row has ({names}): dropped", n=len(lost),
              names=", ".join(names[:5])),
            file=data.files[lost[0]], rows=tuple(int(data.lines[i]) for i in lost), do=_("add train rows with this label"),
        ))  # fmt: skip
        data = data.take(known.nonzero()[0])
    return space, replace(data, findings=tuple(findings))


def _run(config: Config, lab: Lab, clock: Clock, candidates: Sequence[Candidate], out: Path) -> Result:
    run_id = hash_json(
        {"out": str(out.resolve()), "data": lab.data.fingerprint, "seed": config.seed, "started": _started(lab)}
    )
    name, run = _scheme(config, lab.data)
    if config.seeds > 1 and scheme_of(config, lab.data) != "holdout":
        message = _("finalists are trained once: several seeds (--seeds) are only tried with --scheme holdout")
        lab.found(Finding("seeds", "note", message, do=_("add --scheme holdout, or leave out --seeds")))
    look(lab, clock)
    with new_folder(out) as folder:
        with energy(config.prices.country) as meter:
            choice, found, model, confirmed = run(lab, clock, candidates, folder, run_id)
        tabled = [*candidates, *(c for c in choice.roles if c.origin is None)]
        report = make_report(
            lab, choice, found, confirmed, tabled, scheme=name, seconds=clock.spent,
            budget=config.budget_seconds, folder=out.as_posix() if not out.is_absolute() else out.name,
        )  # fmt: skip
        report |= {"energy": meter.used, "asked": config.asked()}
        kept = records.record_of(report) | records.operating(lab, choice)
        lineage.update_record(model.folder, model.record | kept)
        records.write_predictions(folder / "predictions.parquet", lab, candidates, choice, confirmed, found)
        write_json(folder / "verdict.json", found.ruling.to_json(), canonical=True)
        records.write_extras(folder, report, lab)
        report["seconds"] = clock.spent
        write_json(folder / "report.json", report)
    return Result(found.ruling.decision, report, out, tuple(candidates))


def _scheme(config: Config, data: Dataset) -> tuple[str, Any]:
    """Return how the report calls the scheme, and the function that runs it."""
    scheme = scheme_of(config, data)
    if scheme == "nested":
        return "nested cross-fitting (5 x 4)", run_crossfit
    if scheme == "kfold":
        return f"{config.folds}-fold cross-validation", partial(run_kfold, count=config.folds)
    return scheme, partial(run_holdout, seeds=config.seeds)


def _started(lab: Lab) -> str:
    """What stays the same when a stopped run is resumed, and differs for a new one."""
    import uuid

    path = lab.work / "run.json"
    if not path.is_file():
        write_json(path, {"id": uuid.uuid4().hex})
    return path.read_text("utf-8")
