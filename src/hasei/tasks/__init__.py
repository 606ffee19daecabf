"""One file = one task: columns, head, collation, loss, metrics and their direction, default goal, ``toy()``.

A task file defines ``TASK``, an object that satisfies :class:`Task`. Nothing outside this folder knows what a target
means: rows carry raw text targets, a task turns them into a :class:`Space` and an array, and model outputs back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from hasei.ground import plugins
from hasei.inputs.data.corpus import Corpus
from hasei.inputs.data.dataset import Column, Finding, Input, Mapping, Table

if TYPE_CHECKING:
    import torch

Array: TypeAlias = npt.NDArray[Any]
Floats: TypeAlias = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Scope:
    """The *label* of rows that no other class is for; a row is given it where its score (``tasks/_scope.py``) is above
    *threshold*. Without a threshold the label is a class like others.
    """

    label: str
    threshold: float | None = None


@dataclass(frozen=True)
class Space:
    """What a target can be, learnt from the train rows and kept in the model folder.

    *width* is the number of outputs per row; *names* are the classes in output order, or () where targets are numbers;
    *extra* holds whatever else the task needs to read outputs back (plain JSON). *scope*: what rows outside of all classes
    are called, where they have a label.
    """

    width: int
    names: tuple[str, ...] = ()
    extra: tuple[tuple[str, float], ...] = ()
    scope: Scope | None = None

    @property
    def said(self) -> tuple[str, ...]:
        """The labels that an answer can be: *names*, and last the label out of scope where no output stands for it."""
        unheard = self.scope is not None and self.scope.label not in self.names
        return (*self.names, self.scope.label) if self.scope and unheard else self.names


@dataclass(frozen=True)
class Metric:
    """A measure of quality over rows. *value* takes (predicted values, true values), both raw, to one float.

    *rowwise*, where the metric is a mean of per-row scores, returns those scores (n,); intervals are then cheaper.
    *weighted*, where given, is the measure of d resamples at once: predicted and true (n,) and weights (d, n), how often
    each row counts, to values (d,); a metric that is no mean of rows then has its interval many times sooner.
    *nearness*, for answers that are structured texts, says how near each is to its truth (n,): which of two answers is the
    better one is told by it, where the metric is no mean of rows. *direction* is +1 when more is better, -1 when less is.
    """

    name: str
    direction: Literal[1, -1]
    value: Callable[[Sequence[Any], Sequence[Any]], float]
    rowwise: Callable[[Sequence[Any], Sequence[Any]], Floats] | None = None
    bounds: tuple[float, float] = (0.0, 1.0)
    weighted: Callable[[Sequence[Any], Sequence[Any], Floats], Floats] | None = None
    nearness: Callable[[Sequence[Any], Sequence[Any]], Floats] | None = None


@dataclass(frozen=True)
class Answers:
    """Outputs read back: *values* in the user's words (a label, a number as float), *confidence* in [0, 1] or NaN."""

    values: list[Any]
    confidence: Floats


@dataclass(frozen=True)
class Toy:
    """A dozen rows, offline, on which every method must work; with *corpus* where the task answers from entries."""

    inputs: list[Input]
    targets: list[str]
    corpus: Corpus | None = None


