"""Metrics that are no share of right answers, and worlds of which their true value is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr

from hasei.tasks import Metric
from hasei.tasks._class_metrics import METRICS


def distance(predicted: Any, true: Any) -> Any:
    return np.abs(np.asarray(predicted, dtype=np.float64) - np.asarray(true, dtype=np.float64))


MAE = Metric("mae", -1, lambda p, t: float(distance(p, t).mean()), distance, bounds=(0.0, math.inf))


def weighted_auc(scores: Any, true: Any, weights: Any) -> Any:
    """The chance that a row of class 1 has a higher score than one of class 0, ties half, for d reweighted copies."""
    order = np.argsort(scores, kind="stable")
    ranked, positive = np.asarray(scores)[order], np.asarray(true)[order].astype(np.float64)
    if (ranked[1:] != ranked[:-1]).all():  # no ties: the zeros before each one are all that is below it
        at = np.flatnonzero(positive)
        lower = np.cumsum(weights[:, order] * (1 - positive), axis=1)
        ones = weights[:, order[at]]
        pairs = ones.sum(axis=1) * lower[:, -1]
        above = np.einsum("ij,ij->i", ones, lower[:, at])
        return np.divide(above, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)
    ones = weights[:, order] * positive
    zeros = weights[:, order] - ones
    first = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    ones, zeros = (np.add.reduceat(part, first, axis=1) for part in (ones, zeros))
    below = np.cumsum(zeros, axis=1) - zeros / 2
    pairs = ones.sum(axis=1) * zeros.sum(axis=1)
    return np.divide((ones * below).sum(axis=1), pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


AUC = Metric("auc", 1, lambda p, t: float(weighted_auc(p, t, np.ones((1, len(t))))[0]), weighted=weighted_auc)
MACRO_F1 = METRICS["macro_f1"]


@dataclass(frozen=True)
class Drawn:
    """Two models' answers to the same rows, the truth, and the true value of the metric for each model."""

    answers: tuple[Any, Any]
    truth: Any
    values: tuple[float, float]


def ranked(rng: np.random.Generator, rows: int, positives: float, apart: float) -> Drawn:
    """Scores of two models that share four fifths of their noise; classes lie *apart*, for the second 0.8 times as far."""
    truth = (rng.random(rows) < positives).astype(np.int64)
    shared = rng.normal(size=rows) * math.sqrt(0.8)
    answers = tuple(truth * far + shared + rng.normal(size=rows) * math.sqrt(0.2) for far in (apart, 0.8 * apart))
    return Drawn(answers, truth, tuple(float(ndtr(far / math.sqrt(2))) for far in (apart, 0.8 * apart)))  # type: ignore[arg-type]


def measured(rng: np.random.Generator, rows: int, tail: str) -> Drawn:
    """Numbers and two models whose distances from them have the same *tail*, the second's being longer by a tenth."""
    first, second = (_distances(rng, rows, tail) for _ in range(2))
    errors = first, 0.5 * first + 0.6 * second
    mean = {"normal": math.sqrt(2 / math.pi), "exponential": 1.0, "lognormal": math.exp(0.5)}[tail]
    return Drawn(errors, np.zeros(rows), (mean, 1.1 * mean))


def _distances(rng: np.random.Generator, rows: int, tail: str) -> Any:
    if tail == "normal":
        return np.abs(rng.normal(size=rows))
    return rng.exponential(size=rows) if tail == "exponential" else rng.lognormal(size=rows)


def classified(rng: np.random.Generator, rows: int, classes: int, accuracy: float, *, uneven: bool = False) -> Drawn:
    """Answers of two models to rows of *classes* classes (*uneven*: each 0.7 times as frequent as the one before)."""
    prior = 0.7 ** np.arange(classes) if uneven else np.ones(classes)
    prior = prior / prior.sum()
    truth = rng.choice(classes, rows, p=prior)
    answers, values = [], []
    for level in (accuracy, accuracy - 0.05):
        confusion = _confusion(rng, classes, level)
        joint = prior[:, None] * confusion
        values.append(float(np.mean(2 * np.diag(joint) / (joint.sum(0) + joint.sum(1)))))
        answers.append((rng.random(rows)[:, None] > confusion.cumsum(axis=1)[truth]).sum(axis=1).clip(0, classes - 1))
    return Drawn((answers[0], answers[1]), truth, (values[0], values[1]))


def _confusion(rng: np.random.Generator, classes: int, accuracy: float) -> Any:
    """A confusion matrix (classes, classes) whose rows sum to one, right in about *accuracy* of the rows of each class."""
    right = np.clip(accuracy + rng.normal(0, 0.08, classes), 0.05, 0.99)
    found = np.diag(right)
    for k in range(classes):
        found[k, np.arange(classes) != k] = (1 - right[k]) * rng.dirichlet(np.ones(classes - 1))
    return found
