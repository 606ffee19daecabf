"""The cheapest way to run a finished model on this machine that still answers as it should.

Every way (:mod:`hasei.deliver.candidates`) is timed on real rows beside the plain model, all taking turns; each passes the gate
of :mod:`hasei.judge.parity` or not; of those that pass, the one that takes the least of the processor is kept: seconds times
threads for a row, by itself where a latency is promised, else among many. The whole table stays in the record of its lineage.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hasei.deliver.candidates import PLAIN, Candidate, candidates
from hasei.deliver.device import Device
from hasei.deliver.rows import built_in
from hasei.deliver.timing import MANY, SINGLE, TURNS, Side, Times, ratio, taking_turns, threads
from hasei.derive.derived import DerivedModel, open_model
from hasei.engine.derivation import Predictor
from hasei.ground import lineage
from hasei.ground.errors import DataError, RecipeError, RunFailed
from hasei.ground.events import Watch
from hasei.ground.files import refuse_unwritable
from hasei.ground.language import _
from hasei.inputs.data.dataset import Dataset, Input
from hasei.judge.card import write_card
from hasei.judge.parity import MAX_LOSS, Parity, parity

ENOUGH = 800
"""Labelled rows from which on a candidate must *surely* lose no more than allowed; fewer can't show that."""
BATCH_TOKENS = (512, 2048)
"""Tokens in a batch that are tried, where the engine lets them be chosen."""


@dataclass(frozen=True)
class Wish:
    """What is asked for: at most *max_loss* (a share) lost; 95 % of single rows within *latency* seconds, None: no matter.

    *device*: where it will run, None: here. Raises RecipeError where a wish can't be one.
    """

    max_loss: float = MAX_LOSS
    latency: float | None = None
    device: Device | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.max_loss <= 1:
            raise RecipeError(
                "a loss that is allowed lies between 0 and 100 points",
                received=f"{100 * self.max_loss:g}",
                do="change --max-loss",
            )
        if self.latency is not None and not self.latency > 0:
            raise RecipeError(
                "a latency is more than 0", received=f"{1000 * self.latency:g} ms", do="change --latency-p95-ms"
            )


@dataclass(frozen=True)
class Measured:
    """One line of the table: a candidate with a number of *threads* and *tokens* in a batch (0: as it has them).

    *p50*, *p95*: seconds of a row by itself, on the machine that was asked for; *rows_per_second* among many; *ratio*: of these
    to the plain model's with as many threads; *work*: processor seconds of a row. *passes*: may be shipped, else *why_not*.
    """

    name: str
    threads: int
    tokens: int
    p50: float
    p95: float
    rows_per_second: float
    ratio: float
    work: float
    bytes: int
    passes: bool
    why_not: tuple[str, ...] = ()
    price: float | None = None

    @property
    def label(self) -> str:
        """The candidate with how many threads, and tokens where chosen."""
        return f"{self.name}, {self.threads} thr." + (f", {self.tokens} tokens" if self.tokens else "")


@dataclass(frozen=True)
class Table:
    """All that was measured, the candidates that can't be run (name and why), and the answers of each against the model's."""

    lines: tuple[Measured, ...]
    absent: tuple[tuple[str, str], ...]
    parities: dict[str, Parity] = field(default_factory=dict)
    projected: str = ""

    @property
    def best(self) -> Measured | None:
        """The line that passes with the least work; the smaller folder where equal."""
        return min((one for one in self.lines if one.passes), key=lambda one: (one.work, one.bytes), default=None)

    @property
    def nearest(self) -> Measured:
        """The line that came nearest: with the fewest reasons against it, and of these the quickest single rows."""
        return min(self.lines, key=lambda one: (len(one.why_not), one.p95))

    def to_json(self) -> dict[str, Any]:
        """Return the table as plain JSON."""
        return {
            "lines": [asdict(one) for one in self.lines], "absent": [list(one) for one in self.absent],
            "parity": {name: one.to_json() for name, one in self.parities.items()}, "projected": self.projected,
        }  # fmt: skip


def optimise(
    folder: str | Path, out: Path | None, wish: Wish, *, rows: Dataset | None = None, also: Sequence[Path] = (),
    base: str = "", turns: int = TURNS, single: int = SINGLE, many: int = MANY, watch: Watch | None = None,
) -> tuple[Table, DerivedModel | None]:  # fmt: skip
    """Measure the model in *folder*, write the cheapest way that passes as *out* (None: nothing is written); return both.

    *rows*: labelled rows, on which answers are compared and times are measured (rows of hasei's own where None). Nothing
    is written where nothing passes: the table's ``best`` is then None. Raises OutputError where *out* exists.
    """
    watch = watch or Watch()
    if out is not None:
        refuse_unwritable(out)
    model = open_model(folder, base)
    inputs = built_in(model.task) if rows is None else list(rows.inputs)
    if not inputs:
        raise DataError("there are no rows to measure on", expected="at least one row", received="0")
    found = candidates(model, also=also, watch=watch)
    table = _measure(model, found, inputs, rows, wish, (turns, single, many), watch)
    if table.best is None or out is None:
        return table, None
    kept = next(one for one in found if one.name == table.best.name)
    return table, _keep(model, kept, table, out, rows, wish)


