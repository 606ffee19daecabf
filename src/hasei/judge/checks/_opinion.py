"""What two readers make of the labels: calibrated held-out probabilities of a head on the base and of a word counter.

**Sources**: one temperature per reader (Guo et al. 2017); a product of experts (Hinton 2002).

Two readers that fail in different ways are wrong together far less often than one: on clean rows of snips, clinc150 and
banking77 a quarter to a half of the labels that the base alone suspects are cleared by the word counter.

Shapes: m rows judged, k classes judged. Classes with fewer than five units are left out with their rows: in five folds
a head has hardly met them, so its opinion of them says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hasei.engine.batching import Ints
from hasei.engine.derivation import Context, Predictor
from hasei.engine.splits import folds
from hasei.ground.statistics import Interval, effective_units, wilson
from hasei.judge.checks._room import Room
from hasei.tasks import Floats

_LEAST_UNITS_OF_A_CLASS = 5
LEAST_ROWS = 50
_ALPHA = 0.025
_SUREST = 0.25
_LISTENED_TO = 0.25


@dataclass(frozen=True)
class Opinion:
    """Held-out probabilities (m, k) of the rows at *rows* (m,), indices into ``room.rows``; *labels* (m,) as given.

    *names* (k,) are the classes judged, *units* (m,) what belongs together.
    """

    rows: Ints
    labels: Ints
    probabilities: Floats
    names: tuple[str, ...]
    units: list[str]

    @property
    def rather(self) -> Ints:
        """The likeliest class of each row (m,)."""
        likeliest: Ints = self.probabilities.argmax(1)
        return likeliest

    @property
    def disagrees(self) -> npt.NDArray[np.bool_]:
        """Where the likeliest class is not the label (m,)."""
        apart: npt.NDArray[np.bool_] = self.rather != self.labels
        return apart

    def surest(self) -> Ints:
        """Positions of the quarter of the rows of which the readers are surest, the surest first; all rows of a tie."""
        sureness = self.probabilities.max(1)
        order = np.argsort(-sureness, kind="stable")
        least = sureness[order[max(1, round(_SUREST * len(order))) - 1]]
        return order[: int((sureness >= least).sum())]

    def share(self, count: float, among: Ints | None = None) -> Interval:
        """Return the share that *count* rows are of all (or of those at *among*), by Wilson over effective units."""
        units = self.units if among is None else [self.units[i] for i in among]
        effective = effective_units(list(Counter(units).values()))
        return wilson(count / len(units) * effective, effective, _ALPHA)

    def surest_disagrees(self) -> Interval:
        """The share of labels rejected where the readers are surest; good readers reject only wrong ones there."""
        among = self.surest()
        return self.share(float(self.disagrees[among].sum()), among)

    def is_worth_hearing(self) -> bool:
        """Whether the readers, where they are surest, agree with at least three labels of four."""
        return self.surest_disagrees().value <= _LISTENED_TO


def opinion(room: Room) -> Opinion | None:
    """Return what is made of the labels of ``room.seen``, or None where the task or the rows allow no opinion."""
    found: Opinion | None = room.once("opinion", lambda: _opinion(room))
    return found


def _opinion(room: Room) -> Opinion | None:
    if room.task.target_kind != "category" or room.task.input_kind != "text" or len(room.seen) < LEAST_ROWS:
        return None
    targets = [room.rows.targets[i] for i in room.seen]
    units = [room.rows.contents[i] for i in room.seen]
    met = Counter(label for label, _ in set(zip(targets, units, strict=True)))
    judged = [i for i, name in enumerate(room.space.names) if met[name] >= _LEAST_UNITS_OF_A_CLASS]
    kept = np.flatnonzero([met[target] >= _LEAST_UNITS_OF_A_CLASS for target in targets])
    if len(judged) < 2 or len(kept) < LEAST_ROWS:
        return None
    names = tuple(room.space.names[i] for i in judged)
    labels = np.array([names.index(targets[i]) for i in kept], np.int64)
    readers = [room.held_out[kept][:, judged], word_counts(room)[kept][:, judged]]
    return Opinion(room.seen[kept], labels, agreed(readers, labels), names, [units[i] for i in kept])


def word_counts(room: Room) -> Floats:
    """Outputs (s, width) of naive Bayes on words and letters for the rows at ``room.seen``, in five folds by unit."""
    units = [room.rows.contents[i] for i in room.seen]
    fold = folds(units, 5, room.seed)
    outputs = np.zeros((len(room.seen), room.space.width), np.float32)
    for out in (fold == number for number in range(5)):
        if out.any() and not out.all():
            room.watch.check()
            held = [room.rows.inputs[i] for i in room.seen[out]]
            outputs[out] = counter_of(room, room.seen[~out]).outputs(held)
    return outputs


def counter_of(room: Room, rows: Ints) -> Predictor:
    """Return naive Bayes of the rows at *rows*, indices into ``room.rows``."""
    from hasei.derive.recipe import make_step
    from hasei.derive.run import run_step

    targets = [room.rows.targets[i] for i in rows]
    context = Context(
        room.task, room.space, [room.rows.inputs[i] for i in rows], room.task.encode(room.space, targets),
        room.task.truth(targets), [room.rows.contents[i] for i in rows], room.seed, watch=room.watch,
    )  # fmt: skip
    return run_step(make_step("naive_bayes"), context).derivation.predictor


def agreed(readers: Sequence[Floats], labels: Ints) -> Floats:
    """Return the probabilities (m, k) on which the outputs (m, k) of *readers* agree, each calibrated by *labels* (m,)."""
    total: Floats = np.sum([log_softmax(outputs, temperature(outputs, labels)) for outputs in readers], axis=0)
    probabilities: Floats = np.exp(log_softmax(total, temperature(total, labels)))
    return probabilities


def temperature(outputs: Floats, labels: Ints) -> float:
    """Return the factor on *outputs* (m, k), 1/55 to 55, under which their softmax is likeliest to give *labels* (m,)."""
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(labels))

    def loss(power: float) -> float:
        return -float(log_softmax(outputs, float(np.exp(power)))[rows, labels].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-4.0, 4.0), method="bounded").x))


def log_softmax(outputs: Floats, factor: float) -> Floats:
    """Return the log probabilities (m, k) of *outputs* times *factor*, float64."""
    from scipy.special import log_softmax as of

    logs: Floats = of(factor * np.asarray(outputs, np.float64), axis=1)
    return logs
