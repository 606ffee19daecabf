"""Is somebody worse off? The paired gain of W over R in each slice of the confirm rows, and which slices are surely harmed.

Source: Holm 1979, "A simple sequentially rejective multiple test procedure", over all slices that are judged.

A slice is harmed where W does surely worse than R (outside the interval that is shown, and at Holm's level for all slices
together) and by at least a threshold, two points: a loss that is sure but tiny is said by its interval, not refused.

Shapes: n rows; columns are n cells each. Relations: how a column is cut into slices is told by
:mod:`hasei.judge.checks._slices`, so that ``hasei check`` and the verdict speak of the same groups.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hasei.ground.language import _
from hasei.ground.statistics import Interval
from hasei.judge.checks._slices import LEAST_UNITS, cut
from hasei.judge.evaluation import NUMBER, compare, taken
from hasei.judge.wording import Words
from hasei.tasks import Metric
from hasei.tasks._class_metrics import accuracy, same
from hasei.tasks._number_metrics import METRICS as ERRORS

THRESHOLD = 0.02


@dataclass(frozen=True)
class Slice:
    """One value of one column: what W and R reach there, and the paired gain; *harmed*: surely worse, and by enough.

    *units* are its independent rows; with fewer than 30 of them it is not *judged*, and its interval says why. *share*: the
    metric is one, and a difference is said in points. *asked*: the user named the column; else it is the true answer.
    *measure*: the metric by which both are measured.
    """

    column: str
    value: str
    rows: int
    units: int
    winner: float
    reference: float
    gain: Interval
    harmed: bool = False
    judged: bool = True
    share: bool = True
    asked: bool = True
    measure: str = ""

    def words(self) -> str:
        """Say the slice in one sentence."""
        about = {"column": self.column, "value": self.value}
        if not self.judged:
            return _(
                "where {column} is '{value}' there are {units} independent rows, too few to judge (at least {least})",
                units=self.units, least=LEAST_UNITS, **about,
            )  # fmt: skip
        points = Words("", self.share, 0.0).bare_points(abs(self.gain.value))
        values = {"rows": self.rows, "points": points, **about}
        if self.gain.value < 0 and self.share:
            return _("where {column} is '{value}' it is {points} points worse ({rows} rows)", **values)
        if self.gain.value < 0:
            return _("where {column} is '{value}' it is worse by {points} ({rows} rows)", **values)
        return _("where {column} is '{value}' it is no worse ({rows} rows)", **values)

    def to_json(self) -> dict[str, Any]:
        """Return the slice as plain JSON; a bound that nothing is known of is null."""
        gain = {name: getattr(self.gain, name) for name in ("value", "low", "high")}
        return {
            "column": self.column, "value": self.value, "rows": self.rows, "units": self.units, "winner": self.winner,
            "reference": self.reference, "gain": {k: v if math.isfinite(v) else None for k, v in gain.items()},
            "harmed": self.harmed, "judged": self.judged, "asked": self.asked,
            "measure": self.measure,
        }  # fmt: skip


def harm(
    metric: Metric, winner: Sequence[Any], reference: Sequence[Any], true: Sequence[Any], units: Sequence[str],
    columns: Mapping[str, Sequence[str]], *, alpha: float = 0.025, se_factor: float = 1.0, threshold: float = THRESHOLD,
    most: int = 20,
) -> list[Slice]:  # fmt: skip
    """Return the slices of *columns* (cells (n,) by column) with their paired gains: harmed first, then worst first.

    Numbers are cut at their quartiles, of many values the *most* common are kept and the others put together. *alpha* is that of
    the intervals; without any harm at most 2 *alpha* of all cases have a slice flagged, however many slices there are.
    *threshold* is in the metric's unit for a share, else as a part of what *reference* reaches over all rows.
    """
    share = metric.bounds == (0.0, 1.0)
    least = threshold if share else threshold * abs(metric.value(reference, true))

    def asked(rows: Any, level: float) -> Interval:
        parts = [taken(values, rows) for values in (winner, reference, true, units)]
        return compare(metric, *parts, alpha=level, se_factor=se_factor)

    found, places = [], []
    for column, cells in columns.items():
        for part in cut(cells, units, most):
            parts = [taken(values, part.rows) for values in (winner, reference, true, units)]
            w, r = (float(metric.value(answers, parts[2])) for answers in parts[:2])
            count = len(set(parts[3]))
            gain = compare(metric, *parts, alpha=alpha, se_factor=se_factor)
            judged = count >= LEAST_UNITS
            found.append(
                Slice(
                    column,
                    part.value,
                    len(part.rows),
                    count,
                    w,
                    r,
                    gain,
                    judged=judged,
                    share=share,
                    measure=metric.name,
                )
            )
            places.append(part.rows)
    tests = sum(one.judged for one in found)
    doubtful = [i for i, s in enumerate(found) if s.judged and s.gain.high < 0 and s.gain.value <= -least]
    harmed = _holm(doubtful, tests, 2 * alpha, lambda i, level: asked(places[i], min(level, alpha)).high < 0)
    flagged = [replace(one, harmed=i in harmed) for i, one in enumerate(found)]
    return sorted(flagged, key=lambda s: (not s.judged, not s.harmed, s.gain.value))


def _holm(doubtful: Sequence[int], tests: int, family: float, holds: Callable[[int, float], bool]) -> set[int]:
    """Return which of *doubtful* hold, of so many *tests*, when together they may be wrong in *family* of all cases.

    Holm's steps, asked of intervals: all that hold at family / tests; with those gone the others at a milder level; until
    a step brings none.
    """
    held: set[int] = set()
    while True:
        level = family / max(1, tests - len(held))
        new = {i for i in doubtful if i not in held and holds(i, level)}
        if not new:
            return held
        held |= new


def harm_by_truth(
    metric: Metric, winner: Sequence[Any], reference: Sequence[Any], true: Sequence[Any], units: Sequence[str], *,
    alpha: float = 0.025, se_factor: float = 1.0,
) -> list[Slice]:  # fmt: skip
    """Return the slices that every study has: rows by their true answer (classes, quartiles of numbers).

    They are for saying, not for refusing: better overall may well mean a little worse at one class. A metric over all classes
    means nothing within one class, nor a correlation within a quarter: there right answers, or errors, are compared.
    """
    measure = metric if metric.rowwise else ERRORS["mae"] if isinstance(true[0], NUMBER) else _RIGHT
    column = {_("true answer"): [str(value) for value in true]}
    how: dict[str, Any] = {"alpha": alpha, "se_factor": se_factor}
    if not isinstance(true[0], NUMBER):
        how["most"] = len(set(column[_("true answer")]))
    return [replace(s, asked=False) for s in harm(measure, winner, reference, true, units, column, **how)]


def forgotten(
    metric: Metric, winner: Sequence[Any], before: Sequence[Any], true: Sequence[Any], units: Sequence[str], *,
    alpha: float = 0.025, se_factor: float = 1.0, threshold: float = THRESHOLD,
) -> Slice:  # fmt: skip
    """Return *winner* against what was there *before* on rows that must not get worse, as one slice of all of them.

    *harmed* means forgotten: surely worse, and by at least *threshold*.
    """
    whole = {_("kept rows"): [_("all")] * len(true)}
    how: dict[str, Any] = {"alpha": alpha, "se_factor": se_factor, "threshold": threshold}
    return harm(metric, winner, before, true, units, whole, **how)[0]


_RIGHT = Metric("right answers", 1, accuracy, same)

__all__ = ["LEAST_UNITS", "THRESHOLD", "Slice", "forgotten", "harm", "harm_by_truth"]
