"""The usual scheme: trials from train rows scored on select rows, one opening of confirm rows."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hasei.derive.derived import DerivedModel
from hasei.ground.errors import HaseiError, RunFailed, Stopped
from hasei.ground.events import DeadlineReached
from hasei.ground.language import _
from hasei.judge.ledger import open_confirm
from hasei.judge.study.candidates import Candidate
from hasei.judge.study.clock import FINISH_SECONDS, Clock
from hasei.judge.study.confirm import Choice, Confirmed, Verdict, choose, commit, refit, verdict
from hasei.judge.study.curves import LearningCurve, learning_curve
from hasei.judge.study.lab import Lab
from hasei.judge.study.looking import look_closer
from hasei.judge.study.racing import Race, keep_states
from hasei.judge.study.retention import answer_kept
from hasei.judge.study.seeds import try_again
from hasei.tasks._scope import as_read

MOST_FEATURES = 0.6
"""Share of the budget that reading the rows once with the base may take; beyond it trials see fewer rows."""

MOST_CONFIRM = 0.25
"""Share of the budget in which a model must be able to answer the confirm rows; beyond it fewer of them are opened."""
LEAST_CONFIRM_UNITS = 400


def run_holdout(
    lab: Lab, clock: Clock, candidates: Sequence[Candidate], folder: Path, run_id: str, *, seeds: int = 1
) -> tuple[Choice, Verdict, DerivedModel, Confirmed]:
    """Run the whole scheme; W is left in ``folder/model`` and R in ``folder/reference``. Finalists are tried *seeds* times."""
    fit, select = lab.ordered("train"), lab.ordered("select")
    confirm = set_aside(lab, clock, fit)
    fit, select = lab.within(clock, fit, select, MOST_FEATURES)
    lab.prepare(np.concatenate([fit, select]))
    keep_states(lab, _affordable(lab, clock, candidates, len(fit)))
    rows = np.sort(np.concatenate([fit, select]))
    race = Race(lab, clock, fit, select, len(rows), shortens=True)
    race.run(candidates)
    try_again(race, candidates, seeds)
    look_closer(lab, clock, rows)
    curve = learning_curve(lab, clock, candidates, rows)
    return confirm_once(lab, clock, candidates, rows, select, confirm, folder, run_id, curve)


def set_aside(lab: Lab, clock: Clock, fit: np.ndarray) -> np.ndarray:
    """Return the confirm rows that will be opened, and keep back the time in which W answers them."""
    confirm = lab.ordered("confirm")
    lab.measure_forward([lab.data.inputs[i] for i in fit])
    confirm = _answerable(lab, clock, confirm)
    clock.reserve = FINISH_SECONDS + _answering(lab, confirm)
    return confirm


def _answering(lab: Lab, confirm: np.ndarray) -> float:
    """Seconds in which one model answers the confirm rows."""
    return 1.2 * len(confirm) * lab.forward_ms / 1000


def confirm_once(
    lab: Lab, clock: Clock, candidates: Sequence[Candidate], rows: np.ndarray, scored: np.ndarray, confirm: np.ndarray,
    folder: Path, run_id: str, curve: LearningCurve | None,
) -> tuple[Choice, Verdict, DerivedModel, Confirmed]:  # fmt: skip
    """Choose by the rows *scored*, refit on *rows*, commit, open the confirm rows once and judge."""
    choice, models = _refit_all(lab, clock, list(candidates), rows, scored, folder, _answering(lab, confirm))
    commitment = commit(lab, choice)
    commitment.write(folder / "commitment.json")
    opening = open_confirm(lab.units(confirm), commitment, fingerprint=lab.data.fingerprint, run_id=run_id)
    lab.note("opening", number=opening.number, alpha=opening.alpha, commitment=opening.commitment_hash)
    inputs = [lab.data.inputs[i] for i in confirm]
    outputs = {}
    for name, model in models.items():
        lab.watch.report("confirming", name)
        outputs[name] = model.outputs(inputs, lab.watch)
    answers = {name: lab.task.answers(models[name].space, found) for name, found in outputs.items()}
    of_winner = as_read(models[choice.winner.name].space, outputs[choice.winner.name])
    kept = answer_kept(lab, models, choice.winner.name, choice.reference.name)
    confirmed = Confirmed(confirm, answers, opening, of_winner, kept=kept)
    winner = models[choice.winner.name]
    return choice, verdict(lab, choice, confirmed, commitment, winner, curve), winner, confirmed


def _answerable(lab: Lab, clock: Clock, confirm: np.ndarray) -> np.ndarray:
    """Return the confirm rows that one model can answer in a quarter of the budget, a fair part of all, chosen unseen."""
    keep = MOST_CONFIRM * clock.budget / max(1e-9, 1.2 * len(confirm) * lab.forward_ms / 1000)
    if keep >= 1:
        return confirm
    part = confirm[: max(LEAST_CONFIRM_UNITS, int(len(confirm) * keep))]
    why = _("answering all of them would take too much of the budget")
    lab.note("rows", confirm=len(part), of=len(confirm), why=why)
    return part


def _affordable(lab: Lab, clock: Clock, candidates: Sequence[Candidate], rows: int) -> list[Candidate]:
    """Those gradient candidates that could be run at all: states are kept for no others."""
    race = Race(lab, clock, np.arange(rows), np.arange(1), rows, shortens=True)
    least = {c.name: race.schedules(c)[-1] for c in candidates if c.gradients}
    return [c for c in candidates if c.gradients and 2 * race.effort_seconds(least[c.name], rows) <= clock.free()]


def _refit_all(
    lab: Lab, clock: Clock, candidates: list[Candidate], rows: np.ndarray, scored: np.ndarray, folder: Path, one: float
) -> tuple[Choice, dict[str, DerivedModel]]:
    """Choose by the rows *scored* and refit W, R and the base; without W where its refit does not finish in time."""
    while True:
        choice = choose(lab, lab.with_today(candidates, scored))
        watch = lab.watch.until(clock.deadline - 0.8 * clock.reserve)
        lab.watch.report("refitting", _("{name} on {rows} rows", name=choice.winner.name, rows=f"{len(rows):,}"))
        try:
            models = {choice.winner.name: refit(lab, choice.winner, rows, folder / "model", watch)}
            break
        except Stopped:
            raise
        except (DeadlineReached, RunFailed) as error:
            if choice.winner.role == "cheap truth":
                raise
            why = _("its refit on all rows did not finish within the budget")
            why = str(error) if isinstance(error, HaseiError) else why
            choice.winner.status, choice.winner.why = "raced out", why
            lab.note("dropped", candidate=choice.winner.name, status="raced out", why=why)
    if choice.base is not choice.reference and clock.free() < one:
        choice = replace(choice, base=None)  # what is printed beside the verdict must not cost the promised time
    # The base as it is is only measured: its folder is not part of what the study leaves.
    for place, candidate in ((folder / "reference", choice.reference), (lab.work / "base", choice.base)):
        if candidate is not None and candidate.origin is not None and candidate.name not in models:
            shutil.rmtree(place, ignore_errors=True)
            models[candidate.name] = refit(lab, candidate, rows, place, lab.watch)
    return choice, models
