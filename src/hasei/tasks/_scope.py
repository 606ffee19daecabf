"""Rows that no class is for: how far out of scope a row lies, and outputs with the threshold for it worked in.

Where train rows of such a label exist the score is its output minus the largest of the others: the log odds of the one
against the other. Without them it is minus the largest output.

Source: Larson et al. 2019, "An evaluation dataset for intent classification and out-of-scope prediction" (a class of its own,
with a threshold); Hendrycks & Gimpel 2017, "A baseline for detecting misclassified and out-of-distribution examples" (the
largest softmax probability); Hendrycks et al. 2022, "Scaling out-of-distribution detection for real-world settings" (the
largest output). On clinc150's development rows, with heads solved on train rows in scope, the largest output told more (AUROC
0.962) than the largest probability (0.949 to 0.956), the energy of Liu et al. 2020 (0.957 to 0.959) or the gap to the second.
Shapes: outputs (n, width) unnormalised log probabilities; scores (n,); outputs as read (n, len(``space.said``)).

>>> space = Space(2, ("card", "pin"), scope=Scope("oos", -1.0))
>>> as_read(space, np.array([[3.0, 0.0], [0.5, 0.0]])).argmax(1).tolist(), space.said
([0, 2], ('card', 'pin', 'oos'))
"""

from __future__ import annotations

import numpy as np

from hasei.tasks import Array, Floats, Scope, Space


def scores(space: Space, outputs: Array) -> Floats:
    """Return how far out of scope each row of *outputs* lies (n,), float64; more is farther."""
    own, others = _parted(space, outputs)
    most: Floats = others.max(axis=1)
    return -most if own is None else own - most


def as_read(space: Space, outputs: Array) -> Array:
    """Return *outputs* such that the largest is the answer: that of the label out of scope leads by score - threshold."""
    if space.scope is None or space.scope.threshold is None or not len(outputs):
        return outputs
    most = _parted(space, outputs)[1].max(axis=1)
    led = most + (scores(space, outputs) - space.scope.threshold)
    if len(space.said) > space.width:
        return np.concatenate([np.asarray(outputs, np.float64), led[:, None]], axis=1)
    found = np.array(outputs, np.float64)
    found[:, space.names.index(space.scope.label)] = led
    return found


def _parted(space: Space, outputs: Array) -> tuple[Floats | None, Floats]:
    """Return the outputs of the label out of scope (n,), None where it has none, and those of all other classes."""
    found = np.asarray(outputs, np.float64)
    place = space.names.index(space.scope.label) if space.scope and space.scope.label in space.names else None
    return (None, found) if place is None else (found[:, place], np.delete(found, place, axis=1))


__all__ = ["Scope", "as_read", "scores"]
