"""How quick several models are on the same rows, all of them taking turns, so that what else the machine does meets each.

Shapes: seconds of single rows (r,); seconds of whole passes (turns,), one for every size of a batch.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hasei.engine.derivation import Predictor
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input

TURNS = 6
SINGLE = 240
"""Rows that every model answers one at a time: enough for the slowest twentieth of them to be a dozen."""
MANY = 256
"""Rows that every model answers at once in a turn, at most."""


@dataclass(frozen=True)
class Side:
    """One of the models that take turns: it uses *threads*; many rows at once are answered by each of *many*, by its tokens in a
    batch (0: as it has them).
    """

    one: Predictor
    threads: int
    many: Mapping[int, Predictor]


@dataclass
class Times:
    """Seconds of every single row, and of every pass over *rows* rows at once, by the tokens in a batch."""

    single: list[float] = field(default_factory=list)
    passes: dict[int, list[float]] = field(default_factory=dict)
    rows: int = 0

    @property
    def tokens(self) -> int:
        """The tokens in a batch with which many rows are quickest."""
        return min(self.passes, key=lambda tokens: float(np.median(self.passes[tokens])))

    @property
    def whole(self) -> list[float]:
        """Seconds of every pass with the quickest batches."""
        return self.passes[self.tokens]

    def percentile(self, share: float) -> float:
        """Return the seconds that *share* of the single rows take at most."""
        return float(np.quantile(self.single, share))

    @property
    def mean(self) -> float:
        """Seconds of one row by itself, on average."""
        return float(np.mean(self.single))

    @property
    def rows_per_second(self) -> float:
        """Rows a second, many at once: of the middle turn."""
        return self.rows / float(np.median(self.whole))


def ratio(times: Times, plain: Times) -> float:
    """Return how many times as many rows a second *times* are of *plain*: the middle of the turns, each against its own."""
    return float(np.median(np.array(plain.whole) / np.array(times.whole)))


def taking_turns(
    sides: Mapping[str, Side], inputs: Sequence[Input], *, turns: int = TURNS, single: int = SINGLE, many: int = MANY,
    watch: Watch | None = None, clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Times]:  # fmt: skip
    """Time every one of *sides* on *inputs*: single rows, and all at once, in *turns*; the order turns round every other time.

    Each answers a few rows first that are not counted.
    """
    watch, found = watch or Watch(), {name: Times() for name in sides}
    rows = [inputs[i % len(inputs)] for i in range(many)]
    each = max(1, single // turns)
    names = list(sides)
    for name in names:
        with threads(sides[name].threads):
            sides[name].one.outputs(rows[:2])
            for predictor in sides[name].many.values():
                predictor.outputs(rows[:32])
    for turn in range(turns):
        part = [rows[(turn * each + i) % len(rows)] for i in range(each)]
        for done, name in enumerate(names if turn % 2 == 0 else names[::-1]):
            watch.check()
            watch.report("measuring", name, (turn * len(names) + done) / (turns * len(names)), often=True)
            side, times = sides[name], found[name]
            with threads(side.threads):
                for row in part:
                    start = clock()
                    side.one.outputs([row])
                    times.single.append(clock() - start)
                for tokens, predictor in side.many.items():
                    start = clock()
                    predictor.outputs(rows)
                    times.passes.setdefault(tokens, []).append(clock() - start)
            times.rows = len(rows)
    return found


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use *count* threads inside the block."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
