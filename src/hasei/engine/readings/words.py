"""Each word of a row: the head sits on the state of the first sub-token of every piece (:mod:`hasei.engine.words`).

Shapes: places = pieces of all rows; features (m, h), outputs (m, w); a predictor gives (p, 2 + w) a row: start, end, logits.
Relations: :mod:`.whole` pools all token states to one; here the states themselves are kept, of the last layer too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from hasei.engine.activations import replay
from hasei.engine.activations.store import Store
from hasei.engine.batching import Ints, by_length
from hasei.engine.derivation import Context, Predictor
from hasei.engine.ragged import ragged
from hasei.engine.readings.whole import Whole
from hasei.engine.source import text_source
from hasei.engine.tagged import TaggedModel, TaggedPredictor, TaggedSource, placed, stacked
from hasei.engine.training import Source
from hasei.engine.trunk import Trunk
from hasei.engine.words import WordTrunk
from hasei.ground.events import Watch
from hasei.inputs.architecture import Stack
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats


class Words(Whole):
    """The reading: satisfies :class:`hasei.engine.readings.Reading`. Its task has ``mark`` (places to tags)."""

    format = "token_classifier"
    adapter_format = "token_adapter"

    def open(self, base: Base, store: Store | None = None) -> Trunk:
        """Open *base* for places inside rows."""
        return WordTrunk(base, store)

    def ends(self, trunk: Trunk) -> list[int]:
        """Layers that can be a model's last, the last first; who asks will look at several, so they are kept together."""
        found = super().ends(trunk)
        _opened(trunk).hoped = set(found)
        return found

    def poolings(self, trunk: Trunk) -> tuple[str, ...]:
        """Nothing is pooled: the base's own stands for that."""
        return (trunk.base.pooling,)

    def counts(self, trunk: Trunk, inputs: Sequence[Input]) -> Ints:
        """Places of each row (n,)."""
        return np.array([len(found.token) for found in _opened(trunk).layouts(inputs)], np.int64)

    def features(
        self, trunk: Trunk, inputs: Sequence[Input], layer: int, pooling: str, watch: Watch | None = None
    ) -> Floats:
        """States (m, h) that enter *layer* at every place, float32: kept ones, else computed."""
        flat = _opened(trunk).flat(inputs)
        states = trunk.states(flat.windows, layer, watch)
        if states is not None:
            tokens = states.data.reshape(-1, states.hidden)
            return np.asarray(tokens[states.offsets[states.rows[flat.window]] + flat.token], np.float32)
        corpus = trunk.corpus_of(flat.windows)
        rows, out = corpus.rows(flat.windows), np.empty((len(flat.token), trunk.hidden), np.float32)
        for windows in by_length(corpus.tokens.lengths[rows]):
            (watch or Watch()).check()
            seen = replay.capture(trunk.model, trunk.stack, corpus.tokens.pad(rows[windows], trunk.pad_id), {layer})[
                layer
            ]
            at = torch.from_numpy(flat.in_batch(windows))
            out[flat.places_in(windows)] = seen[at[:, 0], at[:, 1]].numpy()
        return out

    def targets(self, context: Context) -> Array:
        """The tag of every place: an object array (n,) of int64 (p,)."""
        found = _opened(context.trunk).layouts(context.inputs)
        mark = cast(Any, context.task).mark
        return ragged([mark(context.space, t, row.at)[0] for t, row in zip(context.targets, found, strict=True)])

    def stack(self, outputs: torch.Tensor, counts: Ints) -> torch.Tensor:
        """Rows (n, longest, w), filled up."""
        return stacked(outputs, counts)

    def rows(self, trunk: Trunk, inputs: Sequence[Input], outputs: Floats) -> Array:
        """Start, end and outputs of every place (p, 2 + w), a row each."""
        return placed(_opened(trunk).flat(inputs), outputs)

    def model(self, trunk: nn.Module, pooling: str, head: nn.Linear) -> nn.Module:
        """Trunk and head; it gives outputs of places (m, w)."""
        return TaggedModel(trunk, head)

    @contextmanager
    def source(self, context: Context, stack: Stack, lowest: int) -> Iterator[Source]:
        """Windows as they are, or replayed from layer *lowest*."""
        trunk = _opened(context.trunk)
        flat = trunk.flat(context.inputs)
        states = trunk.states(flat.windows, lowest, context.watch) if 0 < lowest < trunk.layers else None
        with text_source(trunk, flat.windows, stack, states, lowest) as windows:
            yield TaggedSource(windows, flat)

    def predictor(self, model: Any, trunk: Trunk) -> Predictor:
        """Windows of similar length in batches, order kept."""
        return TaggedPredictor(model, trunk.tokenizer, trunk.base.max_tokens)


def _opened(trunk: Trunk) -> WordTrunk:
    if not isinstance(trunk, WordTrunk):
        raise TypeError("this base was opened for another reading")
    return trunk


READING = Words()
