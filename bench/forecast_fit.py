"""How often the forecast of twice and four times the rows holds, each data set judged by constants fitted to the others.

    python bench/forecast_fit.py

Reads ``forecast_cases.csv`` (made by ``forecast_cases.py``): per case the sizes learnt from, the scores at them and the score
that was then reached on other rows at ``times`` as many. The constants of :mod:`hasei.ground.statistics.curve` are fitted
to accuracy, another pair to macro-F1: of the pairs under which 90 % of the cases lie inside, the one with the least mean
interval score (Gneiting & Raftery 2007), on the scale of log odds.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hasei.ground.statistics import curve

CASES = Path(__file__).with_name("forecast_cases.csv")
INSIDE = 0.9
Z = 1.6448536269514722
EXTRAPOLATIONS = np.arange(0.1, 0.6, 0.02)
Rows = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Case:
    """A curve, what it was continued to, and where that is."""

    task: str
    source: str
    rows: int
    number: int
    times: int
    sizes: tuple[float, ...]
    scores: tuple[float, ...]
    se: float
    truth: float
    by_row: bool = True

    def forecast(self) -> curve.Forecast:
        """What the shipped function says, with the constants that it has now."""
        how = {"se": self.se, "bounds": (0.0, 1.0), "scored": self.rows, "by_row": self.by_row}
        found = curve.forecast(self.sizes, self.scores, self.times * self.rows, **how)
        if found is None:
            raise ValueError(f"no forecast for {self}")
        return found


def read(metric: str = "accuracy") -> list[Case]:
    with CASES.open(encoding="utf-8", newline="") as file:
        return [_case(r) for r in csv.DictReader(file) if r["metric"] == metric]


def _case(row: dict[str, str]) -> Case:
    sizes, scores = (tuple(float(row[f"{kind}{j}"]) for j in (1, 2, 3, 4)) for kind in "ns")
    rows, number, times = (int(row[name]) for name in ("rows", "draw", "times"))
    return Case(row["task"], row["source"], rows, number, times, sizes, scores, float(row["se"]), float(row["truth"]),
                row["metric"] == "accuracy")  # fmt: skip


def fit(cases: Iterable[Case]) -> tuple[float, float]:
    """Return the pair of constants fitted to *cases*."""
    parts = []
    for case in cases:
        scale = curve._Scale(1, (0.0, 1.0), case.rows)
        ahead = curve._fit(case.sizes, case.scores, case.se, scale)
        if ahead is None:
            raise ValueError(f"no curve for {case}")
        gain = ahead.gain(case.times * case.rows)
        truth = float(scale.values(np.array([case.truth]))[0])
        parts.append((ahead.se, gain, abs(truth - ahead.last - gain)))
    se, gain, off = np.array(parts).T
    return min((_pair(se, gain, off, e) for e in EXTRAPOLATIONS), key=lambda p: _interval_score(se, gain, off, p))


def _pair(se, gain, off, extrapolation: float) -> tuple[float, float]:
    """The least SAMPLING under which the share wanted lies inside."""
    own = np.sqrt(np.maximum((off / Z) ** 2 - (extrapolation * gain) ** 2, 0)) / se
    return float(np.quantile(own, INSIDE, method="higher")), float(extrapolation)


def _interval_score(se, gain, off, pair: tuple[float, float]) -> float:
    reach = Z * np.hypot(pair[0] * se, pair[1] * gain)
    return float(np.mean(2 * reach + 2 / (1 - INSIDE) * np.maximum(off - reach, 0)))


def held_out(cases: list[Case], say: Callable[[str], None] = lambda _: None) -> tuple[Rows, npt.NDArray[np.float64]]:
    """Return which cases lie inside and the widths in points, every source judged by constants fitted to the others."""
    inside, width = np.zeros(len(cases), bool), np.zeros(len(cases))
    shipped = curve.SAMPLING, curve.EXTRAPOLATION
    try:
        for source in sorted({c.source for c in cases}):
            curve.SAMPLING, curve.EXTRAPOLATION = fit(c for c in cases if c.source != source)
            say(f"without {source}: {curve.SAMPLING:.2f}, {curve.EXTRAPOLATION:.2f}")
            for i, case in enumerate(cases):
                if case.source == source:
                    found = case.forecast()
                    inside[i] = found.pessimistic <= case.truth <= found.optimistic
                    width[i] = 100 * (found.optimistic - found.pessimistic)
    finally:
        curve.SAMPLING, curve.EXTRAPOLATION = shipped
    return inside, width


def main() -> None:
    cases = read()
    inside, width = held_out(cases, print)

    def line(name: str, some: Rows) -> str:
        floor = np.median([200 * Z * c.se for c, s in zip(cases, some, strict=True) if s])
        return f"| {name} | {some.sum()} | {inside[some].mean():.1%} | {np.median(width[some]):.1f} | {floor:.1f} |"

    print("fitted to all: {:.2f}, {:.2f}; to macro-F1: {:.2f}, {:.2f}".format(*fit(cases), *fit(read("macro_f1"))))
    print("| | cases | inside | median width | of it, if the curve were known |\n|---|---:|---:|---:|---:|")
    rows, times = np.array([c.rows for c in cases]), np.array([c.times for c in cases])
    for size in sorted(set(rows)):
        for more in sorted(set(times)):
            if np.any(some := (rows == size) & (times == more)):
                print(line(f"{size:,} rows, x {more}", some))
    for name in sorted({c.source for c in cases}):
        print(line(name, np.array([c.source == name for c in cases])))
    for least in sorted(set(rows)):
        print(line(f"all of {least:,} rows and more", rows >= least))


if __name__ == "__main__":
    main()
