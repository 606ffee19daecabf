"""What more rows would bring: the learning curve of the best solved head over the rows in hand, and a forecast from there.

Points are scored as :mod:`hasei.judge.study.nested` says, the forecast is :func:`hasei.ground.statistics.forecast`, whose
intervals were calibrated on curves measured by these same functions. It is of the solved head, the only one cheap enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from hasei.derive.recipe import Step
from hasei.derive.run import run_step
from hasei.engine.batching import Ints
from hasei.ground.errors import RunFailed
from hasei.ground.events import DeadlineReached
from hasei.ground.language import _
from hasei.ground.statistics import Forecast, Interval, effective_units, forecast, train_rows_for
from hasei.judge.evaluation import score
from hasei.judge.study.candidates import Candidate
from hasei.judge.study.clock import Clock
from hasei.judge.study.lab import Lab, frozen_step
from hasei.judge.study.nested import FOLDS, SHARES, Part, answer_parts, parts_of

TIMES = (1, 2, 4)
"""Once: the full run, which learns from all rows in hand, while each point of the curve is learnt from four fifths."""
LEAST_SECONDS = 3.0
LEAST_SCORED = 100
"""Fewer independent rows scored forecast nothing: the interval was never tried there."""
_SHARE_OF_FREE, _SHARE_FOR_A_GOAL = 0.15, 0.5
"""Of the free time: a curve that no goal waits for must not eat the refits."""
_SETTLING = 1.5
"""What finding the settings of smaller parts anew costs, beside learning from the parts."""


@dataclass(frozen=True)
class Ahead:
    """A score forecast at *rows* train rows, *times* those in hand, with its 90 % interval."""

    times: int
    rows: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class LearningCurve:
    """Scores of *candidate* by train rows, what is forecast from them, and the train rows that would reach the goal."""

    candidate: str
    points: tuple[tuple[int, Interval], ...]
    forecasts: tuple[Ahead, ...]
    at_four: Forecast | None = None
    train_rows: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the curve as it stands in a report."""
        return {
            "candidate": self.candidate,
            "points": [{"rows": n, "score": i.value, "low": i.low, "high": i.high} for n, i in self.points],
            "forecasts": [asdict(f) for f in self.forecasts],
        }  # fmt: skip


def learning_curve(lab: Lab, clock: Clock, candidates: Sequence[Candidate], rows: np.ndarray) -> LearningCurve | None:
    """Return the learning curve of the best solved head over *rows*, None (noted why) where none is or no time is left."""
    solved = [c for c in candidates if c.role == "derived" and not c.gradients and c.trial and c.select]
    if not solved:
        lab.note("learning curve", why=_("no head was solved"))
        return None
    best = max(solved, key=lambda c: lab.metric.direction * c.level)
    share = _SHARE_OF_FREE if lab.purpose.goal.at_least is None else _SHARE_FOR_A_GOAL
    limit = share * clock.free()
    try:
        parts = _Measured(lab, best, clock.until(limit), rows).parts(limit) if limit >= LEAST_SECONDS else []
        if parts:
            points = [(p.rows, _scored(lab, p)) for p in parts]
            return _continued(lab, best.name, points, parts[-1].scored, len(rows))
        free = f"{max(0.0, limit):.0f}"
        lab.note("learning curve", why=_("not to be had within the {seconds} s that were free for it", seconds=free))
    except DeadlineReached:
        why = _("not finished within the {seconds} s that were free for it", seconds=f"{limit:.0f}")
        lab.note("learning curve", why=why)
    except RunFailed as error:  # no reason to lose the study
        lab.note("learning curve", why=str(error))
    return None


class _Measured:
    """The best head, learnt again from parts of *rows* until the moment *until*."""

    def __init__(self, lab: Lab, best: Candidate, until: float, rows: np.ndarray) -> None:
        self.lab, self.best, self.watch = lab, best, lab.watch.until(until)
        # In a random order: first rows are then a fair part, whatever file or role they come from.
        self.rows = rows[np.random.default_rng(lab.seed).permutation(len(rows))]
        self.units = lab.units(self.rows)

    def parts(self, limit: float) -> list[Part]:
        """Return answers by size, of as many of the five folds as *limit* seconds allow; none where it is not one."""
        clock = Clock(limit)
        fit, held = parts_of(self.units, 1)[0][1][0]
        self.answer(frozen_step(self.best), fit, held)
        count = min(FOLDS, int(limit / max(1e-9, _SETTLING * clock.spent * sum(SHARES))))
        found = answer_parts(self.units, self.settle, self.answer, count) if count else []
        return [Part(p.rows, self.rows[p.scored], p.answers) for p in found]

    def settle(self, some: Ints) -> Step:
        """Return the step with the settings that hang on the number of rows found anew on *some* of them."""
        step = frozen_step(self.best)
        again = [name for name in getattr(step.plugin, "BY_ROWS", ()) if getattr(self.best.step.params, name) is None]
        if len(some) == len(self.rows) or not again:
            return step
        free = _with(step, dict.fromkeys(again))
        ran = run_step(free, self.lab.context(free, self.rows[some], self.watch))
        return _with(step, {name: getattr(ran.derivation.frozen, name) for name in again})

    def answer(self, step: Step, fit: Ints, held: Ints) -> Sequence[Any]:
        return self.lab.try_out(step, self.rows[fit], self.rows[held], self.watch).answers.values


def _with(step: Step, values: dict[str, Any]) -> Step:
    return replace(step, params=step.params.model_copy(update=values))


def _scored(lab: Lab, part: Part) -> Interval:
    return score(lab.metric, part.answers, lab.truth(part.scored), lab.units(part.scored), draws=200)


def _continued(lab: Lab, name: str, points: list[tuple[int, Interval]], scored: np.ndarray, rows: int) -> LearningCurve:
    sizes, values = [n for n, _ in points], [i.value for _, i in points]
    units = effective_units(np.unique(np.array(lab.units(scored)), return_counts=True)[1])
    how: dict[str, Any] = {
        "se": points[-1][1].se, "direction": lab.metric.direction, "bounds": lab.metric.bounds, "scored": units,
    }  # fmt: skip
    by_row = lab.metric.rowwise is not None
    ahead = {
        times: forecast(sizes, values, times * rows, by_row=by_row, **how) for times in TIMES if units >= LEAST_SCORED
    }
    found = tuple(
        Ahead(times, times * rows, f.value, min(f.optimistic, f.pessimistic), max(f.optimistic, f.pessimistic))
        for times, f in ahead.items()
        if f is not None
    )
    goal, at_four = lab.purpose.goal.at_least, ahead.get(4)
    lab.note("learning curve", sizes=sizes, scores=values, forecast_4x=at_four.value if at_four else None)
    reach = None if goal is None or not ahead else train_rows_for(sizes, values, goal, **how)
    return LearningCurve(name, tuple(points), found, at_four, reach)
