"""Metrics of entities: right only where begin, end and label all are; quick enough for thousands of resamples.

Source: Tjong Kim Sang & De Meulder 2003 (CoNLL-2003), micro averages over all entities; equal to seqeval's in strict IOB2.
Shapes: n predicted and n true rows, each canonical JSON (:mod:`hasei.tasks._named`); weights (d, n) say how often each row counts
in each of d resamples; 0 where a ratio has no denominator.

>>> one, two = '[{"start": 0, "end": 2, "label": "a"}]', '[{"start": 0, "end": 3, "label": "a"}]'
>>> f1([one, one], [one, two])
0.5
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hasei.tasks import Floats, Metric
from hasei.tasks._named import parted


def _counts(predicted: Sequence[Any], true: Sequence[Any], weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Entities that are right, predicted and true, in each resample (d,)."""
    sets = [(set(parted(p)), set(parted(t))) for p, t in zip(predicted, true, strict=True)]
    rows = np.array([(len(p & t), len(p), len(t)) for p, t in sets], np.float64).reshape(-1, 3)
    hits, said, there = (weights @ rows).T
    return hits, said, there


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def _f1(predicted: Sequence[Any], true: Sequence[Any], weights: Floats) -> Floats:
    hits, said, there = _counts(predicted, true, weights)
    return _ratio(2 * hits, said + there)


def _precision(predicted: Sequence[Any], true: Sequence[Any], weights: Floats) -> Floats:
    hits, said, _ = _counts(predicted, true, weights)
    return _ratio(hits, said)


def _recall(predicted: Sequence[Any], true: Sequence[Any], weights: Floats) -> Floats:
    hits, _, there = _counts(predicted, true, weights)
    return _ratio(hits, there)


def _once(
    weighted: Callable[[Sequence[Any], Sequence[Any], Floats], Floats],
) -> Callable[[Sequence[Any], Sequence[Any]], float]:
    def value(predicted: Sequence[Any], true: Sequence[Any]) -> float:
        return float(weighted(predicted, true, np.ones((1, len(true))))[0]) if len(true) else float("nan")

    return value


f1, precision, recall = _once(_f1), _once(_precision), _once(_recall)

METRICS: dict[str, Metric] = {
    "f1": Metric("f1", 1, f1, weighted=_f1),
    "precision": Metric("precision", 1, precision, weighted=_precision),
    "recall": Metric("recall", 1, recall, weighted=_recall),
}
