"""How near two sets of outputs for the same rows are: the part of parity that needs no true answers.

A step that loses nothing (a merge, save and load, another file format at the same precision) must give the same answers and
outputs within :data:`TOLERANCE`; what a step may lose is judged in :mod:`hasei.judge.parity`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hasei.engine.ragged import difference, is_ragged
from hasei.tasks import Array, Space, Task

TOLERANCE = 1e-4
"""Largest difference of outputs, relative to the largest of them, of a step that loses nothing: float32 in another order."""
_CLOSE = 0.01
"""Answers that are numbers agree where they are apart by at most this share of their spread, for a step that may lose."""
_NUMBER = (int, float, np.number)


@dataclass(frozen=True)
class Nearness:
    """*rows* compared; *agree* (n,), which of them have the same answer; *apart*, the largest difference of outputs relative to
    the largest output (to 1 where all are smaller); infinite where shapes or texts differ.
    """

    rows: int
    agree: Array
    apart: float

    @property
    def agreement(self) -> float:
        """Share of rows with the same answer; 1 without rows."""
        return float(np.mean(self.agree)) if self.rows else 1.0

    @property
    def disagreeing(self) -> list[int]:
        """Indices of the rows whose answers differ."""
        return [int(i) for i in np.flatnonzero(~self.agree)]

    @property
    def equal(self) -> bool:
        """Whether these may be the outputs of a step that loses nothing."""
        return bool(self.agree.all()) and self.apart <= TOLERANCE


def nearness(
    task: Task, space: Space, before: Array, after: Array, *, lossless: bool = True, said: Space | None = None
) -> Nearness:
    """Return how near the outputs *after* are to those *before*, (n, w) each or ragged, by the answers that *task* reads in them.

    *said* is the space of *after* where its folder states one of its own: the same outputs in another order of labels are other
    answers. Numbers agree within :data:`TOLERANCE` where *lossless*, else within a hundredth of their spread.
    """
    rows = len(before)
    if len(after) != rows:
        return Nearness(rows, np.zeros(rows, bool), math.inf)
    if not rows:
        return Nearness(0, np.ones(0, bool), 0.0)
    one, other = task.answers(space, before).values, _answers(task, said or space, after)
    close = _tolerance(one, lossless)
    agree = np.array([same(a, b, close) for a, b in zip(one, other, strict=True)], bool)
    return Nearness(rows, agree, relative(before, after))


def relative(before: Array, after: Array) -> float:
    """Return the largest difference relative to the largest output of *before* (to 1 where all are smaller, or are texts)."""
    if is_ragged(before) != is_ragged(after) or before.shape != after.shape:
        return math.inf
    found = difference(before, after)
    if math.isnan(found):
        return math.inf
    return found / (1.0 if is_ragged(before) else max(1.0, float(np.abs(before).max(initial=0.0))))


def same(one: Any, other: Any, close: float = TOLERANCE) -> bool:
    """Whether two answers say the same: numbers within *close*, texts to the letter; numbers in JSON texts are numbers."""
    if isinstance(one, _NUMBER) and isinstance(other, _NUMBER):
        return bool(abs(float(one) - float(other)) <= close)
    if isinstance(one, str) and isinstance(other, str):
        return one == other or (one[:1] in ("[", "{") and _same_parts(_read(one), _read(other), close))
    return bool(one == other)


def _answers(task: Task, space: Space, outputs: Array) -> Sequence[Any]:
    try:
        return task.answers(space, outputs).values
    except (IndexError, ValueError, KeyError, TypeError):  # outputs that are none for this space
        return [None] * len(outputs)


def _tolerance(values: Sequence[Any], lossless: bool) -> float:
    numbers = [float(v) for v in values if isinstance(v, _NUMBER)]
    if not numbers:
        return 10 * TOLERANCE  # scores inside structured answers are rounded by their tasks
    spread = max(numbers) - min(numbers)
    return _CLOSE * spread if not lossless and spread > 0 else TOLERANCE * max(1.0, *map(abs, numbers))


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _same_parts(one: Any, other: Any, close: float) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, _NUMBER) and isinstance(other, _NUMBER):
        whole = isinstance(one, int) and isinstance(other, int)
        return one == other if whole else abs(one - other) <= close
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same_parts(a, b, close) for a, b in zip(one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same_parts(value, other[key], close) for key, value in one.items())
    return bool(one == other)
