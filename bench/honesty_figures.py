"""The figures of docs/honesty.md, as tables: the simulated worlds of tests/judge/honesty, more of them and in more settings.

``python bench/honesty_figures.py`` prints all of them (some minutes); ``--only power slices`` prints some, ``--worlds 500`` is
quicker and coarser. Nothing is timed and nothing is chosen by what comes out.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "judge" / "honesty"))

import scores
import test_coverage as coverage_worlds
import test_nothing_there as nothing
import test_somebody_worse_off as worse
from worlds import ACCURACY, BASE, PLANTED, Judge, Judged, World

from hasei.inputs.purpose import Prices


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    print(f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |", flush=True)
    print()


def percent(values: Any, digits: int = 1) -> str:
    return f"{100 * float(np.mean(values)):.{digits}f} %"


def points(value: float) -> str:
    return f"{100 * value:+.2f}"


def said(judged: Sequence[Judged]) -> list[bool]:
    return [j.verdict == "adopt" for j in judged]


def nothing_there(worlds: int) -> None:
    rows = []
    for discordance in (0.05, 0.10, 0.16, 0.21):
        world = World(accuracies=(BASE,) * 11, discordance=discordance)
        rows.append((f"ten candidates no better than the reference, discordance {discordance:.2f}",
                     percent(said([Judge().right(*w) for w in world.drawn(1, worlds)]))))  # fmt: skip
    rows.append(("labels that are pure chance (3 classes)", percent([v == "adopt" for v in nothing.by_chance(worlds)])))
    rows.append(("permuted labels (5 classes)", percent([v == "adopt" for v in nothing.permuted(worlds)])))
    for metric, count in (("accuracy", worlds), ("macro_f1", worlds // 4)):
        found = [v == "adopt" for v in nothing.lopsided(count, metric)]
        rows.append((f"95:5 labels without signal, {metric}, {count} worlds", percent(found)))
    for adaptive in (False, True):
        how = "each time varying what has looked best on them" if adaptive else "ten new candidates each time"
        found = nothing.looks(6, 20, adaptive=adaptive, count=worlds)
        rows.append((f"twenty looks at the same confirm rows, {how}", percent(found)))
    table(("world", "adopted"), rows)


def power(worlds: int) -> None:
    shares = (0.08, 0.12, 0.16, 0.17, 0.21, 0.26)
    for planted in (PLANTED, 0.03):
        rows = []
        for base in (0.60, 0.70, 0.80, 0.85, 0.90):
            row = [f"{base:.2f}"]
            for discordance in shares:
                try:
                    world = World(accuracies=(base,) * 10 + (base + planted,), discordance=discordance)
                    judged = [Judge().right(*w) for w in world.drawn(2, worlds)]
                except ValueError:
                    row.append("–")
                    continue
                row.append(percent([j.winner == 10 and j.verdict == "adopt" for j in judged]))
            rows.append(row)
        table((f"+{100 * planted:.0f} points; base", *(f"discordance {s:.2f}" for s in shares)), rows)


def bias(worlds: int) -> None:
    rows = []
    for planted in (0.0, 0.02, 0.03, 0.05):
        world = World(accuracies=(BASE,) * 10 + (BASE + planted,))
        judged = [j for j in (Judge().right(*w) for w in world.drawn(3, worlds)) if j.gain is not None]
        off = np.array([j.gain.value - (world.accuracies[j.winner] - BASE) for j in judged if j.gain])
        covered = [j.gain.low <= world.accuracies[j.winner] - BASE <= j.gain.high for j in judged if j.gain]
        adopted = np.array(said(judged))
        among = points(float(off[adopted].mean())) if adopted.any() else "–"
        rows.append((f"{100 * planted:.0f}", percent(adopted), points(float(off.mean())), among, percent(covered, 2)))
    table(("planted, points", "adopted", "reported gain less the true one", "the same among those adopted",
           "interval of the gain covers"), rows)  # fmt: skip


def coverage(worlds: int) -> None:
    rows = []
    for icc in (0.0, 0.1, 0.2, 0.3):
        found = []
        for p in coverage_worlds.SHARES:
            rng = np.random.default_rng(31)
            count = max(100, 10 / (1 - p)) / coverage_worlds.KISH
            intervals = [
                coverage_worlds.chosen(rng, p, icc, math.ceil(count * (1, 2, 4)[i % 3])) for i in range(worlds)
            ]
            found.append(float(np.mean([coverage_worlds.covers(*i) for i in intervals])))
        rows.append((f"{icc:.1f}", *(percent(f) for f in found), percent(found, 2)))
    table(("correlation in a unit", *(f"p = {p}" for p in coverage_worlds.SHARES), "mean"), rows)


def other_metrics(worlds: int) -> None:
    rows = []
    cases = dict(coverage_worlds.BOUNDED)
    for name, (metric, draw) in cases.items():
        rng, score, gain = np.random.default_rng(34), [], []
        for _ in range(worlds // 2):
            drawn = draw(rng)
            first, second = drawn.values
            found = coverage_worlds.bounds(metric, drawn)
            score.append(coverage_worlds.covers(found[0], first))
            gain.append(coverage_worlds.covers(found[1], metric.direction * (first - second)))
        rows.append((name, percent(score), percent(gain)))
    for count in (100, 200, 400, 1600):
        rng, covered, few = np.random.default_rng(35), [], []
        for _ in range(worlds // 2):
            drawn = scores.measured(rng, count, "lognormal")
            found, _ = coverage_worlds.bounds(scores.MAE, drawn)
            covered.append(coverage_worlds.covers(found, drawn.values[0]))
            few.append(found.too_few)
        both = percent(np.array(covered) | np.array(few))
        rows.append((f"mae, {count} rows, log-normal tail", f"{percent(covered)}; said too few {percent(few)}; either {both}",
                     ""))  # fmt: skip
    table(("metric and rows", "interval of the score covers", "interval of the gain covers"), rows)


def forty_times(worlds: int) -> None:
    little, costs = 0.002, (100.0, 4000.0)
    rows = []
    for discordance in (0.01, 0.05, 0.16):
        row = [f"{discordance:.2f}"]
        for pays in (None, 0.01, 0.02, 0.03, 0.05):
            extra = 100_000 * 3.9 * 2 / 3600
            error = None if pays is None else extra / (100_000 * pays)
            prices = (
                Prices() if error is None else Prices(predictions_per_month=100_000, cost_of_an_error=error, cpu_hour=2)
            )
            world = World(accuracies=(BASE, BASE + little), discordance=discordance)
            judged = [Judge(costs=costs, prices=prices).right(*w) for w in world.drawn(14, worlds)]
            row.append(f"{sum(said(judged))} of {worlds}")
        rows.append(row)
    table(("discordance", "no prices", "1 point pays for it", "2 points", "3 points", "5 points"), rows)
    rows = []
    dear_errors = Prices(predictions_per_month=100_000, cost_of_an_error=0.07, cpu_hour=2)
    for name, prices in (("no prices", Prices()), ("three points pay for it", dear_errors)):
        world = World(accuracies=(BASE, BASE + PLANTED, BASE + PLANTED + little))
        judged = [Judge(costs=(1.0, *costs), prices=prices).right(*w) for w in world.drawn(15, worlds)]
        dear = [j.winner == 2 and j.verdict == "adopt" for j in judged]
        cheap = [j.winner == 1 and j.verdict == "adopt" for j in judged]
        rows.append((name, percent(dear, 2), percent(cheap, 2)))
    table(("beside a candidate that gains five points at a fortieth of the cost", "the dear one adopted", "the cheap one"),
          rows)  # fmt: skip


def slices(worlds: int) -> None:
    rows = []
    for count in (60, 120, 170, 250):
        row = [str(count)]
        for lost in (0.05, 0.10, 0.15, 0.20):
            found, _ = worse.flagged(21, 0.0, -lost, worlds // 2, count)
            row.append(percent(found))
        rows.append(row)
    table(("rows of the slice", "-5 points", "-10 points", "-15 points", "-20 points"), rows)
    rows = []
    for gain in (-0.01, 0.0, 0.05):
        found, wrong = worse.flagged(23, gain, gain, worlds)
        rows.append((points(gain), percent(found + wrong)))
    table(("gain in all ten slices, points", "any slice flagged"), rows)
    world = World(accuracies=(BASE, BASE), select=1, confirm=400)
    truth, units = np.ones(400, np.bool_), np.arange(400)
    found = [worse.forgotten(ACCURACY, w[1], w[0], truth, units).harmed for _, w in world.drawn(26, worlds)]
    print(f"kept rows (400) that did not get worse called forgotten: {percent(found)}")


TABLES: dict[str, Callable[[int], None]] = {
    "nothing": nothing_there, "power": power, "bias": bias, "coverage": coverage, "metrics": other_metrics,
    "forty": forty_times, "slices": slices,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--worlds", type=int, default=2000)
    options = parser.parse_args()
    for name in options.only:
        print(f"## {name}, {options.worlds} worlds a cell", flush=True)
        TABLES[name](options.worlds)


if __name__ == "__main__":
    main()
