"""The scheme for few rows: nested cross-fitting, every choice made inside, all outer folds one opening.

Five outer folds; in the rows outside each, four inner folds score every candidate, W and R are chosen, refitted, written,
loaded back, and answer the outer fold that none of this has seen. What is shipped is chosen by the five outer folds and
refitted on all rows, so the figures are of the procedure that made it; standard errors are widened by 1.5 (Nadeau &
Bengio 2003).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hasei.derive.derived import DerivedModel
from hasei.engine.splits import folds
from hasei.ground.errors import BudgetError
from hasei.ground.language import _
from hasei.judge.ledger import open_confirm
from hasei.judge.study.candidates import Candidate, Trial
from hasei.judge.study.clock import FINISH_SECONDS, Clock
from hasei.judge.study.confirm import Choice, Confirmed, Verdict, choose, commit, refit, verdict
from hasei.judge.study.curves import learning_curve
from hasei.judge.study.lab import Lab
from hasei.judge.study.looking import look_closer
from hasei.judge.study.racing import Race, keep_states
from hasei.judge.study.retention import answer_kept
from hasei.tasks import Answers, Floats
from hasei.tasks._scope import as_read

OUTER, INNER = 5, 4
SE_FACTOR = 1.5
INNER_SHARE = 0.8
"""What a round on four fifths of the rows costs against one on all of them."""
LEAST_ROUNDS = 2
"""Inner folds below which nothing can be chosen: one fold has no other to be scored by."""
LEAST_CONFIRM_UNITS = 400
_FITS = OUTER * INNER + OUTER + OUTER + 1
"""Trainings of one candidate in the whole scheme, its refits counted in."""


def run_crossfit(
    lab: Lab, clock: Clock, candidates: Sequence[Candidate], folder: Path, run_id: str
) -> tuple[Choice, Verdict, DerivedModel, Confirmed]:
    """Run the whole scheme; W of all rows is left in ``folder/model``, R in ``folder/reference``."""
    rows = lab.ordered("train", "select", "confirm")
    units = [lab.data.units[i] for i in rows]
    lab.prepare(rows)
    lab.measure_forward([lab.data.inputs[i] for i in rows])
    clock.reserve = FINISH_SECONDS + OUTER * 2 * len(rows) / OUTER * lab.forward_ms / 1000
    skip_the_slow(lab, clock, candidates, len(rows) * (OUTER - 1) // OUTER * (INNER - 1) // INNER, trainings=_FITS)
    keep_states(lab, [c for c in candidates if c.gradients])
    outer = folds(units, OUTER, lab.seed)
    seconds = score_by_folds(lab, clock, candidates, rows, outer, "trying")
    inner = _inner_folds(lab, clock, drop_the_slow(lab, clock, candidates, seconds, len(rows) // OUTER))
    look_closer(lab, clock, rows)
    choice = choose(lab, lab.with_today(candidates, rows))
    commitment = commit(lab, choice)
    commitment.write(folder / "commitment.json")
    opening = open_confirm(units, commitment, fingerprint=lab.data.fingerprint, run_id=run_id)
    lab.note("opening", number=opening.number, alpha=opening.alpha, commitment=opening.commitment_hash)
    answers, outputs = _outer_answers(lab, clock, candidates, rows, outer, choice, inner)
    curve = learning_curve(lab, clock, candidates, rows)
    model = refit(lab, choice.winner, rows, folder / "model", lab.watch, frozen=False)
    models = {choice.winner.name: model}
    if choice.reference is not choice.winner and choice.reference.origin is not None:
        models[choice.reference.name] = refit(
            lab, choice.reference, rows, folder / "reference", lab.watch, frozen=False
        )
    kept = answer_kept(lab, models, choice.winner.name, choice.reference.name)
    confirmed = Confirmed(rows, answers, opening, outputs, SE_FACTOR, kept)
    return choice, verdict(lab, choice, confirmed, commitment, model, curve), model, confirmed


def skip_the_slow(lab: Lab, clock: Clock, candidates: Sequence[Candidate], rows: int, *, trainings: int) -> None:
    """A candidate whose *trainings* on *rows* can't fit is skipped before anything is seen: no choice, so no leak."""
    race = Race(lab, clock, np.arange(rows), np.arange(1), rows)
    slow = sorted((c for c in candidates if c.gradients), key=lambda c: race.effort_seconds(c.step, rows))
    left = 0.8 * clock.free()
    for candidate in slow:
        needed = trainings * race.effort_seconds(candidate.step, rows)
        if needed > left:
            candidate.status = "skipped"
            candidate.why = _(
                "its {n} trainings in cross-fitting would take about {needed} s, {free} s are free; with --scheme holdout it "
                "is trained about twice", n=trainings,
                needed=f"{needed:.0f}", free=f"{max(0.0, left):.0f}",
            )  # fmt: skip
            lab.note("dropped", candidate=candidate.name, status="skipped", why=candidate.why)
        else:
            left -= needed


