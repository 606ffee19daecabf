"""A small head over the outputs of several members, learnt from answers that they gave to rows they had not seen.

Source: Wolpert 1992, "Stacked generalization". Shapes: m members, n rows, w outputs; features (n, m w); weight (w, m w).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hasei.engine.derivation import Context, Settings
from hasei.engine.splits import folds, part
from hasei.formats._ensemble import stackable
from hasei.ground.errors import NotSupported
from hasei.methods._strength import solve_chosen
from hasei.tasks import Array, Floats


def stacked(
    context: Context, members: Sequence[tuple[Any, Settings]], how: str, count: int, strength: float | None
) -> tuple[Array, Array, float]:
    """Return weight, bias and strength of the head over *members* (plug-in and settings with every choice made).

    Every row is answered by members derived from the other folds (whole units, at most *count* of them). Raises NotSupported
    where all rows are of one unit.
    """
    count = min(count, len(set(context.units)))
    if count < 2:
        raise NotSupported(
            "stacking learns from rows that a member has not seen", expected="rows of at least two units",
            received="one unit", do="set join to vote",
        )  # fmt: skip
    fold = folds(context.units, count, context.seed)
    outputs: list[Floats] = [np.empty((len(context.inputs), context.space.width), np.float32) for _ in members]
    for k in range(count):
        learnt, asked = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        rows = [context.inputs[i] for i in asked]
        for found, (plugin, settings) in zip(outputs, members):
            context.watch.check()
            done = plugin.derive(replace(part(context, learnt), scratch=None), settings)
            found[asked] = (done.from_store or done.predictor.outputs)(rows)
    features = stackable(outputs, how)
    return solve_chosen(context.task, context.space, features, context.targets, context.units, context.seed, strength)
