"""Is somebody worse off? The paired gain of W over R in each slice of the confirm rows, and which are surely harmed.

Source: Holm 1979, "A simple sequentially rejective multiple test procedure", over all slices that are judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hasei.ground.language import _
from hasei.ground.statistics import Interval
from hasei.judge.evaluation import compare, score
from hasei.tasks import Metric

LEAST_UNITS = 30
THRESHOLD = 0.02


@dataclass(frozen=True)
class Slice:
    """One value of one column: what W and R reach there, and the paired gain; *harmed*: surely worse, and by enough."""

    column: str
    value: str
    rows: int
    units: int
    winner: float
    reference: float
    gain: Interval
    harmed: bool = False

    def words(self) -> str:
        """Say the slice in one sentence."""
        return _(
            "where {column} is '{value}' it is {points} points worse ({rows} rows)", column=self.column, value=self.value,
            points=f"{-100 * self.gain.value:.1f}", rows=self.rows,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return the slice as plain JSON."""
        return {
            "column": self.column, "value": self.value, "rows": self.rows, "units": self.units, "winner": self.winner,
            "reference": self.reference, "gain": {"value": self.gain.value, "low": self.gain.low, "high": self.gain.high},
            "harmed": self.harmed,
        }  # fmt: skip


def harm(
    metric: Metric, winner: Sequence[Any], reference: Sequence[Any], true: Sequence[Any], units: Sequence[str],
    columns: Mapping[str, Sequence[str]], *, alpha: float = 0.025, se_factor: float = 1.0,
) -> list[Slice]:  # fmt: skip
    """Return the slices of *columns* (values (n,) by column) with their paired gains, worst first."""
    found = []
    for column, values in columns.items():
        for value in sorted(set(values)):
            rows = [i for i, v in enumerate(values) if v == value]
            parts = [[list_[i] for i in rows] for list_ in (winner, reference, true, units)]
            if len(set(parts[3])) < LEAST_UNITS:
                continue
            gain = compare(metric, parts[0], parts[1], parts[2], parts[3], alpha=alpha, se_factor=se_factor)
            w, r = (score(metric, p, parts[2], parts[3], draws=50).value for p in parts[:2])
            harmed = gain.high < 0 and gain.value <= -THRESHOLD
            found.append(Slice(column, value, len(rows), len(set(parts[3])), w, r, gain, harmed))
    return sorted(found, key=lambda s: s.gain.value)
