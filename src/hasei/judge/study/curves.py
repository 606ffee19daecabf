"""What more rows would bring: the best solved head on nested parts of the train rows, and a forecast from there.

Each part is learnt from afresh and scored on the same rows. The forecast for the rule of the verdict (does the goal stay
out of reach at four times the rows?) is :func:`hasei.ground.statistics.forecast`; the one that is shown, for twice and four
times the rows, is the calibrated one of :mod:`hasei.ground.statistics.doubling`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hasei.ground.statistics import Forecast, Interval, effective_units, forecast, train_rows_for
from hasei.ground.statistics.doubling import Ahead, ahead
from hasei.judge.evaluation import score
from hasei.judge.study.candidates import Candidate
from hasei.judge.study.clock import Clock
from hasei.judge.study.lab import Lab, frozen_step

SHARES = (0.125, 0.25, 0.5, 1.0)
TIMES = (2.0, 4.0)
LEAST_SECONDS = 3.0
_MOST_SHARE = 0.15
"""Of the free time: what nobody needs for the verdict must not eat the refits."""


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


def learning_curve(
    lab: Lab, clock: Clock, candidates: Sequence[Candidate], fit: np.ndarray, scored: np.ndarray
) -> LearningCurve | None:
    """Return the learning curve of the best solved head, None where there is none or no time for it."""
    solved = [c for c in candidates if c.role == "derived" and not c.gradients and c.trial and c.select]
    if not solved:
        return None
    best = max(solved, key=lambda c: lab.metric.direction * c.level)
    needed = (best.trial.train_seconds if best.trial else 0.0) * sum(SHARES)
    goal = lab.purpose.goal.at_least
    free = clock.free()
    if free < LEAST_SECONDS or needed > free * (0.5 if goal is not None else _MOST_SHARE):
        lab.note("learning curve", why="no time of the budget was left")
        return None
    points = []
    for share in SHARES:
        part = fit[: max(lab.space.width, int(len(fit) * share))]
        trial = lab.try_out(frozen_step(best), part, scored, lab.watch.until(clock.until(clock.free())))
        rows = trial.scored
        points.append((len(part), score(lab.metric, trial.answers.values, lab.truth(rows), lab.units(rows), draws=200)))
    return _curve(lab, best.name, points, len(fit), scored, goal)


def _curve(
    lab: Lab, name: str, points: list[tuple[int, Interval]], rows: int, scored: np.ndarray, goal: float | None
) -> LearningCurve:
    sizes, values = [n for n, _ in points], [i.value for _, i in points]
    how: dict[str, Any] = {"se": points[-1][1].se, "direction": lab.metric.direction}
    at_four = forecast(sizes, values, 4 * rows, bounds=lab.metric.bounds, **how)
    found: list[Ahead] = []
    if lab.metric.bounds == (0.0, 1.0) and lab.metric.rowwise is not None and sizes[0] < sizes[1]:
        units = np.unique(np.array(lab.units(scored)), return_counts=True)[1]
        shares = (values[0], values[1], values[2], values[3])
        found = [f for t in TIMES if (f := ahead(shares, rows, effective_units(units), t)) is not None]
    lab.note("learning curve", sizes=sizes, scores=values, forecast_4x=at_four.value if at_four else None)
    reach = None if goal is None else train_rows_for(sizes, values, goal, **how)
    return LearningCurve(name, tuple(points), tuple(found), at_four, reach)