def refuse(table: Table) -> None:
    """Raise RunFailed, saying which came nearest, where nothing of *table* passes."""
    if table.best is None:
        one = table.nearest
        raise RunFailed(
            f"nothing passes; '{one.label}' came nearest: {'; '.join(one.why_not)}",
            do="allow more with --latency-p95-ms or --max-loss, or derive a smaller model (hasei methods distillation)",
        )


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _measure(
    model: DerivedModel, found: Sequence[Candidate], inputs: Sequence[Input], rows: Dataset | None, wish: Wish,
    amount: tuple[int, int, int], watch: Watch,
) -> Table:  # fmt: skip
    runs = [one for one in found if one.opened is not None]
    counts = sorted({1, min(cores(), wish.device.cores if wish.device else cores())})
    watch.report("comparing", f"{len(inputs):,} rows")
    parities = _parities(model, runs, inputs, rows, wish)
    sides, lines = {}, {}
    for one in runs:
        for count in counts:
            opened = {tokens: _open(one, count, tokens) for tokens in (BATCH_TOKENS if one.batches else (0,))}
            key = f"{one.name}, {count}"
            sides[key], lines[key] = Side(next(iter(opened.values())), count, opened), (one, count)
    turns, single, many = amount
    watch.report("measuring", f"{len(sides)} ways, taking turns")
    times = taking_turns(sides, inputs, turns=turns, single=single, many=many, watch=watch)
    scale = wish.device.slowness() if wish.device else 1.0
    measured = [
        _line(*lines[key], times[key], times[f"{PLAIN}, {lines[key][1]}"], parities[lines[key][0].name], wish, scale)
        for key in sides
    ]
    absent = tuple((one.name, one.error) for one in found if one.opened is None)
    return Table(tuple(measured), absent, parities, wish.device.words(scale) if wish.device else "")


def _open(one: Candidate, count: int, tokens: int) -> Predictor:
    if one.opened is None:
        raise ValueError("a candidate that can't be run has nothing to open")
    return one.opened(count, tokens or 2048)


def _parities(
    model: DerivedModel, runs: Sequence[Candidate], inputs: Sequence[Input], rows: Dataset | None, wish: Wish
) -> dict[str, Parity]:
    with threads(cores()):
        before = model.outputs(inputs)
        found = {}
        for one in runs:
            after = before if one.name == PLAIN else _open(one, cores(), 0).outputs(inputs)
            found[one.name] = parity(
                model.task, model.space, before, after, lossless=one.lossless,
                truth=None if rows is None else model.task.truth(rows.targets), units=None if rows is None else rows.units,
                max_loss=wish.max_loss,
            )  # fmt: skip
    return found


def _line(one: Candidate, count: int, times: Times, plain: Times, near: Parity, wish: Wish, scale: float) -> Measured:
    p95 = scale * times.percentile(0.95)
    seconds = scale * (times.mean if wish.latency is not None else 1 / times.rows_per_second)
    why = [*near.why_not]
    if near.passes and not near.sure and near.change is not None and near.rows >= ENOUGH:
        why.append(_("it may lose more than {most} points", most=f"{100 * wish.max_loss:g}"))
    if wish.latency is not None and p95 > wish.latency:
        why.append(_("95 % of rows take up to {ms} ms", ms=f"{1000 * p95:.1f}"))
    if wish.device:
        why += wish.device.against(one.bytes)
    why += [one.why_not] if one.why_not else []
    price = None if wish.device is None else wish.device.price(count * seconds)
    return Measured(
        one.name, count, times.tokens, scale * times.percentile(0.5), p95, times.rows_per_second / scale, ratio(times, plain),
        count * seconds, one.bytes, not why, tuple(why), price,
    )  # fmt: skip


def _keep(
    model: DerivedModel, kept: Candidate, table: Table, out: Path, rows: Dataset | None, wish: Wish
) -> DerivedModel:
    """Write *kept* as *out*, loaded back and compared again where it is exported, with the *table* in its record."""
    if kept.write is None or table.best is None:
        raise ValueError("what is kept can be written")
    kept.write(out, rows, wish.max_loss)
    found = lineage.read(out)["record"]
    chosen = {"engine": table.best.name, "threads": table.best.threads, "batch_tokens": table.best.tokens or None}
    lineage.update_record(out, found | {"optimise": table.to_json() | {"chosen": chosen}})
    write_card(out, None, None, model.task)
    lineage.seal(out)
    return open_model(out, model.base)


__all__ = ["Measured", "Table", "Wish", "cores", "optimise", "refuse"]
