"""Simulated worlds, and how they are judged: by the same functions as a study, from scores to verdict.

The world of the rule: 800 select and 1,200 confirm cases, a reference that is right on 85 % of them, ten candidates, and
+5 points planted in one of them or in none. All models share how hard a case is: the hidden score of a case is the same
normal number for all of them, mixed with one of their own, so that their errors fall on the same cases as often as is
wished (the *discordance*: the share of cases on which exactly one of reference and best candidate is right).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from hasei.ground.statistics import Interval, alpha_at
from hasei.inputs.purpose import Prices, Purpose
from hasei.judge.cost import monthly
from hasei.judge.decision import Evidence, decide, doubt_of, pick
from hasei.judge.evaluation import compare, score
from hasei.judge.money import row_costs, saving
from hasei.tasks import Metric
from hasei.tasks._class_metrics import METRICS

WORLDS = 2000
BASE, DISCORDANCE, PLANTED = 0.85, 0.16, 0.05
SELECT, CONFIRM = 800, 1200
CONSTANT_SHARE = 0.95
ACCURACY = METRICS["accuracy"]

NO_PRICES = Prices()

Right = npt.NDArray[np.bool_]
Values: Any = np.ndarray
"""Answers or truths as arrays rather than lists, for speed alone."""


@dataclass(frozen=True)
class World:
    """A kind of world: *accuracies* of the reference (first) and of the candidates, *discordance* of first and best."""

    accuracies: tuple[float, ...] = (BASE,) * 10 + (BASE + PLANTED,)
    discordance: float = DISCORDANCE
    select: int = SELECT
    confirm: int = CONFIRM

    @property
    def hardness(self) -> float:
        """Correlation of the hidden scores with which reference and best candidate disagree as often as is asked."""
        z = np.linspace(-8, 8, 4001)
        weight = np.exp(-z * z / 2)
        limits = ndtri([self.accuracies[0], max(self.accuracies)])

        def disagreement(rho: float) -> float:
            a, b = (ndtr((limit - np.sqrt(rho) * z) / np.sqrt(1 - rho)) for limit in limits)
            return float((weight * (a * (1 - b) + b * (1 - a))).sum() / weight.sum())

        low, high = 0.0, 0.9999
        if not disagreement(high) <= self.discordance <= disagreement(low) + 1e-9:
            raise ValueError(f"two such models can't disagree on {self.discordance:.1%} of the cases")
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (middle, high) if disagreement(middle) > self.discordance else (low, middle)
        return low

    def drawn(self, seed: int, count: int = WORLDS) -> Iterator[tuple[Right, Right]]:
        """Yield *count* worlds: which select and which confirm cases each model (models, cases) answers rightly."""
        rng, rho = np.random.default_rng(seed), self.hardness
        for _ in range(count):
            rows = right_rows(rng, self.accuracies, rho, self.select + self.confirm)
            yield rows[:, : self.select], rows[:, self.select :]


def chances(rng: np.random.Generator, accuracies: Sequence[float], rho: float, rows: int) -> npt.NDArray[np.float32]:
    """Draw how hard *rows* cases are; return how likely a model of each accuracy (models, rows) is to be right on them."""
    shared = rng.standard_normal(rows, dtype=np.float32) * np.float32(np.sqrt(rho))
    kinds, kind = np.unique(np.asarray(accuracies), return_inverse=True)
    limits = ndtri(kinds).astype(np.float32)[:, None]
    found = ndtr((limits - shared) / np.float32(np.sqrt(1 - rho)))
    return np.asarray(found[kind] if len(kinds) > 1 else np.broadcast_to(found, (len(accuracies), rows)))


def right_rows(rng: np.random.Generator, accuracies: Sequence[float], rho: float, rows: int) -> Right:
    """Draw which of *rows* cases each model (models, rows) answers rightly, errors shared by the correlation *rho*."""
    return rng.random((len(accuracies), rows), dtype=np.float32) < chances(rng, accuracies, rho, rows)


@dataclass(frozen=True)
class Judged:
    """What became of one world: the index of the winner, the verdict, the winner's score and its gain on confirm."""

    winner: int
    verdict: str
    score: Interval
    gain: Interval | None


