"""Each row a document, of which a language model with its own head learns every token.

Shapes: m windows of n documents; outputs in training (n, 2), see :mod:`hasei.engine.running`; so are a predictor's.
Relations: :mod:`.causal` learns only the answers of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
from torch import nn

from hasei.engine.activations.replay import replaying
from hasei.engine.activations.store import Store
from hasei.engine.batching import Ints
from hasei.engine.causal import CausalModel, CausalSource, CausalTrunk, Turns
from hasei.engine.derivation import Context, Predictor
from hasei.engine.readings.causal import Causal
from hasei.engine.running import LikelihoodPredictor, RunningSource, RunningTrunk
from hasei.engine.training import Source
from hasei.engine.trunk import Trunk
from hasei.inputs.architecture import Stack
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array


class Running(Causal):
    """The reading: satisfies :class:`hasei.engine.readings.Reading`."""

    def open(self, base: Base, store: Store | None = None) -> CausalTrunk:
        """Open *base* with its head and tokenizer."""
        return RunningTrunk(base, store)

    def targets(self, context: Context) -> Array:
        """Tokens of each document (n,), by which its loss is divided."""
        trunk, rows, starts = _parted(context)
        corpus = trunk.corpus_of(rows)
        counts = cast(Turns, corpus.tokens).counts(corpus.rows(rows))
        return np.add.reduceat(counts, starts[:-1]).astype(np.float32)

    def begin(self, context: Context, trunk: nn.Module, l2: float) -> nn.Module:
        """The base's own head is where training starts."""
        return CausalModel(trunk, plain=cast(CausalTrunk, context.trunk).plain)

    @contextmanager
    def source(self, context: Context, stack: Stack, lowest: int) -> Iterator[Source]:
        """Documents by their windows; replayed from layer *lowest*."""
        trunk, rows, starts = _parted(context)
        corpus = trunk.corpus_of(rows)
        parts = CausalSource(cast(Turns, corpus.tokens), corpus.rows(rows), trunk.pad_id, packs=trunk.packs)
        states = trunk.states(rows, lowest, context.watch) if 0 < lowest < trunk.layers else None
        if states is None:
            yield RunningSource(parts, starts)
            return
        with replaying(stack, trunk.probe, lowest) as replay:
            parts.states, parts.replay = states, replay
            yield RunningSource(parts, starts)

    def predictor(self, model: Any, trunk: Trunk) -> Predictor:
        """What documents cost, windows of similar length together."""
        return LikelihoodPredictor(model, trunk.tokenizer, trunk.max_tokens)


def _parted(context: Context) -> tuple[RunningTrunk, list[Input], Ints]:
    trunk = cast(RunningTrunk, cast(RunningTrunk, context.trunk).twin())
    return trunk, *trunk.parted([i if isinstance(i, str) else i[0] for i in context.inputs])


READING = Running()
