"""Metrics of answers that are sets of labels, quick enough for thousands of resamples.

Source: van Rijsbergen (1979) for F1; Tsoumakas & Katakis (2007) for sets. Shapes: n predicted and n true sets, each joined
by ``"; "``; weights (d, n) say how often each row counts in each of d resamples.

Relations: equal to scikit-learn's ``f1_score`` on indicator matrices of the labels that occur, 0 where a ratio has no
denominator.

>>> micro_f1(["a; b", "a"], ["a", "a; b"])
0.6666666666666666
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from hasei.tasks import Floats, Metric
from hasei.tasks._class_metrics import same

NONE = "[]"
"""How a row without any label is written."""


def joined(labels: Collection[str]) -> str:
    """Return *labels* as one text, sorted."""
    return "; ".join(sorted(labels)) if labels else NONE


@lru_cache(maxsize=65536)
def parted(text: str) -> frozenset[str]:
    """Return the labels that :func:`joined` made one text."""
    return frozenset() if text == NONE else frozenset(text.split("; "))


def micro_f1(predicted: Sequence[Any], true: Sequence[Any]) -> float:
    """F1 of all labels of all rows taken together."""
    return float(_micro(predicted, true, np.ones((1, len(true))))[0]) if len(true) else float("nan")


def macro_f1(predicted: Sequence[Any], true: Sequence[Any]) -> float:
    """F1 of each label, mean over the labels that occur on either side."""
    return float(_macro(predicted, true, np.ones((1, len(true))))[0]) if len(true) else float("nan")


def exact_match(predicted: Sequence[Any], true: Sequence[Any]) -> float:
    """Share of rows with just the right set; NaN without rows."""
    return float(same(predicted, true).mean()) if len(true) else float("nan")


def _micro(predicted: Sequence[Any], true: Sequence[Any], weights: Floats) -> Floats:
    sets = [(parted(p), parted(t)) for p, t in zip(predicted, true, strict=True)]
    hits = weights @ np.array([len(p & t) for p, t in sets], np.float64)
    sizes = weights @ np.array([len(p) + len(t) for p, t in sets], np.float64)
    return np.divide(2 * hits, sizes, out=np.zeros_like(hits), where=sizes > 0)


def _macro(predicted: Sequence[Any], true: Sequence[Any], weights: Floats) -> Floats:
    sets = [(parted(p), parted(t)) for p, t in zip(predicted, true, strict=True)]
    names = sorted({label for p, t in sets for label in p | t})
    if not names:
        return np.zeros(len(weights))
    place = {name: i for i, name in enumerate(names)}
    hits, sizes = np.zeros((len(sets), len(names))), np.zeros((len(sets), len(names)))
    for i, (p, t) in enumerate(sets):
        for label in p | t:
            hits[i, place[label]] = label in p and label in t
            sizes[i, place[label]] = (label in p) + (label in t)
    above, below = 2 * weights @ hits, weights @ sizes
    scores = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    return np.asarray(scores.sum(1) / np.maximum((below > 0).sum(1), 1))


METRICS: dict[str, Metric] = {
    "micro_f1": Metric("micro_f1", 1, micro_f1, weighted=_micro),
    "macro_f1": Metric("macro_f1", 1, macro_f1, weighted=_macro),
    "exact_match": Metric("exact_match", 1, exact_match, same),
}
