"""What every derivation is given and what it gives back: the one contract of ``baselines/`` and ``methods/``.

A plug-in file holds a docstring, ``Params`` (a small frozen pydantic model), ``SUPPORTS`` and ``derive(context, params)``;
optionally ``proposals(facts)``, the settings that a study tries when the user names none, and ``space(task, targets, folder)``,
what targets can be where rows continue what the model in a folder has learnt (:func:`space_of`). ``NEEDS`` names what of a
context it can't do without: ``stages``, ``unlabeled``, ``also``; ``as_a_base(params, context)`` are the settings under which
it leaves a whole base to the next step of a chain, and ``LEAVES`` says what it leaves where that is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from hasei.engine.batching import Ints
from hasei.ground.errors import NotSupported
from hasei.ground.events import Watch
from hasei.ground.settings import Settings
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats, Space, Task

if TYPE_CHECKING:
    from hasei.engine.trunk import Trunk
    from hasei.inputs.base import Base


class Predictor(Protocol):
    """Something that answers rows, made in memory or loaded back from a folder."""

    width: int

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the raw outputs (n, width), float32, in the order of *inputs*."""


@dataclass(frozen=True)
class Supports:
    """What a plug-in can do. *bases* is how many base models it opens (0: none); *gradients*: it trains by them.

    *texts*: of how many texts a row may be (a pair has two). *starts_as_base*: before any step of training it is its base with
    the solved head; not so what begins with numbers drawn at random in the way of the states, or a rounded base.
    """

    inputs: tuple[str, ...] = ("text",)
    targets: tuple[str, ...] = ("category", "categories", "number", "choice", "span", "spans")
    bases: int = 1
    gradients: bool = False
    texts: tuple[int, ...] = (1, 2)
    starts_as_base: bool = True

    def admits(self, task: Task) -> bool:
        """Whether *task* is one of those supported."""
        if task.input_kind not in self.inputs or task.target_kind not in self.targets:
            return False
        return task.input_kind != "text" or sum(column.kind == "input" for column in task.columns) in self.texts

    def refuse(self, name: str, task: Task) -> None:
        """Raise :class:`NotSupported` unless *task* is one of those supported."""
        if not self.admits(task):
            texts = "" if len(self.texts) > 1 else f", {self.texts[0]} in a row,"
            raise NotSupported(
                f"'{name}' can't be used for the task {task.name}",
                expected=f"inputs of kind {' or '.join(self.inputs)}{texts} and targets of kind {' or '.join(self.targets)}",
                received=f"{task.input_kind} and {task.target_kind}",
                do="choose another method (see: hasei methods)",
            )


@dataclass(frozen=True)
class Facts:
    """What a plug-in may know when it proposes settings: before anything is trained.

    *slowness* is that of the task's reading, see :class:`hasei.engine.readings.Reading`.
    *entries*: how many times as long as a row an entry of the corpus is, by what of it is read; () without a corpus.
    *target*: the kind of the task's targets, "" where it is not known. *unlabeled*: how many rows without a target there are.
    """

    rows: int
    width: int
    layers: int
    budget_seconds: float | None = None
    slowness: int = 1
    entries: tuple[tuple[str, float], ...] = ()
    target: str = ""
    unlabeled: int = 0


@dataclass(frozen=True)
class Also:
    """Another target of the same rows: *task*, its *space*, and the encoded *targets* of the rows *rows* that have one."""

    name: str
    task: Task
    space: Space
    rows: Ints
    targets: Array


@dataclass(frozen=True)
class Context:
    """What a derivation is given. *targets* are encoded by *task*, *truth* are the same as its metrics read them.

    *units* are the keys of the rows' clusters, for splits inside train. *scratch* is a folder for checkpoints, or None.
    *unlabeled*: rows of the same shape without a target, to learn the domain from. *stages*: to which stage of time (or part of a
    stream) each row belongs, in the order of first appearance; () where rows have none. *also*: other targets of the rows.
    """

    task: Task
    space: Space
    inputs: list[Input]
    targets: Array
    truth: list[Any]
    units: list[str]
    seed: int = 0
    trunks: tuple[Trunk, ...] = ()
    watch: Watch = field(default_factory=Watch)
    scratch: Path | None = None
    unlabeled: list[Input] = field(default_factory=list)
    stages: tuple[str, ...] = ()
    also: tuple[Also, ...] = ()

    def quality(self, outputs: Array, rows: Array) -> float:
        """Return the task's default metric of *outputs* for the rows *rows* of this context, more being better."""
        metric = self.task.metrics[self.task.default_metric]
        answers = self.task.answers(self.space, outputs)
        return metric.direction * metric.value(answers.values, [self.truth[i] for i in rows])

    @property
    def trunk(self) -> Trunk:
        """The first base's trunk; most methods derive from one base."""
        if not self.trunks:
            raise NotSupported("this method needs a base model", do="name one with --base")
        return self.trunks[0]


@dataclass(frozen=True)
class Derivation:
    """What a derivation gives back.

    *predictor* answers rows; *format* is the file in ``formats/`` that writes and reads it; *frozen* are the settings with
    every choice made (layer, strength, epochs), so that refitting on more rows chooses nothing; *trained* names the
    parameters that may differ from the base's; *curve* holds one dict per epoch; *from_store*, where given, answers rows of
    the study from kept activations: quick, for choosing only, never for a reported score. *beside* are files, by their place in
    the model folder, from which the method itself goes on another time; no library needs them. *finish*, where given, works on
    the files that the format has written: weights are kept in a narrower type. *opened* are bases that the method opened beside
    those of the context: they are parents too.
    """

    predictor: Predictor
    format: str
    frozen: Settings
    trainable_parameters: int
    trained: tuple[str, ...] = ()
    curve: tuple[dict[str, float], ...] = ()
    from_store: Callable[[Sequence[Input]], Floats] | None = None
    beside: Mapping[str, bytes] = field(default_factory=dict)
    finish: Callable[[Path], None] | None = None
    opened: tuple[Base, ...] = ()


Derive = Callable[[Context, Any], Derivation]


class Plugin(Protocol):
    """A file of ``baselines/`` or ``methods/`` as a module."""

    Params: type[Settings]
    SUPPORTS: Supports
    derive: Derive


def space_of(plugin: Any, task: Task, targets: Sequence[str], base: Path) -> Space:
    """Return what *targets* can be for *plugin* on *base*: its own ``space``, else what the task learns from them."""
    own = getattr(plugin, "space", None)
    return cast(Space, own(task, targets, base)) if own else task.space(targets)


def proposals(plugin: Any, facts: Facts) -> list[Settings]:
    """Return what *plugin* would like to try: its own ``proposals(facts)``, else its defaults."""
    own = getattr(plugin, "proposals", None)
    return list(own(facts)) if own else [plugin.Params()]


__all__ = [
    "Also",
    "Context",
    "Derivation",
    "Derive",
    "Facts",
    "Plugin",
    "Predictor",
    "Settings",
    "Supports",
    "proposals",
    "space_of",
]
