"""Scores and paired gains with intervals: the figures on which the decision rests.

Rows that belong together (one unit) are never taken for independent ones. Which interval is used depends on the scores:

==========================  =================================  ==========================================
scores                      :func:`score`                      :func:`compare`
==========================  =================================  ==========================================
0/1 per row, rows = units   Wilson                             exact McNemar below 30 discordant pairs,
                                                               else studentised bootstrap over units
any other mean of row       studentised bootstrap over units   studentised bootstrap over units
scores
anything else (macro-F1)    BCa bootstrap over units           BCa bootstrap over units
==========================  =================================  ==========================================

Units that all hold the same number of rows, with one score each, count as rows = units: copying all rows changes
nothing. A bootstrap can't see what its sample doesn't hold, so it is held to more: a share with fewer than 10 expected
errors reaches at least as far as Wilson's interval; a gain that rests on fewer than 30 differing units claims a sign
only where the exact test of these units does.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hasei.ground.errors import DataError, RunFailed
from hasei.ground.statistics import (
    Interval,
    Units,
    bootstrap_mean,
    bootstrap_measure,
    effective_units,
    mcnemar,
    mcnemar_test,
    too_few,
    wilson,
)  # fmt: skip
from hasei.ground.statistics.bootstrap import DRAWS, Floats, Ints
from hasei.ground.statistics.power import LEAST_ERRORS

if TYPE_CHECKING:
    from hasei.tasks import Metric

LEAST_DISCORDANT = 30
NUMBER = (int, float, np.number)


def score(
    metric: Metric, predicted: Sequence[Any], true: Sequence[Any], units: Sequence[str], *,
    alpha: float = 0.025, draws: int = DRAWS, seed: int = 0, se_factor: float = 1.0,
) -> Interval:  # fmt: skip
    """Return *metric* over all rows with its interval, in the unit and direction of the metric.

    *predicted*, *true* and *units* (n,) are of the same rows; *alpha* is one-sided. A metric that is no mean of row
    scores is computed *draws* + 51 times, so fewer draws may do where nothing hangs on the interval. *se_factor* is 1.5
    for cross-fitted predictions. Raises DataError without rows, RunFailed where the metric gives no number.
    """
    _check(true, predicted, units)
    interval = (
        _mean_score(_row_scores(metric, predicted, true), metric, units, alpha, draws, seed)
        if metric.rowwise
        else _measured_score(metric, predicted, true, units, alpha, draws, seed)
    )
    return interval.widened(se_factor).clipped(*metric.bounds)


def compare(
    metric: Metric, winner: Sequence[Any], reference: Sequence[Any], true: Sequence[Any], units: Sequence[str], *,
    alpha: float = 0.025, draws: int = DRAWS, seed: int = 0, se_factor: float = 1.0,
) -> Interval:  # fmt: skip
    """Return the paired gain of *winner* over *reference*, positive where the winner is better, with its interval.

    Arguments and errors as for :func:`score`.
    """
    _check(true, winner, reference, units)
    if metric.rowwise:
        gains = metric.direction * (_row_scores(metric, winner, true) - _row_scores(metric, reference, true))
        interval = _mean_gain(gains, metric.bounds == (0.0, 1.0), units, alpha, draws, seed)
    else:
        interval = _measured_gain(metric, winner, reference, true, units, alpha, draws, seed)
    span = metric.bounds[1] - metric.bounds[0]
    return interval.widened(se_factor).clipped(-span, span)


def taken(values: Sequence[Any], rows: Ints) -> Sequence[Any]:
    """Return the *values* at the indices *rows*."""
    return values[rows] if isinstance(values, np.ndarray) else [values[i] for i in rows]


def _check(true: Sequence[Any], *others: Sequence[Any]) -> None:
    if len(true) == 0:
        raise DataError("there are no rows to score", expected="at least one row with a known answer")
    if any(len(o) != len(true) for o in others):
        raise RunFailed("predictions and true answers differ in number", expected=str(len(true)))


def _row_scores(metric: Metric, predicted: Sequence[Any], true: Sequence[Any]) -> Floats:
    """Scores (n,) of single rows."""
    if metric.rowwise is None:
        raise RunFailed(f"{metric.name} has no scores of single rows")
    scores = np.asarray(metric.rowwise(predicted, true), dtype=np.float64)
    if not np.isfinite(scores).all():
        raise RunFailed(f"{metric.name} is not a number on {int((~np.isfinite(scores)).sum())} rows")
    return scores


def _mean_score(scores: Floats, metric: Metric, units: Sequence[str], alpha: float, draws: int, seed: int) -> Interval:
    grouped = Units.of(scores, units)
    share = metric.bounds == (0.0, 1.0)
    even = grouped.even()
    if share and even is not None and np.isin(even, (0.0, 1.0)).all():
        interval = wilson(float(even.sum()), len(even), alpha)
    else:
        interval = bootstrap_mean(grouped, alpha, draws=draws, seed=seed)
    return _bounded(interval, grouped.effective, share, alpha, None if share else grouped.skewness)


def _measured_score(
    metric: Metric, predicted: Sequence[Any], true: Sequence[Any], units: Sequence[str],
    alpha: float, draws: int, seed: int,
) -> Interval:  # fmt: skip
    interval = _bootstrapped(metric, (predicted,), true, units, alpha, draws, seed)
    effective = _effective(units)
    interval = _bounded(interval, effective, metric.bounds == (0.0, 1.0), alpha)
    few = too_few(effective, smallest_class=None if metric.nearness else _smallest_class(true, units))
    return replace(interval, too_few=interval.too_few or few)


def _bootstrapped(
    metric: Metric, answers: tuple[Sequence[Any], ...], true: Sequence[Any], units: Sequence[str],
    alpha: float, draws: int, seed: int,
) -> Interval:  # fmt: skip
    """Return the interval of *metric* for one set of *answers*, or of the gain of the first over the second of two."""

    def joined(found: list[Any]) -> Any:
        return found[0] if len(found) == 1 else metric.direction * (found[0] - found[1])

    def measure(rows: Ints) -> float:
        truth = taken(true, rows)
        return float(joined([metric.value(taken(a, rows), truth) for a in answers]))

    many = metric.weighted
    weighted = None if many is None else lambda weights: joined([many(a, true, weights) for a in answers])
    interval = bootstrap_measure(measure, np.asarray(units), alpha, weighted=weighted, draws=draws, seed=seed)
    if not math.isfinite(interval.value):
        raise RunFailed(f"{metric.name} is not a number on these rows")
    return interval


def _effective(units: Sequence[str]) -> float:
    return effective_units(np.unique(np.asarray(units), return_counts=True)[1])


def _bounded(
    interval: Interval, effective: float, share: bool, alpha: float, skewness: float | None = None
) -> Interval:
    """Mark an interval on too few units or errors; with too few errors a share reaches at least as far as Wilson's."""
    errors = min(interval.value, 1 - interval.value) * effective if share else None
    if errors is not None and errors < LEAST_ERRORS and interval.method != "Wilson":
        interval = interval.joined(wilson(interval.value * effective, effective, alpha))
    return replace(interval, too_few=interval.too_few or too_few(effective, errors, skewness=skewness))


