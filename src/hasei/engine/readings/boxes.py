"""Each picture whole, by a detector: a set of boxes with labels, without a head that could be solved.

Source: Carion et al. 2020, "End-to-end object detection with transformers"; Fang et al. 2021, "You only look at one sequence".

Shapes: a row has no places; the model answers it with (q, c + 5), see :mod:`hasei.engine.detectors`.
Relations: what other readings solve is here begun at random (or taken from a base that is a detector) and trained, for which
a set of answers needs many steps: ``slowness`` says how many times those of a solved head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, cast

import numpy as np
import torch
from torch import nn

from hasei.engine.activations.store import Store
from hasei.engine.batching import Ints
from hasei.engine.derivation import Context, Predictor
from hasei.engine.detecting import BoxPredictor, BoxSource, BoxTrunk
from hasei.engine.detectors import answers_of, with_labels
from hasei.engine.frames import centred, shares
from hasei.engine.ragged import ragged
from hasei.engine.training import Source
from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported
from hasei.ground.events import Watch
from hasei.ground.language import _
from hasei.inputs.architecture import Stack
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats

SPARE = 3
"""Answers of a new detector beyond the most boxes that a picture holds."""


class Boxes:
    """The reading: satisfies :class:`hasei.engine.readings.Reading`."""

    format = "object_detector"
    adapter_format = ""
    slowness = 8

    def open(self, base: Base, store: Store | None = None) -> Trunk:
        """Open *base* as the trunk of a detector."""
        return BoxTrunk(base, store)

    def expand(self, inputs: Sequence[Input]) -> list[Input]:
        """Pictures as they are."""
        return list(inputs)

    def cut(self, trunk: Trunk, inputs: Sequence[Input]) -> list[int]:
        """No picture is too long to be seen."""
        return []

    def ends(self, trunk: Trunk) -> list[int]:
        """The last layer alone."""
        return [trunk.layers]

    def poolings(self, trunk: Trunk) -> tuple[str, ...]:
        """Nothing is pooled."""
        return trunk.poolings

    def counts(self, trunk: Trunk, inputs: Sequence[Input]) -> Ints:
        """One entry a picture."""
        return np.ones(len(inputs), np.int64)

    def features(
        self, trunk: Trunk, inputs: Sequence[Input], layer: int, pooling: str, watch: Watch | None = None
    ) -> Floats:
        """Raise NotSupported: a picture has no vector on which boxes could be solved."""
        _refuse()

    def targets(self, context: Context) -> Array:
        """Boxes (t, 5) in shares of each picture's size, an object array (n,)."""
        return ragged([centred(rows) for rows in shares(context.targets, context.inputs)])

    def stack(self, outputs: torch.Tensor, counts: Ints) -> torch.Tensor:
        """As they are."""
        return outputs

    def rows(self, trunk: Trunk, inputs: Sequence[Input], outputs: Floats) -> Array:
        """Raise NotSupported, as for features."""
        _refuse()

    def model(self, trunk: nn.Module, pooling: str, head: nn.Linear) -> nn.Module:
        """A detector of *trunk* with heads of its own, for as many labels as *head* has outputs; for timing it."""
        names = [str(i) for i in range(head.out_features)]
        return with_labels(trunk, names, 0)

    def begin(self, context: Context, trunk: nn.Module, l2: float) -> nn.Module:
        """A detector of *trunk* for the labels of *context*; what the base has no weights for begins at random."""
        known = cast(BoxTrunk, context.trunk).opened.known
        most = int(dict(context.space.extra).get("most", 0)) or max(map(len, context.targets), default=1)
        wanted = None if known is not None else max(most + SPARE, 2 * most)
        model = with_labels(trunk, context.space.names, context.seed, known, wanted)
        answers = answers_of(model.whole.config)
        if most > answers:
            message = _(
                "a picture holds {most} boxes, but this base answers {answers} at most: the others will be missed",
                most=most, answers=answers,
            )  # fmt: skip
            context.watch.report("finding", message)
        return model

    @contextmanager
    def source(self, context: Context, stack: Stack, lowest: int) -> Iterator[Source]:
        """Pixels; nothing is replayed."""
        yield BoxSource(context.trunk.tokenizer, context.inputs, context.space.names)

    def predictor(self, model: Any, trunk: Trunk) -> Predictor:
        """Batches of pictures, order kept."""
        return BoxPredictor(model, trunk.tokenizer)


def _refuse() -> NoReturn:
    raise NotSupported("boxes have no features to solve a head on", do="use full_fine_tuning or partial_fine_tuning")


READING = Boxes()