def drop_the_slow(lab: Lab, clock: Clock, candidates: Sequence[Candidate], seconds: float, held: int) -> float:
    """Skip the slowest derived candidates until two inner folds of the others fit; return the *seconds* of a round then.

    By time alone, whatever the scores, so it is no choice that the outer folds would have to judge. The fastest one stays.
    """
    tried = [(c, c.trial) for c in candidates if c.status == "done" and c.role == "derived" and c.trial is not None]
    needs = {c.name: t.train_seconds + held * t.predict_ms_per_row / 1000 for c, t in tried}
    for candidate in sorted((c for c, __ in tried), key=lambda c: needs[c.name], reverse=True)[:-1]:
        if _rounds(clock, seconds) >= LEAST_ROUNDS:
            break
        candidate.status = "skipped"
        candidate.why = _(
            "its trainings in cross-fitting took longer than foreseen: about {needed} s each, and {free} s are left",
            needed=f"{needs[candidate.name]:.0f}", free=f"{max(0.0, clock.free()):.0f}",
        )  # fmt: skip
        lab.note("dropped", candidate=candidate.name, status="skipped", why=candidate.why)
        seconds = max(0.0, seconds - needs[candidate.name])
    return seconds


def _rounds(clock: Clock, seconds: float) -> float:
    """Return how many rounds of *seconds* in each outer fold fit, beside half a one for refits."""
    return clock.free() / max(OUTER * seconds * INNER_SHARE, 1e-9) - 0.5


def _inner_folds(lab: Lab, clock: Clock, seconds: float) -> int:
    """Return how many inner folds the budget allows, four at the most, after one round of all candidates took *seconds*.

    Fewer inner folds choose less steadily, which the outer folds then show; fewer than two choose nothing.
    """
    rounds = _rounds(clock, seconds)
    if rounds < LEAST_ROUNDS:
        needed = clock.spent + clock.reserve + 3 * OUTER * seconds
        raise BudgetError(
            "the budget is too small for cross-fitting these rows", expected=f"at least {1.2 * needed:.0f}s here",
            received=f"{clock.budget:.0f}s", do="give a larger --budget, or fewer methods with --methods",
        )  # fmt: skip
    inner = min(INNER, int(rounds))
    if inner < INNER:
        why = _("one round of all candidates takes {seconds} s", seconds=f"{seconds:.0f}")
        lab.note("inner folds", count=inner, why=why)
    return inner


def score_by_folds(
    lab: Lab, clock: Clock, candidates: Sequence[Candidate], rows: np.ndarray, fold: np.ndarray, stage: str = ""
) -> float:
    """Give every candidate one trial whose answers cover *rows*, each row answered by a fold's model that has not seen it.

    Returns the seconds that a fold usually takes (the first one also pays for what is done once).
    """
    times = []
    parts: dict[int, list[Trial]] = {}
    for number in range(int(fold.max()) + 1):
        start = clock.spent
        if stage:
            lab.watch.report(stage, _("all candidates, fold {n} of {folds}", n=number + 1, folds=int(fold.max()) + 1))
        fit, held = rows[fold != number], rows[fold == number]
        running = {i: _afresh(c) for i, c in enumerate(candidates) if c.status == "waiting"}
        Race(lab, clock, fit, held, len(fit), silent=True).run(list(running.values()))
        for i, tried in running.items():
            if tried.trial is not None:
                parts.setdefault(i, []).append(tried.trial)
            else:
                candidates[i].status, candidates[i].why = tried.status, tried.why
        times.append(clock.spent - start)
    for i, trials in parts.items():
        if candidates[i].status == "waiting":
            lab.judge(candidates[i], _joined(lab, trials))
    lab.set_gains(candidates)
    return float(np.median(times))


