"""Solves the multinomial logistic head on fixed features: a convex problem, so solved, not trained for epochs.

Source: Nocedal & Wright (2006), *Numerical Optimization*, ch. 7 (L-BFGS with a strong Wolfe line search).

Shapes: features (n, f), classes (n,) in [0, k) -> weight (k, f), bias (k,), float32. Minimises

    mean_i  -log softmax(W x_i + b)[y_i]  +  l2 / 2 * sum(W * W)        (the bias is free)

Relations: ``C`` of scikit-learn's LogisticRegression is 1 / (n * l2). The features are centred and scaled inside, which
changes the path and not the optimum: the penalty stays on W as it is returned. Rows are visited in chunks, so memory
does not grow with n, and features may be half precision or memory-mapped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hasei.tasks import Array

if TYPE_CHECKING:
    import torch

_CHUNK = 16384
_OUTLIER = 3.0


def logistic(
    features: Array, classes: Array, width: int, l2: float, *, tolerance: float = 1e-4, steps: int = 200
) -> tuple[Array, Array]:
    """Return the weight (width, f) and bias (width,) of the optimum, float32; deterministic.

    *tolerance* bounds the largest entry of the gradient, with features scaled to a typical variance of one. A class
    without rows gets no weight and a bias far below the others (its own optimum lies at minus infinity).
    """
    weight = np.zeros((width, features.shape[1]), np.float32)
    bias = np.zeros(width, np.float32)
    present, local = np.unique(np.asarray(classes), return_inverse=True)
    if len(present) > 1:
        weight[present], bias[present] = _solve(features, local, len(present), l2, tolerance, steps)
    absent = np.setdiff1d(np.arange(width), present)
    bias[absent] = bias[present].min() - 20.0
    return weight, bias


def logistic_each(
    features: Array, targets: Array, l2: float, *, tolerance: float = 1e-4, steps: int = 200
) -> tuple[Array, Array]:
    """Return weight (k, f) and bias (k,) of k independent logistic regressions, float32; *targets* (n, k) are 0 and 1.

    The loss of a row is summed over its k answers. A label that all rows have, or none, gets no weight and a bias at which
    it is sure.
    """
    shares = np.asarray(targets, np.float64).mean(0)
    weight, bias = np.zeros((targets.shape[1], features.shape[1]), np.float32), np.where(shares > 0.5, 20.0, -20.0)
    open_ = np.flatnonzero((shares > 0) & (shares < 1))
    if len(open_):
        start = np.log(shares[open_] / (1 - shares[open_]))
        objective = _EachObjective(features, targets[:, open_], len(open_), l2, *scaling(features))
        weight[open_], bias[open_] = _descend(objective, start, tolerance, steps)
    return weight, bias.astype(np.float32)


def _solve(features: Array, classes: Array, width: int, l2: float, tolerance: float, steps: int) -> tuple[Array, Array]:
    objective = _Objective(features, classes, width, l2, *scaling(features))
    return _descend(objective, np.log(np.bincount(classes, minlength=width) / len(classes)), tolerance, steps)


def _descend(objective: _Objective, start: Array, tolerance: float, steps: int) -> tuple[Array, Array]:
    """Minimise *objective* from no weight and the bias *start* (k,); weight (k, f), bias (k,)."""
    import torch

    inner = torch.zeros(objective.width, objective.features.shape[1], requires_grad=True)
    bias = torch.from_numpy(start.astype(np.float32))
    bias.requires_grad_()
    optimizer = torch.optim.LBFGS(
        [inner, bias], max_iter=steps, tolerance_grad=tolerance, tolerance_change=1e-9,
        history_size=20, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def evaluate() -> Any:
        with torch.no_grad():
            loss, inner.grad, bias.grad = objective(inner, bias)
        return loss

    optimizer.step(evaluate)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        weight = inner / objective.scale
        return weight.numpy(), (bias - weight @ objective.middle).numpy()


class _Objective:
    """Loss and gradient in the scaled variables U = W * scale and c = b + W @ middle."""

    def __init__(self, features: Array, classes: Array, width: int, l2: float, middle: Array, scale: Array) -> None:
        import torch

        self.features, self.width, self.l2 = features, width, l2
        self.classes = self._encoded(classes)
        self.middle = torch.from_numpy(middle.astype(np.float32))
        self.scale = torch.from_numpy(scale.astype(np.float32))

    def _encoded(self, classes: Array) -> torch.Tensor:
        """The targets as the loss reads them."""
        import torch

        return torch.from_numpy(np.asarray(classes, dtype=np.int64)[:, None])

    def _part(self, scores: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of some rows, summed, and its slope by *scores* (m, k)."""
        import torch

        log_p = torch.log_softmax(scores, dim=1)
        loss = -log_p.gather(1, y).sum(dtype=torch.float64)
        return loss, log_p.exp_().scatter_add_(1, y, -torch.ones_like(y, dtype=log_p.dtype))

    def __call__(self, inner: torch.Tensor, bias: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        import torch

        weight = inner / self.scale
        offset = bias - weight @ self.middle
        loss, rows = torch.zeros((), dtype=torch.float64), len(self.classes)
        d_weight, d_bias = torch.zeros_like(weight), torch.zeros_like(bias)
        for start in range(0, rows, _CHUNK):
            x, y = _chunk(self.features, start), self.classes[start : start + _CHUNK]
            part, error = self._part(torch.addmm(offset, x, weight.T), y)
            loss, error = loss + part, error.div_(rows)
            d_bias += error.sum(0)
            d_weight += error.T @ x
        d_inner = (d_weight - torch.outer(d_bias, self.middle) + self.l2 * weight) / self.scale
        return loss / rows + 0.5 * self.l2 * weight.double().square().sum(), d_inner, d_bias


class _EachObjective(_Objective):
    """The same for k answers that do not exclude each other: targets (n, k) of zeros and ones."""

    def _encoded(self, classes: Array) -> torch.Tensor:
        import torch

        return torch.from_numpy(np.asarray(classes, dtype=np.float32))

    def _part(self, scores: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        from torch.nn.functional import binary_cross_entropy_with_logits

        loss = binary_cross_entropy_with_logits(scores, y, reduction="none").double().sum()
        return loss, scores.sigmoid() - y


def _chunk(features: Array, start: int) -> torch.Tensor:
    import torch

    rows = np.ascontiguousarray(features[start : start + _CHUNK], dtype=np.float32)
    return torch.from_numpy(rows if rows.flags.writeable else rows.copy())


def scaling(features: Array) -> tuple[Array, Array]:
    """Return the mean (f,) and a scale (f,): one for all columns, their own for columns that stick out.

    A common scale keeps the spectrum that L-BFGS likes; the few dimensions with huge activations that trained
    transformers have would spoil it.
    """
    total = np.zeros(features.shape[1])
    squares = np.zeros(features.shape[1])
    for start in range(0, len(features), _CHUNK):
        rows = np.asarray(features[start : start + _CHUNK], dtype=np.float64)
        total += rows.sum(0)
        squares += np.square(rows).sum(0)
    middle = total / len(features)
    spread = np.sqrt(np.maximum(squares / len(features) - np.square(middle), 0.0))
    typical = float(np.median(spread[spread > 0])) if (spread > 0).any() else 1.0
    return middle, np.where(spread > _OUTLIER * typical, spread, typical)
