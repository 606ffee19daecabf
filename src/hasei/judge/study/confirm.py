"""After the trials: choose, commit, refit, load back, open the confirm rows once, and gather the evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hasei.derive.derived import DerivedModel
from hasei.derive.run import run_step, write
from hasei.ground.errors import BudgetError, RunFailed
from hasei.ground.events import Watch
from hasei.ground.files import hash_json
from hasei.ground.language import language
from hasei.ground.statistics import Forecast
from hasei.judge.cost import monthly
from hasei.judge.decision import doubt_of, pick
from hasei.judge.evidence import Facts, change_first, facts_from
from hasei.judge.ledger import Commitment, Opening
from hasei.judge.ruling import CONSTANT, TODAY, Case, Fitted, Limit, Ruling, Sheet, rule
from hasei.judge.study.candidates import Candidate
from hasei.judge.study.curves import LearningCurve
from hasei.judge.study.lab import Lab, base_as_it_is, frozen_step
from hasei.judge.study.retention import Kept
from hasei.tasks import Answers, Floats, rivals

_LATENCY_ROWS = 60


@dataclass(frozen=True)
class Choice:
    """W, R and the base as it is, as chosen on select rows; the latter None where it was not tried."""

    winner: Candidate
    reference: Candidate
    base: Candidate | None

    @property
    def roles(self) -> list[Candidate]:
        """The distinct candidates among the three."""
        found: list[Candidate] = []
        for candidate in (self.winner, self.reference, self.base):
            if candidate is not None and candidate not in found:
                found.append(candidate)
        return found


@dataclass(frozen=True)
class Confirmed:
    """What one opening showed: the answers of each candidate, by name, for the confirm rows *rows* (n,).

    *outputs* (n, k) are those of W as they are read as answers. *crossed*: each row was answered by a model of another fold.
    *kept*: answers for rows that must not be forgotten.
    """

    rows: np.ndarray
    answers: dict[str, Answers]
    opening: Opening
    outputs: Floats | None = None
    se_factor: float = 1.0
    kept: Kept | None = None

    @property
    def crossed(self) -> bool:
        """Whether answers are cross-fitted."""
        return self.se_factor != 1.0


@dataclass(frozen=True)
class Verdict:
    """The ruling with the case and the sheet that it follows from."""

    ruling: Ruling
    case: Case
    sheet: Sheet
    latency_p95_ms: float | None = None
    curve: LearningCurve | None = None


def choose(lab: Lab, candidates: Sequence[Candidate]) -> Choice:
    """Return W, the best on select (within half a point the cheaper), and R, the best cheap truth.

    Where a cheap truth would be W there is no derived model to judge: W is R then, so that one name is recommended.
    """
    done = [c for c in candidates if c.status == "done" and c.select is not None]
    cheap = [c for c in done if c.role == "cheap truth"]
    if len(done) < 2 or not cheap:
        why = next((f": {c.name}: {c.why}" for c in candidates if c.status in ("failed", "raced out")), "")
        raise BudgetError(
            f"the budget was too small for anything but a constant answer{why}", expected="at least about twice as much here",
            do="give a larger --budget",
        )  # fmt: skip
    made = [
        c for c in done if c.origin is not None
    ]  # today's process may be the reference, but nothing can be shipped of it
    winner, reference = _pick(lab, made), _pick(lab, cheap, tolerance=0.0)
    if winner.role == "cheap truth" and reference.origin is not None:
        winner = reference
    return Choice(winner, reference, base_as_it_is(done, lab.metric))


def _pick(lab: Lab, candidates: list[Candidate], tolerance: float = 0.005) -> Candidate:
    scores = [c.level for c in candidates]
    share = lab.metric.bounds == (0.0, 1.0)
    leader = max(candidates, key=lambda c: lab.metric.direction * c.level)
    best = pick(
        scores, [_price(c) for c in candidates], direction=lab.metric.direction, tolerance=tolerance if share else 0.0,
        charges=[_charge(lab, c) for c in candidates] if share else None,
        doubt=doubt_of(leader.select.se) if leader.select else 0.0,
    )  # fmt: skip
    if best is None:
        raise RunFailed("no candidate has a score", do="look at the reasons in the table")
    return candidates[best]


def _charge(lab: Lab, candidate: Candidate) -> float:
    """The share of right answers that pays for a month of its predictions; 0 where prices are unknown."""
    prices = lab.purpose.prices
    return prices.breakeven_gain(monthly(prices, _predict_ms(candidate), _paid(candidate))) or 0.0


def _predict_ms(candidate: Candidate) -> float:
    return candidate.trial.predict_ms_per_row if candidate.trial else candidate.ms_per_row or 0.0


def _paid(candidate: Candidate) -> float:
    return candidate.trial.paid_per_row if candidate.trial else 0.0


def _price(candidate: Candidate) -> float:
    """What choosing is to cost: inference first, then training, both in powers of two: timings are noisy."""
    if candidate.trial is None:
        return 0.0  # today's process is there already
    measured = (candidate.trial.predict_ms_per_row, candidate.trial.train_seconds)
    predict, train = (round(math.log2(max(value, 1e-2))) for value in measured)
    return predict * 1000.0 + train


def commit(lab: Lab, choice: Choice) -> Commitment:
    """Fix metric, goal, smallest gain, W and R, before any confirm row is read."""
    return Commitment(
        metric=lab.metric.name, at_least=lab.purpose.goal.at_least, delta=lab.purpose.delta(extra_per_month(lab, choice)),
        winner=choice.winner.name, reference=choice.reference.name, asked=_asked(lab),
    )  # fmt: skip


def _asked(lab: Lab) -> str:
    """What the smallest gain follows from, where prices tell it: the gain itself then varies with measured times."""
    purpose = lab.purpose
    if purpose.prices.breakeven_gain(0.0) is None:
        return ""
    return hash_json({"smallest_gain": purpose.smallest_gain, "prices": purpose.prices.model_dump(mode="json")})


def extra_per_month(lab: Lab, choice: Choice) -> float:
    """Return what W's predictions cost more a month than R's, in machine time."""
    winner, reference = (
        monthly(lab.purpose.prices, _predict_ms(c), _paid(c)) for c in (choice.winner, choice.reference)
    )
    return winner - reference


def refit(
    lab: Lab, candidate: Candidate, rows: np.ndarray, folder: Path, watch: Watch, *, frozen: bool = True
) -> DerivedModel:
    """Derive *candidate* again from *rows* with the settings found (or, not *frozen*, choosing them again) into *folder*."""
    step = frozen_step(candidate) if frozen else candidate.step
    context = lab.context(step, rows, watch)
    ran = run_step(step, context)
    lab.note("refit", candidate=candidate.name, rows=len(rows), seconds=ran.seconds)
    if candidate.trial is not None:  # no method knows the threshold that the trial chose, but answers are read by it
        context = replace(context, space=candidate.trial.space)
    return write(ran, step, lab.recipe(candidate.step), context, lab.data, folder, {"train_seconds": ran.seconds})


def verdict(
    lab: Lab, choice: Choice, confirmed: Confirmed, commitment: Commitment, model: DerivedModel,
    curve: LearningCurve | None,
) -> Verdict:  # fmt: skip
    """Apply the rule to what the opening showed; metric, goal and smallest gain are those committed to."""
    goal = lab.purpose.goal
    inputs = [lab.data.inputs[i] for i in confirmed.rows[:_LATENCY_ROWS]]
    latency = latency_p95(model, inputs) if goal.latency_p95_ms else None
    confirmed.answers.setdefault(CONSTANT, lab.constant(confirmed.rows))
    if lab.today is not None:
        confirmed.answers.setdefault(TODAY, lab.today.answers(confirmed.rows))
    case = _case(lab, choice, confirmed, commitment, latency, curve)
    sheet = _sheet(lab, choice, confirmed)
    return Verdict(rule(case, sheet), case, sheet, latency, curve)


def _case(
    lab: Lab, choice: Choice, confirmed: Confirmed, commitment: Commitment, latency: float | None,
    curve: LearningCurve | None,
) -> Case:  # fmt: skip
    opening = confirmed.opening
    # What a head would gain from more rows says nothing of another winner.
    own = curve if curve is not None and curve.candidate == choice.winner.name else None
    ahead = own.at_four if own else None
    measured = {c.name: c.trial for c in choice.roles if c.trial is not None}
    figure, goal = None, lab.purpose.goal
    if goal.today is not None and goal.today.value is not None:
        figure = goal.today.value, goal.today.rows
    return Case(
        task=lab.task.name, metric=commitment.metric, names=lab.space.said, winner=choice.winner.name,
        reference=choice.reference.name, base=choice.base.name if choice.base else None,
        winner_is_cheap=choice.winner.role == "cheap truth", number=opening.number, alpha=opening.alpha,
        alpha_next=opening.alpha_next, exploratory=opening.exploratory, commitment=opening.commitment_hash,
        se_factor=confirmed.se_factor, kpi=commitment.at_least, delta=commitment.delta,
        prices=lab.purpose.prices.model_dump(mode="json"),
        ms_per_row={name: trial.predict_ms_per_row for name, trial in measured.items()}
        | ({TODAY: lab.today.ms_per_row} if lab.today else {}),
        paid_per_row={name: trial.paid_per_row for name, trial in measured.items() if trial.paid_per_row},
        wish=goal.automate_at, today=figure, change_first=_change_first(lab, choice, ahead),
        train_seconds={name: trial.train_seconds for name, trial in measured.items()},
        limits=_limits(lab, choice, latency),
        ahead=(ahead.value, ahead.optimistic, ahead.pessimistic) if ahead else None,
        train_rows=own.train_rows if own else None,
        before=confirmed.kept.other if confirmed.kept else "", language=language(),
        out_of_scope=lab.space.scope.label if lab.space.scope else None,
    )  # fmt: skip


def _change_first(lab: Lab, choice: Choice, ahead: Forecast | None) -> str:
    """Say what to change first if nothing is good enough, by what the data room and the learning curve have shown."""
    if lab.metric.bounds != (0.0, 1.0) or lab.metric.direction != 1:
        return ""
    trial = choice.winner.trial
    layer = getattr(trial.frozen, "layer", None) if trial else None
    facts = Facts(
        value=choice.winner.level, goal=lab.purpose.goal.at_least, rows=trial.rows if trial else 0, later=ahead,
        layer=layer, layers=lab.trunk.layers if layer is not None else None,
    )  # fmt: skip
    return change_first(facts_from(lab.data.findings, facts)).sentence


def _sheet(lab: Lab, choice: Choice, confirmed: Confirmed) -> Sheet:
    trial, rows = choice.winner.trial, confirmed.rows
    fitted, chosen_by = None, None
    scores = None if confirmed.outputs is None else rivals(lab.task, confirmed.outputs)
    if trial is not None and not confirmed.crossed and scores is not None:
        costs = lab.row_costs(trial.scored, trial.answers.values)
        fitted = Fitted(
            np.asarray(rivals(lab.task, trial.outputs), np.float32), list(trial.answers.values), lab.truth(trial.scored),
            lab.units(trial.scored), costs,
        )  # fmt: skip
    if trial is not None and lab.space.scope is not None:
        chosen_by = np.asarray(trial.outputs, np.float32), lab.truth(trial.scored)
    return Sheet(
        units=lab.units(rows), truth=lab.truth(rows), answers={n: list(a.values) for n, a in confirmed.answers.items()},
        costs={n: c for n, a in confirmed.answers.items() if (c := lab.row_costs(rows, a.values)) is not None},
        stakes=lab.row_stakes(rows),
        outputs=None if scores is None else np.asarray(scores, np.float32),
        slices={name: [lab.data.extras[name][i] for i in rows] for name in lab.slices}, fitted=fitted,
        chosen_by=chosen_by,
        kept=None if confirmed.kept is None else (
            confirmed.kept.data.units, confirmed.kept.truth, confirmed.kept.winner, confirmed.kept.before,
        ),
    )  # fmt: skip


def _limits(lab: Lab, choice: Choice, latency: float | None) -> tuple[Limit, ...]:
    goal, trial = lab.purpose.goal, choice.winner.trial
    found = []
    if goal.latency_p95_ms and latency is not None:
        found.append(Limit(name="latency", value=latency, most=goal.latency_p95_ms))
    if goal.size_mb and trial is not None:
        found.append(Limit(name="size", value=trial.bytes / 1e6, most=goal.size_mb))
    return tuple(found)


def latency_p95(model: DerivedModel, inputs: list[Any]) -> float:
    """Milliseconds for one row at a time, 95th percentile, after a warm-up."""
    import time

    times = []
    model.outputs(inputs[:1])
    for one in inputs:
        start = time.perf_counter()
        model.outputs([one])
        times.append((time.perf_counter() - start) * 1000)
    return float(np.percentile(times, 95))


__all__ = [
    "Choice", "Confirmed", "Verdict", "choose", "commit", "latency_p95", "refit", "verdict",
]  # fmt: skip
