"""The solved head, with a strength of regularisation that means the same for every base.

Shapes: features (n, h), weight (w, h), bias (w,).
"""

from __future__ import annotations

import numpy as np

from hasei.tasks import Array, Floats, Space, Task

_SAMPLE = 4096


def solve_head(task: Task, space: Space, features: Floats, targets: Array, strength: float) -> tuple[Array, Array]:
    """Solve the task's linear head; *strength* is the weight of the squared norm for features of variance one.

    A task penalises the weights as they are. Features of small variance need large weights, so the penalty is scaled by
    their variance: the best strength is then about the same for all bases, layers and poolings.
    """
    variance = float(np.var(np.asarray(features[:_SAMPLE], np.float64), axis=0).mean())
    return task.solve(features, targets, space, strength * max(variance, 1e-12))
