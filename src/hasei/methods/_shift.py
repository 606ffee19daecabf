"""Ways of solving a head on source rows for a target domain of which only features are known.

Source: correlation alignment: Sun et al. 2016, "Return of frustratingly easy domain adaptation" (CORAL); importance weighting:
Shimodaira 2000; self-training, class by class: Lee 2013, "Pseudo-label"; Zou et al. 2018.

Shapes: source features (n, h), targets (n, ...), weights (n,); target features (m, h) -> weight (w, h), bias (w,).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from hasei.engine.derivation import Context
from hasei.engine.heads import solve_head
from hasei.tasks import Array, Floats

How: TypeAlias = Literal["none", "importance_weighting", "coral", "self_training"]
_ROUNDS = (0.2, 0.4, 0.6)
"""Share of the target rows of each answer, the surest, that count as if they had been labelled, round by round."""
_COPIES = 8
"""How often a row of weight one stands in a solver that knows no weights."""
_MOST_COPIES = 60_000
_RIDGE = 0.1
"""Weight of the unit matrix of the mean variance of both domains in each covariance (the paper: one, for its features)."""


@dataclass(frozen=True)
class Shift:
    """Rows of the source with their importance *weights*, rows of the target, and the strength of the head."""

    context: Context
    source: Floats
    targets: Array
    weights: Floats
    target: Floats
    l2: float

    def solve(self, how: How) -> tuple[Array, Array]:
        """Return the head that *how* gives."""
        ways: dict[str, Callable[[Shift], tuple[Array, Array]]] = {
            "importance_weighting": _weighted, "coral": _coral, "self_training": _self_trained,
        }  # fmt: skip
        return ways[how](self) if how in ways else self.head(self.source, self.targets)

    def head(self, features: Floats, targets: Array) -> tuple[Array, Array]:
        """Solve the task's head."""
        return solve_head(self.context.task, self.context.space, features, targets, self.l2)


def ways_for(context: Context) -> tuple[How, ...]:
    """Return what can be tried for the task of *context*: numbers have no sureness by which to choose rows."""
    kinds: tuple[How, ...] = ("none", "importance_weighting", "coral", "self_training")
    return kinds[:3] if context.task.target_kind == "number" else kinds


def _weighted(shift: Shift) -> tuple[Array, Array]:
    """A head that reads each row as often as its weight says: the weighted mean loss, to within rounding of the weights."""
    copies = max(1, min(_COPIES, _MOST_COPIES // max(1, len(shift.source))))
    counts = np.rint(shift.weights / shift.weights.mean() * copies).astype(np.int64)
    rows = np.repeat(np.arange(len(counts)), counts)
    return shift.head(shift.source[rows], shift.targets[rows])


def _coral(shift: Shift) -> tuple[Array, Array]:
    """A head on source rows moved so that their mean and covariance are the target's; it reads target rows as they are."""
    sides = [np.asarray(side, np.float64) for side in (shift.source, shift.target)]
    ridge = _RIDGE * max(float(np.mean([side.var(axis=0).mean() for side in sides])), 1e-12)
    (middle, root), (there, other) = (_moments(side, ridge) for side in sides)
    moved = (sides[0] - middle) @ np.linalg.solve(root, other) + there
    return shift.head(np.asarray(moved, np.float32), shift.targets)


def _moments(features: Floats, ridge: float) -> tuple[Floats, Floats]:
    """Return the mean (h,) and the root (h, h) of the covariance to which *ridge* times the unit matrix is added."""
    middle = features.mean(0)
    covariance = (features - middle).T @ (features - middle) / max(1, len(features) - 1)
    values, vectors = np.linalg.eigh(covariance + ridge * np.eye(len(covariance)))
    return middle, (vectors * np.sqrt(np.maximum(values, 1e-12))) @ vectors.T


def _self_trained(shift: Shift) -> tuple[Array, Array]:
    """A head solved again and again, on the source and on the target rows of which the last one was surest."""
    task, space = shift.context.task, shift.context.space
    weight, bias = shift.head(shift.source, shift.targets)
    for share in _ROUNDS:
        shift.context.watch.check()
        answers = task.answers(space, np.asarray(shift.target @ weight.T + bias, np.float32))
        said = [str(value) for value in answers.values]
        chosen = _surest(said, np.asarray(answers.confidence, np.float64), share)
        chosen = chosen[task.knows(space, [said[i] for i in chosen])] if len(chosen) else chosen
        if not len(chosen):
            break
        guessed = task.encode(space, [said[i] for i in chosen])
        weight, bias = shift.head(
            np.concatenate([shift.source, shift.target[chosen]]), np.concatenate([shift.targets, guessed])
        )
    return weight, bias


def _surest(said: list[str], confidence: Floats, share: float) -> Array:
    """Return the rows (k,) that are surest among those with the same answer: else common ones crowd out others."""
    names, kind = np.unique(np.asarray(said, dtype=object).astype(str), return_inverse=True)
    found = []
    for number in range(len(names)):
        rows = np.flatnonzero(kind == number)
        order = rows[np.argsort(-confidence[rows], kind="stable")]
        found.append(order[: int(share * len(rows))])
    return np.sort(np.concatenate(found)) if found else np.empty(0, np.int64)