def _afresh(candidate: Candidate) -> Candidate:
    return replace(candidate, trial=None, select=None, status="waiting", why="", rungs=[])


def _joined(lab: Lab, trials: list[Trial]) -> Trial:
    """Return one trial over all folds; seconds are the mean of one training."""
    outputs, scored = np.concatenate([t.outputs for t in trials]), np.concatenate([t.scored for t in trials])
    space, answers = lab.answered(outputs, scored)
    return replace(
        trials[0], outputs=outputs, answers=answers, space=space, scored=scored,
        train_seconds=float(np.mean([t.train_seconds for t in trials])),
    )  # fmt: skip


def _outer_answers(
    lab: Lab,
    clock: Clock,
    candidates: Sequence[Candidate],
    rows: np.ndarray,
    outer: np.ndarray,
    choice: Choice,
    count: int,
) -> tuple[dict[str, Answers], Floats | None]:
    """Answer every row by the W, R and base that its outer fold's inner folds chose, each loaded back from its folder.

    Returns the answers by name, and the outputs (n, width) behind those of W.
    """
    said: dict[str, dict[int, tuple[Any, float]]] = {c.name: {} for c in choice.roles}
    winners: Floats | None = None
    for number in range(OUTER):
        lab.watch.report(
            "confirming", _("outer fold {n} of {folds}: choosing inside, then answering", n=number + 1, folds=OUTER)
        )
        fit, held = rows[outer != number], rows[outer == number]
        inside = [
            replace(c, trial=None, select=None, status="waiting", rungs=[]) for c in candidates if c.status == "done"
        ]
        inner = folds([lab.data.units[i] for i in fit], count, lab.seed + 1)
        score_by_folds(lab, clock, inside, fit, inner)
        chosen = choose(lab, lab.with_today(inside, fit))
        answers: dict[str, Answers] = {}
        for name, candidate in _parts(choice, chosen):
            if candidate.name not in answers:
                answers[candidate.name], outputs = _answer(lab, candidate, fit, held)
                if candidate is chosen.winner and outputs is not None:
                    winners = np.zeros((len(rows), *outputs.shape[1:]), outputs.dtype) if winners is None else winners
                    winners[outer == number] = outputs
            one = answers[candidate.name]
            said[name] |= dict(zip(held.tolist(), zip(one.values, one.confidence.tolist())))
    in_order = {name: [by_row[i] for i in rows.tolist()] for name, by_row in said.items() if len(by_row) == len(rows)}
    return {
        n: Answers([v for v, _ in pairs], np.array([c for _, c in pairs])) for n, pairs in in_order.items()
    }, winners


def _answer(lab: Lab, candidate: Candidate, fit: np.ndarray, held: np.ndarray) -> tuple[Answers, Floats | None]:
    """Refit *candidate* on *fit*, load it back and let it answer *held*; today's process is only asked."""
    if candidate.origin is None and lab.today is not None:
        return lab.today.answers(held), None
    place = lab.work / "outer"
    shutil.rmtree(place, ignore_errors=True)
    model = refit(lab, candidate, fit, place, lab.watch, frozen=False)
    outputs = model.outputs([lab.data.inputs[i] for i in held], lab.watch)
    shutil.rmtree(place, ignore_errors=True)
    return lab.task.answers(model.space, outputs), as_read(model.space, outputs)


def _parts(shipped: Choice, chosen: Choice) -> list[tuple[str, Candidate]]:
    """Which name of the shipped choice each inner choice answers for: W for W, R for R, the base for the base.

    Where W and R are one candidate in what is shipped, its rows are answered by the inner W.
    """
    pairs = [(shipped.base, chosen.base), (shipped.reference, chosen.reference), (shipped.winner, chosen.winner)]
    return [(s.name, c) for s, c in pairs if s is not None and c is not None]
