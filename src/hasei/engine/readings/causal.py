"""Each row a prompt and the answer that is to be written for it, by a language model with its own head.

Shapes: a row is one sequence of tokens, of which the answers' are learnt; outputs in training (n, 2), see
:mod:`hasei.engine.causal`; a predictor's are an object array (n,) of ``[text, mean log likelihood]``.
Relations: no head is solved and none is added: :mod:`.whole` puts one on pooled states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from torch import nn

from hasei.engine.activations.replay import replaying
from hasei.engine.activations.store import Store
from hasei.engine.causal import CausalModel, CausalSource, CausalTrunk, Turns
from hasei.engine.decoding import Decoding
from hasei.engine.derivation import Context, Predictor
from hasei.engine.readings.whole import Whole
from hasei.engine.training import Source
from hasei.engine.trunk import Trunk
from hasei.engine.writing import WritingPredictor
from hasei.ground.errors import NotSupported
from hasei.ground.events import Watch
from hasei.inputs.architecture import Stack
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats

_MORE = 1.25
"""How much longer than the longest train answer a text may become."""


class Causal(Whole):
    """The reading: satisfies :class:`hasei.engine.readings.Reading`."""

    format = "causal_lm"
    adapter_format = "causal_adapter"

    def open(self, base: Base, store: Store | None = None) -> CausalTrunk:
        """Open *base* with its head, tokenizer and chat template."""
        return CausalTrunk(base, store)

    def features(
        self, trunk: Trunk, inputs: Sequence[Input], layer: int, pooling: str, watch: Watch | None = None
    ) -> Floats:
        """Raise NotSupported: nothing is pooled."""
        raise NotSupported("a row that is to be written has no features", do="use a method that trains")

    def targets(self, context: Context) -> Array:
        """Learnt tokens of each row (n,), by which its loss is divided."""
        tokens, rows = self._rows(context)
        return tokens.counts(rows)

    def _rows(self, context: Context) -> tuple[Turns, Any]:
        trunk, rows = _answered(context)
        corpus = trunk.corpus_of(rows)
        return cast(Turns, corpus.tokens), corpus.rows(rows)

    def model(self, trunk: nn.Module, pooling: str, head: nn.Linear) -> nn.Module:
        """The language model as it is; one token is written."""
        return CausalModel(trunk, plain=True)

    def begin(self, context: Context, trunk: nn.Module, l2: float) -> nn.Module:
        """The base's own head is where training starts; answers may become a quarter longer than those of the rows."""
        opened = cast(CausalTrunk, context.trunk)
        return CausalModel(trunk, plain=opened.plain, decoding=self.decoding(context))

    def decoding(self, context: Context) -> Decoding:
        """Greedy, with room for answers like those of *context*."""
        opened = cast(CausalTrunk, context.trunk)
        chosen = [len(opened.chat._ids(answer)) for answer in context.truth]
        most = int(max(chosen, default=1) * _MORE) + 8
        return Decoding(max_new_tokens=min(most, max(1, opened.max_tokens // 2)))

    @contextmanager
    def source(self, context: Context, stack: Stack, lowest: int) -> Iterator[Source]:
        """Prompts with answers, packed where that saves padding; replayed from layer *lowest*."""
        trunk, rows = _answered(context)
        corpus = trunk.corpus_of(rows)
        plain = CausalSource(cast(Turns, corpus.tokens), corpus.rows(rows), trunk.pad_id, trunk.packs)
        states = trunk.states(rows, lowest, context.watch) if 0 < lowest < trunk.layers else None
        if states is None:
            yield plain
            return
        with replaying(stack, trunk.probe, lowest) as replay:
            plain.states, plain.replay = states, replay
            yield plain

    def predictor(self, model: Any, trunk: Trunk) -> Predictor:
        """Prompts of similar length together, order kept."""
        opened = cast(CausalTrunk, trunk)
        return WritingPredictor(model, opened.chat, opened.max_tokens)


def _answered(context: Context) -> tuple[CausalTrunk, list[Input]]:
    """The base with the rows of *context*, prompt and answer, as those whose activations are kept."""
    trunk = cast(CausalTrunk, context.trunk)
    rows: list[Input] = [(_prompt(i), str(answer)) for i, answer in zip(context.inputs, context.truth, strict=True)]
    return trunk.twin(), rows


def _prompt(row: Input) -> str:
    return row if isinstance(row, str) else row[0]


READING = Causal()
