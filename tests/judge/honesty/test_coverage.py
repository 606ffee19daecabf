"""Intervals cover what is true as often as they say, also after the best of ten was chosen; elsewhere they say so."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from scores import AUC, MACRO_F1, MAE, Drawn, classified, measured, ranked
from worlds import ACCURACY, WORLDS, clusters

from hasei.ground.statistics import Interval
from hasei.judge.decision import pick
from hasei.judge.evaluation import compare, score
from hasei.tasks import Metric

LEAST, MOST = 0.9335, 0.9655
SHARES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
KISH = 9 / 11
"""Effective units of clusters of 1 to 5 rows, for each cluster."""


def chosen(rng: np.random.Generator, p: float, icc: float, units: int) -> tuple[Interval, float]:
    """Return the confirm interval of the best of ten on select, and its true share, at most *p*."""
    shares = p - rng.uniform(0, min(0.02, 1 - p), 10)
    select = []
    for share in shares:
        right, _ = clusters(rng, share, icc, 200)
        select.append(float(right.mean()))
    winner = shares[pick(select, list(range(10))) or 0]
    right, unit = clusters(rng, winner, icc, units)
    return score(ACCURACY, right[0], np.ones(len(unit), np.bool_), unit), float(winner)


def covers(interval: Interval, true: float) -> bool:
    return interval.low <= true <= interval.high


@pytest.mark.parametrize("icc", [0.0, 0.1, 0.3])
def test_accuracy_is_covered_after_selection_from_a_hundred_units_and_ten_errors_on(icc: float) -> None:
    rng, covered = np.random.default_rng(31), []
    for i in range(WORLDS):
        p = SHARES[i % len(SHARES)]
        units = max(100, 10 / (1 - p)) * (1, 2, 4)[i // len(SHARES) % 3] / KISH
        covered.append(covers(*chosen(rng, p, icc, math.ceil(units))))
    assert LEAST <= np.mean(covered) <= MOST


@pytest.mark.parametrize("units", [12, 30, 60, 90])
def test_below_a_hundred_units_accuracy_is_covered_or_said_to_be_too_little_to_bound(units: int) -> None:
    rng = np.random.default_rng(32)
    found = [chosen(rng, SHARES[i % len(SHARES)], (0.0, 0.3)[i % 2], units) for i in range(300)]
    assert all(interval.too_few for interval, _ in found)


def test_below_ten_errors_accuracy_is_covered_or_said_to_be_too_little_to_bound() -> None:
    rng, held = np.random.default_rng(33), []
    for i in range(WORLDS):
        expected = 1 + i % 9
        p = (0.95, 0.98, 0.99, 0.995)[i % 4]
        interval, true = chosen(rng, p, (0.0, 0.3)[i // 4 % 2], math.ceil(expected / (1 - p) / KISH))
        held.append(interval.too_few or covers(interval, true))
    assert np.mean(held) >= 0.93


Draw = Callable[[np.random.Generator], Drawn]
BOUNDED: dict[str, tuple[Metric, Draw]] = {
    "mae, 100 rows, normal": (MAE, partial(measured, rows=100, tail="normal")),
    "mae, 200 rows, exponential": (MAE, partial(measured, rows=200, tail="exponential")),
    "auc, 200 rows": (AUC, partial(ranked, rows=200, positives=0.5, apart=1.0)),
    "auc, 400 rows, a tenth positive": (AUC, partial(ranked, rows=400, positives=0.1, apart=2.0)),
    "macro-F1, 4 classes, 200 rows": (MACRO_F1, partial(classified, rows=200, classes=4, accuracy=0.85)),
    "macro-F1, 5 uneven classes, 400 rows": (
        MACRO_F1, partial(classified, rows=400, classes=5, accuracy=0.85, uneven=True)
    ),
    "macro-F1, 10 classes, 400 rows": (MACRO_F1, partial(classified, rows=400, classes=10, accuracy=0.85)),
    "macro-F1, 20 classes, 800 rows": (MACRO_F1, partial(classified, rows=800, classes=20, accuracy=0.9)),
}  # fmt: skip


def bounds(metric: Metric, drawn: Drawn) -> tuple[Interval, Interval]:
    """Intervals of the score of the first model and of its gain over the second."""
    how: dict[str, Any] = {"draws": 500}
    units = np.arange(len(drawn.truth))
    first, second = drawn.answers
    return score(metric, first, drawn.truth, units, **how), compare(metric, first, second, drawn.truth, units, **how)


@pytest.mark.parametrize("name", ["mae", "auc", "macro-F1"])
def test_other_metrics_are_covered_and_so_are_their_gains(name: str) -> None:
    cases = [case for key, case in BOUNDED.items() if key.startswith(name)]
    rng, scores, gains = np.random.default_rng(34), [], []
    for i in range(WORLDS // 2):
        metric, draw = cases[i % len(cases)]
        drawn = draw(rng)
        first, second = drawn.values
        found, gain = bounds(metric, drawn)
        scores.append(covers(found, first))
        gains.append(covers(gain, metric.direction * (first - second)))
    assert LEAST <= np.mean(scores) <= MOST
    assert LEAST <= np.mean(gains) <= MOST


def test_a_long_tail_of_errors_is_covered_or_said_to_be_too_little_to_bound() -> None:
    rng, held, few = np.random.default_rng(35), [], []
    for i in range(WORLDS // 2):
        drawn = measured(rng, (100, 200, 400)[i % 3], "lognormal")
        found, _ = bounds(MAE, drawn)
        held.append(found.too_few or covers(found, drawn.values[0]))
        few.append(found.too_few)
    assert np.mean(held) >= 0.93
    assert np.mean(few) > 0.3


def test_twenty_classes_in_a_hundred_rows_are_too_little_to_bound_their_macro_f1() -> None:
    rng = np.random.default_rng(36)
    for _ in range(50):
        drawn = classified(rng, 100, 20, 0.85)
        names = [f"class {t}" for t in drawn.truth]
        said = [f"class {a}" for a in drawn.answers[0]]
        assert score(MACRO_F1, said, names, [f"u{i}" for i in range(100)], draws=100).too_few
