"""One right place among the places of a row: the loss, and the linear head solved for it.

Source: McFadden 1974, "Conditional logit analysis of qualitative choice behavior"; solved by L-BFGS (Nocedal & Wright 2006). Of
very many places only some are kept, by lot, which leaves the estimate consistent (McFadden 1978, "Modelling the choice of
residential location").

Shapes: n rows, m places in all, k places of the longest row, w questions asked of each row (which choice: 1; where an answer
starts and ends: 2). Marks say of every place (w + 1 numbers) which questions it is right for, and lastly whether it is its
row's first: flat (m, w + 1), or padded (n, k, w + 1) with negative numbers. Minimises

    mean over rows and questions of  -log softmax over the row's places (W x)[right]  +  l2 / (2 w) * sum(W * W)

A bias would cancel, so it is zero. Convex in W.

Relations: with one question and the same places in every row this is :mod:`hasei.tasks._softmax` with the weights of the
classes tied. Features are centred and scaled inside, which changes the path and not the optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from hasei.tasks import Array
from hasei.tasks._softmax import scaling

if TYPE_CHECKING:
    import torch

_CHUNK = 16384
_MOST = 120_000
"""Places that a head is solved on; of more, every row keeps its right places and an even share of the others."""


def marks(count: int, right: Sequence[int]) -> Array:
    """Return the marks (count, w + 1) of one row of *count* places; *right* names the right place of each question."""
    found = np.zeros((count, len(right) + 1), np.int8)
    found[list(right), range(len(right))] = 1
    found[0, -1] = 1
    return found


def loss(outputs: torch.Tensor, targets: torch.Tensor, smoothing: float = 0.0) -> torch.Tensor:
    """Loss (n,), float32, of outputs (n, k, w) under padded marks (n, k, w + 1); padding never counts."""
    valid = targets[..., :1] >= 0
    right = targets[..., :-1].clamp(min=0).float()
    log_p = outputs.float().masked_fill(~valid, -float("inf")).log_softmax(1).masked_fill(~valid, 0.0)
    found = -(log_p * right / right.sum(1, keepdim=True)).sum(1)
    if smoothing:
        found = (1 - smoothing) * found - smoothing * log_p.sum(1) / valid.sum(1)
    return found.mean(1)


def conditional(
    features: Array, flat: Array, l2: float, *, tolerance: float = 1e-4, steps: int = 200
) -> tuple[Array, Array]:
    """Return weight (w, f) and bias (w,), all zero, of the optimum, float32, from features (m, f) and *flat* marks."""
    import torch

    if len(flat) > _MOST:
        kept, flat = _fewer(flat)
        features = features[kept]
    middle, scale = scaling(features)
    objective = _Objective(features, flat, l2, middle, scale)
    inner = torch.zeros(flat.shape[1] - 1, features.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [inner], max_iter=steps, tolerance_grad=tolerance, tolerance_change=1e-9, history_size=20,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def evaluate() -> Any:
        with torch.no_grad():
            value, inner.grad = objective(inner)
        return value

    optimizer.step(evaluate)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        weight = (inner / objective.scale).numpy()
    return weight, np.zeros(len(weight), np.float32)


def _fewer(flat: Array) -> tuple[Array, Array]:
    """Return which of the places *flat* (m, w + 1) to keep, in order, and their marks: right ones, and others by lot."""
    right = (flat[:, :-1] > 0).any(1)
    lot = np.random.default_rng(0).random(len(flat))
    kept = np.flatnonzero(right | (lot < (_MOST - right.sum()) / max(1, (~right).sum())))
    row, chosen = np.cumsum(flat[:, -1]), flat[kept]
    chosen[:, -1] = np.diff(row[kept], prepend=0) > 0
    return kept, chosen


class _Objective:
    """Loss and gradient in the scaled variable U = W * scale, chunk after chunk of whole rows."""

    def __init__(self, features: Array, flat: Array, l2: float, middle: Array, scale: Array) -> None:
        import torch

        self.features, self.marks, self.l2 = features, flat, l2
        self.starts = np.append(np.flatnonzero(flat[:, -1]), len(flat))
        self.middle = torch.from_numpy(middle.astype(np.float32))
        self.scale = torch.from_numpy(scale.astype(np.float32))
        self.chunks = _chunks(self.starts)

    def __call__(self, inner: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        import torch

        weight = inner / self.scale
        value, slope = torch.zeros((), dtype=torch.float64), torch.zeros_like(weight)
        for first, last in self.chunks:
            low, high = self.starts[first], self.starts[last]
            x = torch.from_numpy(np.ascontiguousarray(self.features[low:high], np.float32)) - self.middle
            group = torch.from_numpy(np.repeat(np.arange(last - first), np.diff(self.starts[first : last + 1])))
            right = torch.from_numpy(self.marks[low:high, :-1].astype(np.float32))
            part, error = _part(x @ weight.T, right, group, last - first)
            value += part
            slope += error.T @ x
        asked = (len(self.starts) - 1) * len(weight)
        penalty = self.l2 / len(weight)
        return (
            value / asked + 0.5 * penalty * weight.double().square().sum(), (slope / asked + penalty * weight) / self.scale,
        )  # fmt: skip


def _part(
    scores: torch.Tensor, right: torch.Tensor, group: torch.Tensor, count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the loss of *count* rows, summed, and its slope by *scores* (places, w); *group* is each place's row."""
    import torch

    index = group[:, None].expand_as(scores)
    nothing = torch.zeros(count, scores.shape[1])
    top = nothing.scatter_reduce(0, index, scores, "amax", include_self=False)
    powers = (scores - top[group]).exp()
    sums = nothing.index_add(0, group, powers)
    share = right / nothing.index_add(0, group, right)[group]
    log_p = scores - top[group] - sums.log()[group]
    return -(share * log_p).double().sum(), powers / sums[group] - share


def _chunks(starts: Array) -> list[tuple[int, int]]:
    """Return (first row, row after the last) of parts with about ``_CHUNK`` places."""
    cuts = np.unique(np.append(np.searchsorted(starts, np.arange(0, starts[-1], _CHUNK)), len(starts) - 1))
    return [(int(a), int(b)) for a, b in pairwise(cuts) if b > a]
