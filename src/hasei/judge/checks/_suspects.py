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

    As many as confident learning counts, those whose own label is least likely: of cleanlab's rules this finds planted
    flips most surely.
    """
    from cleanlab.filter import find_label_issues

    ranked: Any = find_label_issues(
        found.labels, found.probabilities, filter_by="low_self_confidence",
        return_indices_ranked_by="self_confidence", n_jobs=1,
    )  # fmt: skip
    positions = np.asarray(ranked, np.int64)
    return positions[found.disagrees[positions]]


def noise_rate(found: Opinion) -> Interval:
    """Return the share of labels that are wrong: the middle one of three counts, within the bounds of all three.

    Confident learning counts what it is sure of and, calibrated, what it expects; where the readers are surest nearly
    all that they reject is wrong. Each errs in its own way, so the interval reaches as far as any of them does.
    """
    from cleanlab.count import num_label_issues

    expected = num_label_issues(found.labels, found.probabilities, estimation_method="off_diagonal_calibrated")
    counts = [
        found.share(float(len(suspects(found)))), found.share(float(min(expected, len(found.labels)))),
        found.surest_disagrees(),
    ]  # fmt: skip
    low, middle, high = sorted(counts, key=lambda share: share.value)
    return middle.joined(low).joined(high)