def _mean_gain(gains: Floats, share: bool, units: Sequence[str], alpha: float, draws: int, seed: int) -> Interval:
    grouped = Units.of(gains, units)
    wins, losses = int((grouped.sums > 0).sum()), int((grouped.sums < 0).sum())
    even = grouped.even()
    paired = even is not None and bool(np.isin(even, (-1.0, 0.0, 1.0)).all())
    if paired and wins + losses < LEAST_DISCORDANT:
        interval = mcnemar(wins, losses, len(grouped.sums), alpha)
    else:
        interval = _held(bootstrap_mean(grouped, alpha, draws=draws, seed=seed), wins, losses, alpha)
    skewness = None if share else grouped.skewness
    return replace(interval, too_few=interval.too_few or too_few(grouped.effective, wins + losses, skewness=skewness))


def _measured_gain(
    metric: Metric, winner: Sequence[Any], reference: Sequence[Any], true: Sequence[Any], units: Sequence[str],
    alpha: float, draws: int, seed: int,
) -> Interval:  # fmt: skip
    interval = _bootstrapped(metric, (winner, reference), true, units, alpha, draws, seed)
    wins, losses = _differing(metric, winner, reference, true, units)
    few = too_few(_effective(units), wins + losses, None if metric.nearness else _smallest_class(true, units))
    return replace(_held(interval, wins, losses, alpha), too_few=interval.too_few or few)


def _held(interval: Interval, wins: int, losses: int, alpha: float) -> Interval:
    """Where few units differ, let *interval* claim a sign only if the exact test of these units does."""
    if wins + losses >= LEAST_DISCORDANT:
        return interval
    return interval.held_to(above=mcnemar_test(wins, losses) < alpha, below=mcnemar_test(losses, wins) < alpha)


def _differing(
    metric: Metric, winner: Sequence[Any], reference: Sequence[Any], true: Sequence[Any], units: Sequence[str]
) -> tuple[int, int]:
    """Units in which *winner* is nearer to the truth, and in which *reference* is.

    Answers that can't be near a truth (scores for a ranking) are only counted as different, half on either side.
    """
    if metric.nearness is None and isinstance(winner[0], NUMBER) != isinstance(true[0], NUMBER):
        apart = Units.of(np.asarray(winner) != np.asarray(reference), units)
        differ = int((apart.sums > 0).sum())
        return differ // 2, differ - differ // 2
    nearness = metric.nearness or _closeness
    grouped = Units.of(nearness(winner, true) - nearness(reference, true), units)
    return int((grouped.sums > 0).sum()), int((grouped.sums < 0).sum())


def _closeness(predicted: Sequence[Any], true: Sequence[Any]) -> Floats:
    """How near each answer is to the truth (n,): minus the distance of numbers, 1 or 0 for anything else."""
    if isinstance(true[0], NUMBER):
        return -np.abs(np.asarray(predicted, dtype=np.float64) - np.asarray(true, dtype=np.float64))
    return np.array([float(p == t) for p, t in zip(predicted, true)], dtype=np.float64)


def _smallest_class(true: Sequence[Any], units: Sequence[str]) -> int | None:
    """Units of the rarest class, or None where the true answers are no classes."""
    if not isinstance(true[0], str):
        return None
    members: defaultdict[str, set[str]] = defaultdict(set)
    for answer, unit in zip(true, units):
        members[answer].add(unit)
    return min(len(m) for m in members.values())
