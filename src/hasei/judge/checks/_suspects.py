"""Which labels look wrong, and how many of all are: by confident learning on what two readers make of them.

**Source**: Northcutt et al. 2021, *Confident learning*, by cleanlab.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hasei.engine.batching import Ints
from hasei.ground.statistics import Interval
from hasei.judge.checks._opinion import Opinion


def suspects(found: Opinion) -> Ints:
    """Return the positions of the labels that look wrong, the most suspect first.

    As many as :func:`noise_rate` expects, those whose own label is least likely: of the rules tried this finds planted
    slips most surely.
    """
    return _ranked(found)[: round(noise_rate(found).value * len(found.labels))]


def _ranked(found: Opinion) -> Ints:
    """Return the positions of all labels that the readers reject, the least likely first."""
    from cleanlab.rank import get_self_confidence_for_each_label

    own: Any = get_self_confidence_for_each_label(found.labels, found.probabilities)
    order = np.argsort(own, kind="stable")
    return order[found.disagrees[order]]


def noise_rate(found: Opinion) -> Interval:
    """Return the share of labels that are wrong: the middle one of three counts, within the bounds of all three.

    Confident learning counts what it is sure of and, calibrated, what it expects; where the readers are surest nearly
    all that they reject is wrong. Each errs in its own way, so the interval reaches as far as any of them does.
    """
    from cleanlab.count import num_label_issues

    most = int(found.disagrees.sum())
    counts = [
        found.share(float(min(most, num_label_issues(found.labels, found.probabilities, estimation_method=how))))
        for how in ("off_diagonal", "off_diagonal_calibrated")
    ]
    low, middle, high = sorted([*counts, found.surest_disagrees()], key=lambda share: share.value)
    return middle.joined(low).joined(high)
