"""ONE FILE = ONE WAY IN WHICH A BASE READS A ROW: what the base is run on, and where in it a head sits.

A task names its reading (``TASK.reading``, ``"whole"`` where it names none). A reading file defines ``READING``, an object
that satisfies :class:`Reading`; methods go through it and so know nothing of words, choices or pixels. A *place* is where
the head sits: the whole row, each of its words, each of its choices.

Shapes: n rows, m places (m >= n), h hidden, w outputs of the head.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol, cast

import torch
from torch import nn

from hasei.engine.activations.store import Store
from hasei.engine.batching import Ints
from hasei.engine.derivation import Context, Predictor
from hasei.engine.training import Source
from hasei.engine.trunk import Trunk
from hasei.ground import plugins
from hasei.ground.events import Watch
from hasei.inputs.architecture import Stack
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats, Task


class Reading(Protocol):
    """The contract of a reading file's ``READING``."""

    format: str
    """The file in ``formats/`` that a whole model of this reading is written by."""
    adapter_format: str
    """The same for an adapter beside its base; "" where there is none."""
    slowness: int
    """How many times as many steps a training needs as one that begins from a solved head; above 1, steps are small ones."""

    def open(self, base: Base, store: Store | None = None) -> Trunk:
        """Open *base* for work."""

    def expand(self, inputs: Sequence[Input]) -> list[Input]:
        """What the base is run on for *inputs*: as many or more."""

    def cut(self, trunk: Trunk, inputs: Sequence[Input]) -> list[int]:
        """Which of *inputs* (by their place) are longer than the base reads."""

    def ends(self, trunk: Trunk) -> list[int]:
        """Layers whose states a head may sit on, the last first."""

    def poolings(self, trunk: Trunk) -> tuple[str, ...]:
        """How the states of a place can be made one vector, the base's own way first."""

    def counts(self, trunk: Trunk, inputs: Sequence[Input]) -> Ints:
        """Places of each row (n,)."""

    def features(
        self, trunk: Trunk, inputs: Sequence[Input], layer: int, pooling: str, watch: Watch | None = None
    ) -> Floats:
        """Features of every place (m, h), float32, rows in order."""

    def targets(self, context: Context) -> Array:
        """Encoded targets, (n, ...) or an object array of arrays a row, as loss and solver of the task read them."""

    def stack(self, outputs: torch.Tensor, counts: Ints) -> torch.Tensor:
        """Outputs of places (m, w) as the loss reads them, one entry a row: (n, ...)."""

    def rows(self, trunk: Trunk, inputs: Sequence[Input], outputs: Floats) -> Array:
        """Outputs of places (m, w) as a predictor gives them, one entry a row: (n, w) or an object array (n,)."""

    def model(self, trunk: nn.Module, pooling: str, head: nn.Linear) -> nn.Module:
        """A module of *trunk* (its ``trunk``) and *head* (its ``head``): a batch to what :meth:`stack` gives."""

    def begin(self, context: Context, trunk: nn.Module, l2: float) -> nn.Module:
        """The model from which a training starts: *trunk* with the head solved on its last states."""

    def source(self, context: Context, stack: Stack, lowest: int) -> AbstractContextManager[Source]:
        """The rows of *context* for a model whose layers are *stack*; replayed from layer *lowest* where that can be."""

    def predictor(self, model: nn.Module, trunk: Trunk) -> Predictor:
        """*model* as something that answers rows."""


def reading_of(task: Task) -> Reading:
    """Return the way in which a base reads the rows of *task*."""
    return cast(Reading, plugins.load("engine/readings", getattr(task, "reading", "whole")).READING)


__all__ = ["Reading", "reading_of"]
