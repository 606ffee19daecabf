"""Each row whole: one text, or several at once, pooled to one vector; the head sits on that.

Shapes: places = rows; features (n, h), outputs (n, w).
Relations: other readings begin from this one and change what differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.activations.store import Store
from hasei.engine.batching import Ints
from hasei.engine.derivation import Context, Predictor
from hasei.engine.heads import solve_head
from hasei.engine.pooled import PooledModel, linear
from hasei.engine.prediction import PooledPredictor
from hasei.engine.ragged import flat
from hasei.engine.source import text_source
from hasei.engine.training import Source
from hasei.engine.trunk import Trunk
from hasei.ground.events import Watch
from hasei.inputs.architecture import Stack
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats


class Whole:
    """The reading: satisfies :class:`hasei.engine.readings.Reading`."""

    format = "sentence_transformers"
    adapter_format = "peft_adapter"
    slowness = 1

    def open(self, base: Base, store: Store | None = None) -> Trunk:
        """Open *base* with its tokenizer."""
        return Trunk(base, store)

    def expand(self, inputs: Sequence[Input]) -> list[Input]:
        """Rows as they are."""
        return list(inputs)

    def cut(self, trunk: Trunk, inputs: Sequence[Input]) -> list[int]:
        """Rows of which the base reads only a beginning."""
        corpus = trunk.corpus_of(inputs)
        lost = set(corpus.tokens.cut.tolist())
        return [i for i, row in enumerate(inputs) if corpus.row_of[row] in lost]

    def ends(self, trunk: Trunk) -> list[int]:
        """Layers that can be a model's last, the last first."""
        return [layer for layer in range(trunk.layers, 0, -1) if trunk.can_end_at(layer)] or [trunk.layers]

    def poolings(self, trunk: Trunk) -> tuple[str, ...]:
        """All that the trunk keeps, the base's own first."""
        return trunk.poolings

    def counts(self, trunk: Trunk, inputs: Sequence[Input]) -> Ints:
        """One place a row."""
        return np.ones(len(inputs), np.int64)

    def features(
        self, trunk: Trunk, inputs: Sequence[Input], layer: int, pooling: str, watch: Watch | None = None
    ) -> Floats:
        """Pooled states (n, h) that enter *layer*."""
        return trunk.pooled(inputs, layer, pooling, watch)

    def targets(self, context: Context) -> Array:
        """As the task encodes them."""
        return context.targets

    def stack(self, outputs: torch.Tensor, counts: Ints) -> torch.Tensor:
        """As they are."""
        return outputs

    def rows(self, trunk: Trunk, inputs: Sequence[Input], outputs: Floats) -> Array:
        """As they are."""
        return outputs

    def model(self, trunk: nn.Module, pooling: str, head: nn.Linear) -> nn.Module:
        """Trunk, pooling, head."""
        return PooledModel(trunk, pooling, head)

    def begin(self, context: Context, trunk: nn.Module, l2: float) -> nn.Module:
        """Solve the head on the last states and the base's own pooling."""
        opened = context.trunk
        features = self.features(opened, context.inputs, opened.layers, opened.base.pooling, context.watch)
        weight, bias = solve_head(context.task, context.space, features, flat(self.targets(context)), l2)
        return self.model(trunk, opened.base.pooling, linear(weight, bias))

    @contextmanager
    def source(self, context: Context, stack: Stack, lowest: int) -> Iterator[Source]:
        """Token ids as they are, or replayed from layer *lowest*."""
        trunk = context.trunk
        states = trunk.states(context.inputs, lowest, context.watch) if 0 < lowest < trunk.layers else None
        with text_source(trunk, context.inputs, stack, states, lowest) as source:
            yield source

    def predictor(self, model: Any, trunk: Trunk) -> Predictor:
        """Batches of similar length, order kept."""
        return PooledPredictor(model, trunk.tokenizer, trunk.base.max_tokens)


READING = Whole()
