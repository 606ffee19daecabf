"""Rows that come in stages: which rows are whose, and how well each stage is still known after every other.

Source: average accuracy and forgetting: Chaudhry et al. 2018, "Riemannian walk for incremental learning".
Relations: what ``continual_learning`` learns by is in :mod:`hasei.methods._sequence`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from hasei.engine.batching import Ints
from hasei.engine.derivation import Context
from hasei.engine.splits import inner_split
from hasei.ground.errors import DataError
from hasei.ground.language import _
from hasei.tasks import Array


@dataclass(frozen=True)
class Stage:
    """The rows of one stage: those that are learnt, and those by which it is judged within the training rows."""

    name: str
    fit: Ints
    held: Ints

    @property
    def rows(self) -> Ints:
        """All of them."""
        return np.sort(np.concatenate([self.fit, self.held]))


def stages_of(context: Context, share: float) -> list[Stage]:
    """Return the stages in their order, about *share* of each held; raises DataError where rows have none, or all the same."""
    if not context.stages:
        raise DataError(
            "the rows name no stages", expected="a column that says of each row to which stage of the stream it belongs",
            do="name it (--stage COLUMN, or data: {stage: COLUMN}), or use a method that learns from all rows at once",
        )  # fmt: skip
    if len(context.stages) != len(context.inputs):
        raise DataError(
            "not every row has a stage", expected=f"{len(context.inputs)}", received=f"{len(context.stages)}"
        )
    names = list(dict.fromkeys(context.stages))
    if len(names) < 2:
        raise DataError(
            f"all rows are of the one stage '{names[0]}'",
            expected="two stages or more: months, domains, or parts of a stream that are learnt one after the other",
            do="choose the column that tells them apart, or use a method that learns from all rows at once",
        )  # fmt: skip
    where = np.array([names.index(name) for name in context.stages])
    _say_absent(context)
    return [_parted(context, name, np.flatnonzero(where == i), share) for i, name in enumerate(names)]


def _parted(context: Context, name: str, rows: Ints, share: float) -> Stage:
    if len(rows) < 2 or not share:
        return Stage(name, rows, rows[:0])
    fit, held = inner_split([context.units[i] for i in rows], share, context.seed)
    return Stage(name, np.sort(rows[fit]), np.sort(rows[held]))


def _say_absent(context: Context) -> None:
    """Say which class no row is of: its answer can't be learnt."""
    if context.task.target_kind != "category":
        return
    absent = np.setdiff1d(np.arange(context.space.width), context.targets)
    if len(absent):
        name = context.space.names[int(absent[0])]
        context.watch.report(
            "finding",
            _(
                "{n} classes have no row in any stage and are never answered, such as '{name}'",
                n=len(absent),
                name=name,
            ),
        )


@dataclass
class Record:
    """How well every stage is known after each: fills the curve of a derivation."""

    context: Context
    stages: list[Stage]
    found: list[dict[int, float]] = field(default_factory=list)

    def note(self, outputs: Callable[[Ints], Array]) -> None:
        """Judge the stages so far by what *outputs* says of their held rows (n,) -> (n, w)."""
        seen: dict[int, float] = {}
        for number, stage in enumerate(self.stages[: len(self.found) + 1]):
            if len(stage.held):
                quality = self.context.quality(outputs(stage.held), stage.held)
                seen |= {number: quality} if np.isfinite(quality) else {}
        self.found.append(seen)

    @property
    def curve(self) -> tuple[dict[str, float], ...]:
        """One dict a stage: the metric on each stage so far, their mean, and what was forgotten of the earlier ones."""
        points = []
        for number, seen in enumerate(self.found):
            if not seen:
                continue
            before = {
                j: max(past[j] for past in self.found[:number] if j in past)
                for j in seen
                if any(j in past for past in self.found[:number])
            }
            lost = [best - seen[j] for j, best in before.items()]
            points.append({
                "stage": number + 1.0, **{f"stage_{j + 1}": quality for j, quality in seen.items()},
                "average": float(np.mean(list(seen.values()))), "forgetting": float(np.mean(lost)) if lost else 0.0,
            })  # fmt: skip
        return tuple(points)
