"""Honest bounds for money where a few dear rows decide.

A bootstrap knows only the errors that happened. Where one row in a hundred can cost 500 times as much as the others and
none of the few dear rows in the sample happened to be answered wrongly, it takes them to be answered rightly for ever. So
rows are sorted by what is at stake in them (whoever answers, and however); within each kind the shares of rows won and
lost have an interval that knows of errors not seen, and the kinds are put together.

Source: Zou & Donner (2008), MOVER, for the sum over kinds; McNemar's exact test within a kind.
Shapes: n rows in u units. *alpha* is one-sided.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hasei.ground.statistics import Interval, mcnemar
from hasei.ground.statistics.power import LEAST_ERRORS
from hasei.inputs.purpose import RowCosts

Floats = npt.NDArray[np.float64]
_KIND = 4.0
"""Rows are of one kind when their stakes differ by less than this factor."""
_MOST_ANSWERS = 200
_MATTERS = 0.2
"""Share of all that is at stake from which on a kind's few errors make the whole too few."""


def stakes(
    rule: RowCosts, truths: Sequence[Any], names: Sequence[str], weights: npt.ArrayLike | None = None
) -> Floats:  # fmt: skip
    """Return what is at stake in each row (n,): the dearest answer it could get less the cheapest one.

    *names* are the labels that an answer can be (the first 200 are tried); without any, as where targets are numbers,
    nothing is known beforehand and every row has the same stake.
    """
    if not names:
        return np.ones(len(truths)) if weights is None else np.asarray(weights, np.float64)
    known, index = np.unique(np.asarray([str(t) for t in truths]), return_inverse=True)
    answers = list(names[:_MOST_ANSWERS])
    costs = rule.of(np.repeat(known, len(answers) + 1).tolist(), [a for t in known for a in (*answers, str(t))])
    by_truth = costs.reshape(len(known), len(answers) + 1)
    found: Floats = (by_truth.max(1) - by_truth.min(1))[index]
    return found if weights is None else found * np.asarray(weights, np.float64)


def widened(
    interval: Interval, ahead: npt.ArrayLike, at_stake: npt.ArrayLike, units: Sequence[str], alpha: float,
    se_factor: float = 1.0,
) -> Interval:  # fmt: skip
    """Return *interval*, of the mean of *ahead* (n,), reaching at least as far as the kinds of row by *at_stake* (n,) allow.

    *ahead* is a difference of two costs, positive where the first is the dearer, or one cost alone. Where all rows have
    the same stake the interval is as it was.
    """
    sums, total, rows = _by_unit(np.asarray(ahead, np.float64), np.asarray(at_stake, np.float64), units)
    kinds = list(_kinds(total))
    if len(kinds) < 2:
        return interval
    arms, few, every = [], False, float(total.sum())
    for kind in kinds:
        one = _kind_interval(sums[kind], alpha)
        weight = float(total[kind].sum()) / rows
        arms.append((weight * (one.value - one.low), weight * (one.high - one.value)))
        seen = int(np.count_nonzero(sums[kind]))
        few = few or (float(total[kind].sum()) >= _MATTERS * every and seen < LEAST_ERRORS)
    below, above = (se_factor * math.sqrt(sum(arm[side] ** 2 for arm in arms)) for side in (0, 1))
    return replace(
        interval, low=min(interval.low, interval.value - below), high=max(interval.high, interval.value + above),
        method=f"{interval.method}, by what is at stake", too_few=interval.too_few or few,
    )  # fmt: skip


def _by_unit(ahead: Floats, at_stake: Floats, units: Sequence[str]) -> tuple[Floats, Floats, int]:
    """Sum both by unit: (u,), (u,); and the number of rows."""
    _, index = np.unique(np.asarray(units), return_inverse=True)
    sums, total = (np.bincount(index, weights=w).astype(np.float64) for w in (ahead, at_stake))
    return sums, total, len(ahead)


def _kinds(total: Floats) -> Iterator[npt.NDArray[np.bool_]]:
    """Yield which units (u,) are of a kind, dearest first; a kind starts at the dearest unit that is in no other."""
    left = total > 0
    while left.any():
        kind = left & (total > total[left].max() / _KIND)
        yield kind
        left &= ~kind


def _kind_interval(sums: Floats, alpha: float) -> Interval:
    """Return the interval of (units won less units lost) / units."""
    return mcnemar(int((sums > 0).sum()), int((sums < 0).sum()), len(sums), alpha)
