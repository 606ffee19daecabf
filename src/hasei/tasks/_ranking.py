"""Ranked answers as texts, and how good a ranking is.

A ranking is written ``[["f3", 0.81], ["f0", 0.42]]``, what is right ``["f3"]``: JSON, the best first. k is 10 where no other
is named; recall is capped, so that it can be 1 where more than k entries are right.

Source: Voorhees 1999, "The TREC-8 question answering track report" (MRR); Järvelin & Kekäläinen 2002, "Cumulated gain-based
evaluation of IR techniques" (nDCG); Thakur et al. 2021, BEIR (capped recall).

Shapes: n rankings and n sets of right ids, as texts; a score a row (n,).

Relations: nDCG is scikit-learn's ``ndcg_score`` for gains of 0 and 1.

>>> MRR.value(['[["b", 0.9], ["a", 0.8]]'], ['["a"]'])
0.5
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from hasei.tasks import Floats, Metric

SAID = 10
"""Entries of an answer that are kept with it."""


def said(ranking: Sequence[Sequence[Any]]) -> str:
    """Return the best entries of *ranking*, pairs of id and score, as one text."""
    return json.dumps([[name, round(float(score), 4)] for name, score in ranking[:SAID]], ensure_ascii=False)


@lru_cache(maxsize=65536)
def ids_of(text: str) -> tuple[str, ...]:
    """Return the ids in a text that :func:`said` made, or in a JSON list of ids; of anything else none."""
    try:
        value = json.loads(text)
    except ValueError:
        return ()
    if not isinstance(value, list):
        return ()
    return tuple(str(item[0]) if isinstance(item, list) and item else str(item) for item in value)


def first_right(predicted: Sequence[Any], true: Sequence[Any]) -> list[int]:
    """Return where in each ranking the first right entry stands, from 0; -1 where none does."""
    found = []
    for ranking, right in _pairs(predicted, true):
        found.append(next((place for place, name in enumerate(ranking) if name in right), -1))
    return found


def _pairs(predicted: Sequence[Any], true: Sequence[Any]) -> list[tuple[tuple[str, ...], frozenset[str]]]:
    return [(ids_of(p)[:SAID], frozenset(ids_of(t))) for p, t in zip(predicted, true, strict=True)]


def _metric(name: str, row: Callable[[tuple[str, ...], frozenset[str]], float]) -> Metric:
    def rowwise(predicted: Sequence[Any], true: Sequence[Any]) -> Floats:
        return np.array([row(*pair) for pair in _pairs(predicted, true)], np.float64)

    def value(predicted: Sequence[Any], true: Sequence[Any]) -> float:
        return float(rowwise(predicted, true).mean()) if len(true) else math.nan

    return Metric(name, 1, value, rowwise)


def _reciprocal(ranking: tuple[str, ...], right: frozenset[str]) -> float:
    return next((1 / place for place, name in enumerate(ranking, 1) if name in right), 0.0)


def _recall(k: int) -> Callable[[tuple[str, ...], frozenset[str]], float]:
    return lambda ranking, right: sum(name in right for name in ranking[:k]) / max(1, min(k, len(right)))


def _ndcg(ranking: tuple[str, ...], right: frozenset[str]) -> float:
    gain = sum(1 / math.log2(place + 1) for place, name in enumerate(ranking, 1) if name in right)
    best = sum(1 / math.log2(place + 1) for place in range(1, min(SAID, len(right)) + 1))
    return gain / best if best else 0.0


MRR = _metric("mrr@10", _reciprocal)
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        MRR, _metric("recall@1", _recall(1)), _metric("recall@5", _recall(5)), _metric("recall@10", _recall(10)),
        _metric("ndcg@10", _ndcg),
    )
}  # fmt: skip
