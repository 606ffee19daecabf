"""Metrics of answers that are exactly one of several classes, quick enough for thousands of resamples.

Source: van Rijsbergen (1979), *Information Retrieval*, for F1; Sokolova & Lapalme (2009) for macro and micro averages.

Shapes: every function takes n predicted and n true labels (any hashable values, or integer arrays, which are quickest).
Classes are those that occur on either side; a ratio without a denominator counts as 0, as in scikit-learn.

Relations: with exactly one class per row micro-averaged precision, recall and F1 all equal accuracy.

>>> values(["a", "b", "b"], ["a", "b", "a"])["accuracy"]
0.6666666666666666
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hasei.tasks import Floats, Metric

Score = Callable[[Floats, Floats, Floats], Floats]
"""Of rows answered right, given the class, of the class, each (d, classes), to scores of the same shape."""


def same(predicted: Sequence[Any], true: Sequence[Any]) -> Floats:
    """Per-row score (n,): 1.0 where the prediction is the truth, else 0.0."""
    if isinstance(predicted, np.ndarray) and isinstance(true, np.ndarray):
        return np.asarray(predicted == true, dtype=np.float64)
    return np.fromiter((a == b for a, b in zip(predicted, true, strict=True)), np.float64, len(true))


def accuracy(predicted: Sequence[Any], true: Sequence[Any]) -> float:
    """Share of rows answered right; NaN without rows."""
    return float(same(predicted, true).mean()) if len(true) else float("nan")


def macro_precision(predicted: Sequence[Any], true: Sequence[Any]) -> float:
    """Of the rows given a class, the share that belongs to it; mean over classes."""
    return _once(_precision, predicted, true)


def macro_recall(predicted: Sequence[Any], true: Sequence[Any]) -> float:
    """Of the rows of a class, the share found; mean over classes."""
    return _once(_recall, predicted, true)


def macro_f1(predicted: Sequence[Any], true: Sequence[Any]) -> float:
    """Harmonic mean of precision and recall; mean over classes, so that rare ones weigh as much as frequent ones."""
    return _once(_f1, predicted, true)


def values(predicted: Sequence[Any], true: Sequence[Any]) -> dict[str, float]:
    """Return every metric of :data:`METRICS` by name."""
    return {name: metric.value(predicted, true) for name, metric in METRICS.items()}


def _precision(hits: Floats, guessed: Floats, actual: Floats) -> Floats:
    return _ratio(hits, guessed)


def _recall(hits: Floats, guessed: Floats, actual: Floats) -> Floats:
    return _ratio(hits, actual)


def _f1(hits: Floats, guessed: Floats, actual: Floats) -> Floats:
    return _ratio(2 * hits, guessed + actual)


def _once(score: Score, predicted: Sequence[Any], true: Sequence[Any]) -> float:
    """The mean of *score* over the classes of the rows as they are; NaN without rows."""
    if not len(true):
        return float("nan")
    left, right, width = _codes(predicted, true)
    hits = np.bincount(left[left == right], minlength=width)
    guessed, actual = np.bincount(left, minlength=width), np.bincount(right, minlength=width)
    return float(_mean(score, *(c.astype(np.float64)[None] for c in (hits, guessed, actual)))[0])


def _weighted(score: Score) -> Callable[[Sequence[Any], Sequence[Any], Floats], Floats]:
    """The mean of *score* over classes, of d resamples given as weights (d, n) of the rows."""

    def value(predicted: Sequence[Any], true: Sequence[Any], weights: Floats) -> Floats:
        left, right, width = _codes(predicted, true)
        hit = left == right
        guessed, actual = _by_class(weights, left, width), _by_class(weights, right, width)
        return _mean(score, _by_class(weights[:, hit], left[hit], width), guessed, actual)

    return value


def _by_class(weights: Floats, codes: npt.NDArray[np.int64], width: int) -> Floats:
    """Weights (d, n) summed by class, (d, width)."""
    from scipy.sparse import csr_array

    shape, starts = (len(codes), width), np.arange(len(codes) + 1)
    member = csr_array((np.ones(len(codes)), codes, starts), shape=shape)
    return np.asarray(weights @ member)


def _mean(score: Score, hits: Floats, guessed: Floats, actual: Floats) -> Floats:
    """The mean (d,) of *score* over the classes that occur; sorted first: the order of classes must not change a bit."""
    occurs = (guessed + actual) > 0
    found = np.sort(np.where(occurs, score(hits, guessed, actual), 0.0), axis=1)
    return np.asarray(found.sum(axis=1) / occurs.sum(axis=1))


def _codes(predicted: Sequence[Any], true: Sequence[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    if isinstance(predicted, np.ndarray) and isinstance(true, np.ndarray) and predicted.dtype.kind in "iu":
        both = np.concatenate([predicted, true]).astype(np.int64)
        low, high = int(both.min()), int(both.max())
        if high - low < 16 * len(both) + 1024:
            both -= low
            return both[: len(predicted)], both[len(predicted) :], high - low + 1
    codes: dict[Any, int] = {}
    both = np.fromiter((codes.setdefault(v, len(codes)) for side in (predicted, true) for v in side), np.int64)
    return both[: len(predicted)], both[len(predicted) :], len(codes)


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


METRICS: dict[str, Metric] = {
    "accuracy": Metric("accuracy", 1, accuracy, same),
    "macro_f1": Metric("macro_f1", 1, macro_f1, weighted=_weighted(_f1)),
    "micro_f1": Metric("micro_f1", 1, accuracy, same),
    "macro_precision": Metric("macro_precision", 1, macro_precision, weighted=_weighted(_precision)),
    "macro_recall": Metric("macro_recall", 1, macro_recall, weighted=_weighted(_recall)),
}
