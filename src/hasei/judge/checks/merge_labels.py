"""Pairs of labels that two readers can't tell apart: merge these, or write down the rule that separates them?

**Source**: balanced accuracy on the rows of just the two labels, by held-out probabilities; a pair passes where it is
surely above three quarters (Agresti & Coull 1998 for the standard error; Holm 1979 over all pairs that get confused).
A pair is named only where at least half of all that goes wrong with the two goes wrong between them: readers that are
weak throughout confuse everything with everything, and that is no fault of two labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from hasei.engine.batching import Ints
from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._opinion import Opinion, opinion
from hasei.judge.checks._room import Room
from hasei.judge.checks._saying import percent, short
from hasei.judge.checks._slices import effective, holm

NEEDS = "base"
_SURELY_ABOVE = 0.75
_TOLD_APART = 0.85
_MOSTLY = 0.5
_LEAST_CONFUSED = 5
_LEAST_UNITS = 10
_MOST = 5


@dataclass(frozen=True)
class Pair:
    """Two labels (positions in the opinion's names), the rows taken for the other one, and how well they are told apart.

    *balanced* is the mean of the two shares that are kept apart, *chance* how likely a share so high is by chance, were
    it three quarters.
    """

    one: int
    other: int
    one_as_other: Ints
    other_as_one: Ints
    balanced: float
    chance: float


def find(room: Room) -> list[Finding]:
    """Return a finding for each of the five pairs least told apart; nothing where the readers can't read the rows."""
    found = opinion(room)
    if found is None or not found.is_worth_hearing():
        return []
    return [_said(room, found, pair) for pair in confusable(found)[:_MOST]]


def confusable(found: Opinion) -> list[Pair]:
    """Return the pairs that get confused both ways, mostly with each other, and are not surely told apart, the worst first."""
    counts = np.zeros((len(found.names),) * 2, np.int64)
    np.add.at(counts, (found.labels, found.rather), 1)
    between = counts + counts.T
    wrong = counts.sum(1) - counts.diagonal()
    mostly = between >= _MOSTLY * (wrong[:, None] + wrong[None, :])
    both = np.triu((between >= _LEAST_CONFUSED) & (counts > 0) & (counts.T > 0) & mostly, 1)
    pairs = [_pair(found, int(a), int(b)) for a, b in np.argwhere(both)]
    apart = holm([pair.chance for pair in pairs])
    kept = [p for p, surely in zip(pairs, apart, strict=True) if not surely and p.balanced < _TOLD_APART]
    return sorted(kept, key=lambda pair: pair.balanced)


def _pair(found: Opinion, one: int, other: int) -> Pair:
    mistaken: list[Ints] = []
    shares: list[float] = []
    variance = 0.0
    fewest = math.inf
    for own, rival in ((one, other), (other, one)):
        rows = np.flatnonzero(found.labels == own)
        wrong = rows[found.probabilities[rows, rival] > found.probabilities[rows, own]]
        units = effective(rows, found.units)
        shares.append(1 - len(wrong) / len(rows))
        likely = (shares[-1] * units + 2) / (units + 4)
        variance += likely * (1 - likely) / (units + 4)
        fewest = min(fewest, units)
        mistaken.append(wrong)
    balanced = sum(shares) / 2
    z = (balanced - _SURELY_ABOVE) / (math.sqrt(variance) / 2)
    chance = 1 - NormalDist().cdf(z) if fewest >= _LEAST_UNITS else 0.0
    return Pair(one, other, mistaken[0], mistaken[1], balanced, chance)


def _said(room: Room, found: Opinion, pair: Pair) -> Finding:
    one, other = found.names[pair.one], found.names[pair.other]
    sizes = {name: int((found.labels == place).sum()) for name, place in ((one, pair.one), (other, pair.other))}
    message = _(
        "'{one}' and '{other}' can hardly be told apart: {a} of {n} rows of the first and {b} of {m} of the second look"
        " like the other one (told apart in {share}, a coin would in 50 %)",
        one=short(one), other=short(other), a=len(pair.one_as_other), n=sizes[one], b=len(pair.other_as_one),
        m=sizes[other], share=percent(pair.balanced),
    )  # fmt: skip
    rows = found.rows[np.concatenate([pair.one_as_other, pair.other_as_one])]
    file, lines = next(iter(room.rows.by_file(rows).items()))
    evidence = {
        "labels": [one, other], "rows": sizes, "one_as_other": len(pair.one_as_other),
        "other_as_one": len(pair.other_as_one), "balanced_accuracy": round(pair.balanced, 4),
    }  # fmt: skip
    do = _("merge the two labels, or write down the rule that separates them and correct these rows by it")
    return Finding("confusable_labels", "warning", message, file, lines, do, evidence=evidence)
