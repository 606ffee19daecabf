"""Every row in hand, scored by heads that have not seen it, at four sizes of what the heads learnt from.

A forecast is no better known than the score that it starts from. Cross-validation (Stone 1974) scores all rows in hand, four
or five times as many as a held-out part, which halves that error; heads are solved in fractions of a second, so the folds
are cheap. Parts are nested within a fold and lie elsewhere in every fold, so that one lucky part does not make the curve.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from hasei.engine.batching import Ints
from hasei.engine.splits import folds

SHARES = (0.125, 0.25, 0.5, 1.0)
FOLDS = 5

Settle: TypeAlias = Callable[[Ints], Any]
"""The settings found on some rows."""
Answer: TypeAlias = Callable[[Any, Ints, Ints], Sequence[Any]]
"""Learns with the settings given from the rows of the second argument and answers those of the third."""


@dataclass(frozen=True)
class Part:
    """The *answers* to the rows *scored* (n,) of heads that learnt from *rows* others."""

    rows: int
    scored: Ints
    answers: list[Any]


def parts_of(units: Sequence[str], count: int = FOLDS) -> list[tuple[float, list[tuple[Ints, Ints]]]]:
    """Return for each share, the largest first, the (fit, held) row indices of the first *count* of five folds."""
    fold = folds(units, FOLDS, 0)
    found = []
    for share in sorted(SHARES, reverse=True):
        pairs = []
        for k in range(count):
            fit, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
            pairs.append((np.roll(fit, -(k * len(fit) // FOLDS))[: round(share * len(fit))], held))
        found.append((share, pairs))
    return found


def answer_parts(units: Sequence[str], settle: Settle, answer: Answer, count: int = FOLDS) -> list[Part]:
    """Return the answers at each size, the smallest first; rows are the positions in *units*, in a random order.

    Settings are found anew at every size, on the first rows of that size: what is right for few rows is not for many.
    """
    found = []
    for share, pairs in parts_of(units, count):
        settings = settle(np.arange(round(share * len(units))))
        answers = [a for fit, held in pairs for a in answer(settings, fit, held)]
        learnt = round(float(np.mean([len(fit) for fit, _ in pairs])))
        found.append(Part(learnt, np.concatenate([held for _, held in pairs]), answers))
    return found[::-1]
