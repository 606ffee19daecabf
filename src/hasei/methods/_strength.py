"""The strength of a small solved head, chosen by the loss on an inner fifth of the train rows where none is given."""

from __future__ import annotations

import numpy as np

from hasei.engine.batching import Ints
from hasei.engine.heads import solve_head
from hasei.engine.ragged import padded
from hasei.engine.splits import inner_split
from hasei.tasks import Array, Floats, Space, Task

STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)


def solve_chosen(
    task: Task, space: Space, features: Floats, targets: Array, units: list[str], seed: int, strength: float | None
) -> tuple[Array, Array, float]:
    """Return weight (w, f), bias (w,) and strength of a head on *features* (n, f); *strength* None: chosen by *units*."""
    if strength is None:
        strength = STRENGTHS[2]
        fit, held = inner_split(units, 0.2, seed) if len(set(units)) > 1 else (np.arange(0), np.arange(0))
        if len(fit) and len(held):
            strength = min(STRENGTHS, key=lambda l2: mean_loss(task, space, features, targets, l2, fit, held))
    return (*solve_head(task, space, features, targets, strength), strength)


def mean_loss(
    task: Task, space: Space, features: Floats, targets: Array, strength: float, fit: Ints, held: Ints
) -> float:
    """Return the mean loss on the rows *held* of a head solved on the rows *fit*."""
    return loss_of(task, *solve_head(task, space, features[fit], targets[fit], strength), features[held], targets[held])


def loss_of(task: Task, weight: Array, bias: Array, features: Floats, targets: Array) -> float:
    """Return the mean loss of a head on *features* (n, f)."""
    import torch

    outputs = torch.from_numpy((features @ weight.T + bias).astype(np.float32))
    return float(task.loss(outputs, padded(targets)).mean())