class Task(Protocol):
    """The contract of a task file's ``TASK``.

    Optional: ``hub_name``, what model hubs call it (``pipeline_tag``); ``reading``, the file in ``engine/readings/`` by which a
    base reads its rows (``"whole"``); ``arrange(table)``, see :func:`arranged`; ``heeds_scope``, whether its answers follow
    ``Space.scope``; ``operating_point(said, truth)``, where a row's answer has parts with scores: the ``score`` from which they
    are best said, kept in the model's record. Outputs and encoded targets of tasks whose answers are no single value may be
    ragged (:mod:`hasei.engine.ragged`); values of answers are texts or numbers, so that ``truth(map(str, values))`` gives them
    back.

    A task whose answers are entries of a corpus has ``corpus`` and ``over(corpus)``, see :func:`over`; one whose rows may stand
    in several lines ``gather(table, mapping)``, see :func:`gathered`. Where answers are rivals of each other, ``rivals(outputs)``
    returns the scores (n, k) of the best of them and ``places(values, truth)`` which one is right: see :func:`rivals`.
    """

    name: str
    input_kind: str
    """What a base must read: ``"text"``, ``"image"``, ..."""
    target_kind: str
    """``"category"`` (exactly one of ``Space.names``), ``"number"``, ...: what methods say they support."""
    columns: tuple[Column, ...]
    metrics: dict[str, Metric]
    default_metric: str

    def clean(self, targets: Sequence[str]) -> tuple[list[str], list[Finding]]:
        """Unify raw targets (``1``, ``1.0``); return them and what was done. Raises DataError where one is no target."""

    def space(self, targets: Sequence[str]) -> Space:
        """Learn the space from clean train targets. Raises DataError where nothing can be learnt (one class)."""

    def knows(self, space: Space, targets: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which of *targets* lie in *space* (a class seen only in the test file does not)."""

    def encode(self, space: Space, targets: Sequence[str]) -> Array:
        """Turn raw targets into an array (n,) or (n, d) for loss and solver."""

    def truth(self, targets: Sequence[str]) -> list[Any]:
        """Turn raw targets into the values that metrics compare with ``Answers.values``."""

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """Per-row loss (n,) from outputs (n, width), in float32."""

    def solve(self, features: Array, targets: Array, space: Space, l2: float) -> tuple[Array, Array]:
        """Solve the convex linear head: features (n, f), encoded targets -> weight (width, f), bias (width,)."""

    def answers(self, space: Space, outputs: Array) -> Answers:
        """Read outputs (n, width) back into values and confidences."""

    def describe(self, space: Space) -> list[str]:
        """Name each output in words, for a zero-shot use of the base; [] where that makes no sense."""

    def toy(self) -> Toy:
        """Return a dozen rows, offline."""


def open_task(name: str) -> Task:
    """Return the task called *name*; raises RecipeError with a suggestion when there is none."""
    return cast(Task, plugins.load("tasks", name).TASK)


def arranged(task: Task, table: Table) -> Table:
    """Return *table* with the columns that *task* reads, where its rows can come in several shapes (its ``arrange``).

    Tokens with tags become text with spans, messages become prompt and answer, and so on. The rows stay, line by line;
    columns that play no part stay too. Raises DataError naming the line where a row is not what it claims to be.
    """
    arrange = getattr(task, "arrange", None)
    return cast(Table, arrange(table)) if arrange else table


def gathered(task: Task, table: Table, mapping: Mapping) -> Table:
    """Return *table* with the lines that are one row of *task* made one (its ``gather``); only where targets are known."""
    gather = getattr(task, "gather", None)
    return cast(Table, gather(table, mapping)) if gather else table


def takes_corpus(task: Task) -> bool:
    """Whether the answers of *task* are entries of a corpus."""
    return hasattr(task, "over")


def over(task: Task, corpus: Corpus | None) -> Task:
    """Return *task* with answers that are entries of *corpus*; as it is where it has none."""
    return task if corpus is None else cast(Task, task.over(corpus))  # type: ignore[attr-defined]


def corpus_of(task: Task) -> Corpus | None:
    """Return the entries that *task* answers from, None where its answers are none."""
    return getattr(task, "corpus", None)


def rivals(task: Task, outputs: Array) -> Floats | None:
    """Return the scores (n, k) of the best answers to each row: even outputs themselves, else what the task makes of them.

    A confidence is calibrated by their softmax. None where ragged outputs have no rivals.
    """
    if outputs.dtype != object:
        return cast(Floats, outputs)
    own = getattr(task, "rivals", None)
    return cast(Floats, own(outputs)) if own else None


__all__ = [
    "Answers", "Array", "Column", "Floats", "Metric", "Scope", "Space", "Task", "Toy", "arranged", "corpus_of", "gathered",
    "open_task", "over", "rivals", "takes_corpus",
]  # fmt: skip
