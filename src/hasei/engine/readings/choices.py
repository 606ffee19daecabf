"""Each row as its question with every choice: a pair is pooled to one vector, one number a pair, softmax over a row's.

Source: Radford et al. 2018, "Improving language understanding by generative pre-training" (question with each answer).
Shapes: places = pairs; features (m, h), outputs (m, 1); stacked (n, most, 1).
Relations: :mod:`whole` reads one pair a row; the activation store keeps each pair's features here just so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from hasei.engine.batching import Ints
from hasei.engine.choosing import (
    ChoicePredictor,
    ChoiceSource,
    expanded,
    of_pairs,
    pairs_of,
    right_marks,
    stacked,
    told,
)
from hasei.engine.derivation import Context, Predictor
from hasei.engine.prediction import PooledPredictor
from hasei.engine.readings.whole import Whole
from hasei.engine.source import text_source
from hasei.engine.training import Source
from hasei.engine.trunk import Trunk
from hasei.ground.events import Watch
from hasei.inputs.architecture import Stack
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats


class Choices(Whole):
    """The reading: satisfies :class:`hasei.engine.readings.Reading`."""

    format = "multiple_choice"
    adapter_format = "multiple_choice_adapter"

    def expand(self, inputs: Sequence[Input]) -> list[Input]:
        """The question of each row with each of its choices."""
        return expanded(inputs)[0]

    def cut(self, trunk: Trunk, inputs: Sequence[Input]) -> list[int]:
        """Rows of which a pair is longer than the base reads."""
        corpus = _beside(trunk, inputs).corpus_of(self.expand(inputs))
        lost = set(corpus.tokens.cut.tolist())
        return [i for i, row in enumerate(inputs) if any(corpus.row_of[pair] in lost for pair in pairs_of(row))]

    def counts(self, trunk: Trunk, inputs: Sequence[Input]) -> Ints:
        """Choices of each row (n,)."""
        return expanded(inputs)[1]

    def features(
        self, trunk: Trunk, inputs: Sequence[Input], layer: int, pooling: str, watch: Watch | None = None
    ) -> Floats:
        """Pooled states (m, h) of every pair that enter *layer*."""
        return _beside(trunk, inputs).pooled(self.expand(inputs), layer, pooling, watch)

    def targets(self, context: Context) -> Array:
        """The marks (k, 2) of each row's choices (n,); raises DataError where a right choice is none of its row's."""
        return right_marks(context.inputs, context.truth)

    def stack(self, outputs: torch.Tensor, counts: Ints) -> torch.Tensor:
        """One entry a row (n, most, 1)."""
        return stacked(outputs, counts)

    def rows(self, trunk: Trunk, inputs: Sequence[Input], outputs: Floats) -> Array:
        """The choices of each row with their scores (n,)."""
        return told(inputs, outputs[:, 0])

    @contextmanager
    def source(self, context: Context, stack: Stack, lowest: int) -> Iterator[Source]:
        """Token ids of all pairs, or replayed from layer *lowest*."""
        trunk, (pairs, counts) = _beside(context.trunk, context.inputs), expanded(context.inputs)
        states = trunk.states(pairs, lowest, context.watch) if 0 < lowest < trunk.layers else None
        with text_source(trunk, pairs, stack, states, lowest) as source:
            yield ChoiceSource(source, counts)

    def predictor(self, model: Any, trunk: Trunk) -> Predictor:
        """Pairs in batches of similar length."""
        return ChoicePredictor(PooledPredictor(model, trunk.tokenizer, trunk.base.max_tokens))


def _beside(trunk: Trunk, inputs: Sequence[Input]) -> Trunk:
    """Return *trunk* with the pairs of its kept rows as rows of its own, keeping the layers that are wanted of it."""
    other = trunk.beside(inputs, of_pairs)
    other.wanted |= trunk.wanted
    return other


READING = Choices()
