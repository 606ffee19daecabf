"""Each row as its question beside its context, in windows: a head on the tokens of the context says start and end.

Source: Devlin et al. 2019, "BERT: pre-training of deep bidirectional transformers" (question answering).
Shapes: places = tokens of the context and one for no answer; features (m, h), outputs (m, 2); stacked (n, most, 2).
Relations: :mod:`choices` is this with one question a row and pairs as places; the windows are :mod:`hasei.engine.windows`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.activations.replay import capture
from hasei.engine.batching import Ints, by_length
from hasei.engine.choosing import stacked
from hasei.engine.derivation import Context, Predictor
from hasei.engine.ragged import ragged
from hasei.engine.readings.whole import Whole
from hasei.engine.source import text_source
from hasei.engine.spans import SpanModel, SpanPredictor, SpanSource, told
from hasei.engine.training import Source
from hasei.engine.trunk import Trunk
from hasei.engine.windows import Windows, ranges, windows_of
from hasei.ground.events import Watch
from hasei.inputs.architecture import Stack
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats
from hasei.tasks._conditional import marks


class Spans(Whole):
    """The reading: satisfies :class:`hasei.engine.readings.Reading`."""

    format = "question_answering"
    adapter_format = "question_answering_adapter"

    def cut(self, trunk: Trunk, inputs: Sequence[Input]) -> list[int]:
        """None: a long context has several windows."""
        return []

    def ends(self, trunk: Trunk) -> list[int]:
        """The last layer alone: the states of all tokens are too much to try several."""
        return [trunk.layers]

    def poolings(self, trunk: Trunk) -> tuple[str, ...]:
        """Nothing is pooled; the base's own pooling stands for that."""
        return (trunk.base.pooling,)

    def counts(self, trunk: Trunk, inputs: Sequence[Input]) -> Ints:
        """Places of each row (n,)."""
        _, windows, rows = _beside(trunk, inputs)
        return windows.counts[rows]

    def features(
        self, trunk: Trunk, inputs: Sequence[Input], layer: int, pooling: str, watch: Watch | None = None
    ) -> Floats:
        """States (m, h) of the places of *inputs* that enter *layer*."""
        beside, windows, rows = _beside(trunk, inputs)
        place = windows.places(rows)
        kept = beside.tokens_at(_keys(windows.of_rows(rows)), layer, watch)
        if kept is None:
            return _read(beside, windows, rows, layer, watch or Watch())
        return np.asarray(kept[windows.tokens.offsets[windows.window[place]] + windows.position[place]], np.float32)

    def targets(self, context: Context) -> Array:
        """The marks (t + 1, 3) of each row's places (n,): where its answer starts and ends."""
        _, windows, rows = _beside(context.trunk, context.inputs)
        found = []
        for row, answer in zip(rows.tolist(), context.targets):
            right = windows.place_of(row, answer[0], answer[0] + len(answer[1])) if answer else (0, 0)
            found.append(marks(int(windows.counts[row]), right))
        return ragged(found)

    def stack(self, outputs: torch.Tensor, counts: Ints) -> torch.Tensor:
        """One entry a row (n, most, 2)."""
        return stacked(outputs, counts)

    def rows(self, trunk: Trunk, inputs: Sequence[Input], outputs: Floats) -> Array:
        """The best answers of each row with their scores (n,)."""
        _, windows, rows = _beside(trunk, inputs)
        return told(windows, rows, inputs, outputs)

    def model(self, trunk: nn.Module, pooling: str, head: nn.Linear) -> nn.Module:
        """Trunk and head."""
        return SpanModel(trunk, head)

    @contextmanager
    def source(self, context: Context, stack: Stack, lowest: int) -> Iterator[Source]:
        """Token ids of all windows, or replayed from layer *lowest*."""
        trunk, windows, rows = _beside(context.trunk, context.inputs)
        keys = _keys(windows.of_rows(rows))
        states = trunk.states(keys, lowest, context.watch) if 0 < lowest < trunk.layers else None
        with text_source(trunk, keys, stack, states, lowest) as source:
            yield SpanSource(source, windows, rows)

    def predictor(self, model: Any, trunk: Trunk) -> Predictor:
        """Windows in batches of similar length."""
        return SpanPredictor(model, trunk.tokenizer, trunk.base.max_tokens)


def _beside(trunk: Trunk, inputs: Sequence[Input]) -> tuple[Trunk, Windows, Ints]:
    """Return *trunk* with the windows of its kept rows as rows of its own, those windows, and which rows *inputs* are."""
    other, windows = trunk.beside(inputs, _windowed)
    other.wanted |= trunk.wanted
    return other, windows, trunk.corpus_of(inputs).rows(inputs)


def _windowed(trunk: Trunk, rows: list[Input]) -> tuple[Trunk, Windows]:
    windows = windows_of(trunk.tokenizer, rows, trunk.base.max_tokens)
    trunk.prepare(_keys(np.arange(len(windows.tokens))), windows.tokens)
    return trunk, windows


def _keys(windows: Ints) -> list[Input]:
    """How the rows of a trunk of windows are called: by number."""
    return [str(number) for number in windows.tolist()]


def _read(trunk: Trunk, windows: Windows, rows: Ints, layer: int, watch: Watch) -> Floats:
    """Run the base for the states (m, h) of the places of *rows*, where they can't be kept."""
    unique, which = np.unique(rows, return_inverse=True)
    wanted, counts = windows.of_rows(unique), windows.counts[unique]
    first = np.cumsum(counts) - counts
    at = dict(zip(unique.tolist(), first.tolist()))
    out = np.empty((int(counts.sum()), trunk.hidden), np.float32)
    for batch in by_length(windows.tokens.lengths[wanted]):
        watch.check()
        chosen = wanted[batch]
        states = capture(trunk.model, trunk.stack, windows.tokens.pad(chosen, trunk.pad_id), {layer})[layer]
        for i, window in enumerate(chosen):
            row = int(windows.row[window])
            low, high = windows.starts[row : row + 2]
            mine = np.flatnonzero(windows.window[low:high] == window)
            out[at[row] + mine] = states[i, windows.position[low + mine]].numpy()
    return out[ranges(first[which], windows.counts[rows])]


READING = Spans()