@dataclass(frozen=True)
class Judge:
    """How a world is judged. *cheap*: how many models, from the first, are cheap truths; *costs*: milliseconds a row."""

    metric: Metric = ACCURACY
    cheap: int = 1
    costs: tuple[float, ...] | None = None
    prices: Prices = NO_PRICES
    kpi: float | None = None
    draws: int = 2000

    def right(self, select: Right, confirm: Right, opening: int = 1) -> Judged:
        """Judge models (models, cases) of which only it is known where they are right."""
        truth = np.ones(confirm.shape[1], np.bool_)
        return self.answers(select.mean(axis=1).tolist(), confirm, truth, np.arange(len(truth)), opening=opening)

    def answers(
        self, select: Sequence[float], confirm: Values, truth: Values, units: Values, *,
        constant: Values | None = None, opening: int = 1,
    ) -> Judged:  # fmt: skip
        """Judge models by their *select* scores and their answers to the *confirm* rows; *constant* never reads a row."""
        costs = list(self.costs or range(len(select)))
        charges = [self.prices.breakeven_gain(monthly(self.prices, cost)) or 0.0 for cost in costs]
        best = max(select)
        doubt = doubt_of(math.sqrt(best * (1 - best) / SELECT)) if any(charges) else 0.0
        winner = pick(select, costs, charges=charges, doubt=doubt)
        reference = pick(select[: self.cheap], costs[: self.cheap], charges=charges[: self.cheap], tolerance=0.0)
        assert winner is not None and reference is not None
        how: dict[str, Any] = {"alpha": alpha_at(opening), "draws": self.draws}
        found = [score(self.metric, confirm[i], truth, units, **how) for i in (winner, reference)]
        gain = None
        if winner != reference:
            gain = compare(self.metric, confirm[winner], confirm[reference], truth, units, **how)
        extra = monthly(self.prices, costs[winner]) - monthly(self.prices, costs[reference])
        evidence = Evidence(
            winner=f"model {winner}", reference=f"model {reference}", metric=self.metric.name, units=len(np.unique(units)),
            gain=gain, winner_score=found[0], reference_score=found[1], delta=Purpose(prices=self.prices).delta(extra),
            alpha=alpha_at(opening), alpha_next=alpha_at(opening + 1), kpi=self.kpi, winner_is_cheap=winner < self.cheap,
            saving=self._saving(confirm[winner], confirm[reference], truth, units, extra, alpha_at(opening)),
            beats_majority=self._beats(confirm, truth, units, constant, (winner, reference), how),
        )  # fmt: skip
        return Judged(winner, decide(evidence).verdict, found[0], gain)

    def _saving(
        self, winner: Values, reference: Values, truth: Values, units: Values, extra: float, alpha: float
    ) -> Interval | None:
        if self.prices.cost_of_an_error is None:
            return None
        costs = [row_costs(self.prices, truth.tolist(), a.tolist()) for a in (winner, reference)]
        return saving(self.prices, costs[0], costs[1], units, extra_per_month=extra, alpha=alpha)

    def _beats(
        self, confirm: Values, truth: Values, units: Values, constant: Values | None, models: tuple[int, int], how: Any
    ) -> bool:
        if constant is None:
            return True
        return any(compare(self.metric, confirm[i], constant, truth, units, **how).low > 0 for i in set(models))


def clusters(rng: np.random.Generator, p: float, icc: float, units: int, models: int = 1) -> tuple[Right, Values]:
    """Draw cases in *units* clusters of 1 to 5 rows: right (models, rows) with share *p* and correlation *icc* inside them.

    Returns them with the unit of each row.
    """
    sizes = rng.integers(1, 6, units)
    unit = np.repeat(np.arange(units), sizes)
    if icc == 0:
        return rng.random((models, len(unit))) < p, unit
    chance = rng.beta(p * (1 / icc - 1), (1 - p) * (1 / icc - 1), (models, units))
    return rng.random((models, len(unit))) < chance[:, unit], unit
