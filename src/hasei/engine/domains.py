"""How far apart two domains lie, seen by a base: a domain classifier on frozen features, and the maximum mean discrepancy.

Source: proxy A-distance: Ben-David et al. 2010, "A theory of learning from different domains"; MMD and its permutation test:
Gretton et al. 2012, "A kernel two-sample test"; importance weights by a classifier: Bickel et al. 2009; bounded ones (relative
density ratio): Yamada et al. 2013.

Shapes: source features (n, h), target features (m, h); units (n,), (m,) are keys of clusters that are never parted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hasei.engine.batching import Ints
from hasei.engine.splits import folds
from hasei.ground.statistics import mcnemar_test
from hasei.tasks import Floats
from hasei.tasks._softmax import logistic

ALPHA = 0.05
_FOLDS = 5
_STRENGTHS = (1e-2, 1e-1, 1.0)
_MOST = 3000
"""Rows of a side from which a classifier is solved."""
_KERNEL_ROWS = 500
_PERMUTATIONS = 999
_FLATTENING = 0.1


@dataclass(frozen=True)
class Gap:
    """What tells two domains apart. *accuracy*: of the classifier on rows that it was not solved on, both sides counting alike.

    *accuracy_p*: of that under chance, units counted once; *discrepancy*: squared MMD, *discrepancy_p* by permutation.
    *on_source* (n,) and *on_target* (m,): held-out probabilities of being a target row, both sides being as likely.
    """

    accuracy: float
    accuracy_p: float
    discrepancy: float
    discrepancy_p: float
    on_source: Floats
    on_target: Floats

    @property
    def a_distance(self) -> float:
        """The proxy A-distance, from 0 (the same) to 2 (always told apart): 2 (1 - 2 error)."""
        return float(max(0.0, 2 * (1 - 2 * (1 - self.accuracy))))

    @property
    def p_value(self) -> float:
        """That two samples of one domain look as different as these: the smaller of two tests, doubled for there being two."""
        return float(min(1.0, 2 * min(self.accuracy_p, self.discrepancy_p)))

    @property
    def is_there(self) -> bool:
        """Whether the domains differ by more than chance."""
        return self.p_value <= ALPHA

    @property
    def weights(self) -> Floats:
        """How much more likely each source row (n,) is in the target domain than in a mixture of mostly the source; mean one.

        No weight passes ten times the smallest that a row of both domains alike would have: what is bounded is steady.
        """
        p = self.on_source
        found = p / (_FLATTENING * p + (1 - _FLATTENING) * (1 - p))
        return np.asarray(found / max(float(found.mean()), 1e-12), np.float64)


def measure_gap(
    source: Floats, target: Floats, source_units: Sequence[str], target_units: Sequence[str], seed: int
) -> Gap:
    """Return how far *target* lies from *source*. Deterministic; both need two units at least."""
    joined = np.concatenate([source, target]).astype(np.float32)
    side = np.concatenate([np.zeros(len(source), np.int64), np.ones(len(target), np.int64)])
    units = [*source_units, *target_units]
    held = _held_out(joined, side, units, seed)
    right = (held > 0.5) == (side == 1)
    accuracy = float(np.mean([right[side == s].mean() for s in (0, 1)]))
    number = min(len(set(source_units)), len(set(target_units)))
    hits = round(accuracy * 2 * number)
    discrepancy, p_value = _discrepancy(_one_each(source, source_units), _one_each(target, target_units), seed)
    return Gap(
        accuracy, mcnemar_test(hits, 2 * number - hits), discrepancy, p_value,
        held[side == 0], held[side == 1],
    )  # fmt: skip


def _held_out(features: Floats, side: Ints, units: Sequence[str], seed: int) -> Floats:
    """Return P(target | row) (n + m,), each by a classifier that saw no row of its unit; the strength that predicts best."""
    fold = folds(units, _FOLDS, seed)
    best: tuple[float, Floats] | None = None
    for strength in _STRENGTHS:
        found = np.full(len(side), 0.5)
        for number in range(_FOLDS):
            test = np.flatnonzero(fold == number)
            train = _balanced(side, np.flatnonzero(fold != number), seed)
            if not len(test) or len(np.unique(side[train])) < 2:
                continue
            penalty = strength * max(float(features[train].var(axis=0).mean()), 1e-12)
            weight, bias = logistic(features[train], side[train], 2, penalty)
            scores = (features[test] @ (weight[1] - weight[0]) + (bias[1] - bias[0])).astype(np.float64)
            found[test] = 1 / (1 + np.exp(-np.clip(scores, -30, 30)))
        said = np.where(side == 1, found, 1 - found)
        loss = -float(np.mean([np.log(np.maximum(said[side == s], 1e-9)).mean() for s in (0, 1)]))
        if best is None or loss < best[0]:
            best = loss, found
    return best[1] if best else np.full(len(side), 0.5)


def _balanced(side: Ints, rows: Ints, seed: int) -> Ints:
    """Return as many of *rows* of one side as of the other, so that both are as likely."""
    rng = np.random.default_rng([seed, 7])
    sides = [rng.permutation(rows[side[rows] == s]) for s in (0, 1)]
    size = min(_MOST, *(len(s) for s in sides))
    return np.sort(np.concatenate([s[:size] for s in sides]))


def _one_each(features: Floats, units: Sequence[str]) -> Floats:
    """Return a row of each unit: rows of a unit are no independent witnesses."""
    return features[np.unique(np.asarray(units), return_index=True)[1]]


def _discrepancy(source: Floats, target: Floats, seed: int) -> tuple[float, float]:
    """Return the squared MMD (Gaussian kernel, the median distance its width) and its p-value by permutation of the sides."""
    rng = np.random.default_rng([seed, 11])
    parts = [part[np.sort(rng.permutation(len(part))[:_KERNEL_ROWS])].astype(np.float64) for part in (source, target)]
    rows = np.concatenate(parts)
    squares = (rows * rows).sum(1)
    distances = np.maximum(squares[:, None] + squares[None] - 2 * rows @ rows.T, 0.0)
    width = float(np.median(distances[np.triu_indices(len(rows), 1)])) if len(rows) > 1 else 1.0
    kernel = np.exp(-distances / max(width, 1e-12))
    sign = np.concatenate([np.full(len(parts[0]), 1 / len(parts[0])), np.full(len(parts[1]), -1 / len(parts[1]))])
    signs = np.stack([sign, *(rng.permutation(sign) for _ in range(_PERMUTATIONS))])
    found = ((signs @ kernel) * signs).sum(1)
    # Equal to the last bits counts as equal: else rows that are all the same would look different.
    extreme = int((found[1:] >= found[0] - 1e-12).sum())
    return float(found[0]), (1 + extreme) / (1 + _PERMUTATIONS)
