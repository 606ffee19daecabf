"""Splits inside train, by units: what a method may look at to choose its own settings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hasei.engine.batching import Ints
from hasei.engine.derivation import Also, Context


def _uniform(units: Sequence[str], seed: int) -> np.ndarray:
    digests = (hashlib.sha256(f"hasei-inner-{seed}:{u}".encode()).digest()[:8] for u in units)
    return np.fromiter((int.from_bytes(d, "big") / 2**64 for d in digests), np.float64, len(units))


def inner_split(units: Sequence[str], share: float, seed: int) -> tuple[Ints, Ints]:
    """Return (fit, held) row indices, both in a random order; whole units, about *share* of them held, both never empty."""
    u = _uniform(units, seed)
    order = np.argsort(u, kind="stable")
    values = u[order]
    cut = int(np.searchsorted(values, share))
    if cut in (0, len(order)):  # tiny data: the hash may put everything on one side
        cut = max(1, min(len(order) - 1, round(share * len(order))))
        while cut < len(order) - 1 and values[cut] == values[cut - 1]:
            cut += 1
    return order[cut:], order[:cut]


def folds(units: Sequence[str], count: int, seed: int) -> Ints:
    """Return the fold (n,) of each row, 0 to count-1: whole units, sizes as equal as units allow."""
    u = _uniform(units, seed)
    unique, inverse, sizes = np.unique(u, return_inverse=True, return_counts=True)
    load = np.zeros(count, np.int64)
    fold_of = np.empty(len(unique), np.int64)
    for i in range(len(unique)):
        fold_of[i] = int(load.argmin())
        load[fold_of[i]] += sizes[i]
    return fold_of[inverse].astype(np.int64)


def part(context: Context, rows: Ints) -> Context:
    """Return *context* with the rows *rows* of it alone, in their order."""
    place = {int(row): i for i, row in enumerate(rows)}
    return replace(
        context, inputs=[context.inputs[i] for i in rows], targets=context.targets[rows],
        truth=[context.truth[i] for i in rows], units=[context.units[i] for i in rows],
        stages=tuple(context.stages[i] for i in rows) if context.stages else (),
        also=tuple(_among(one, place) for one in context.also),
    )  # fmt: skip


def _among(one: Also, place: dict[int, int]) -> Also:
    kept = np.array([int(row) in place for row in one.rows], np.bool_)
    rows = np.array([place[int(row)] for row in one.rows[kept]], np.int64)
    return replace(one, rows=rows, targets=one.targets[kept])
