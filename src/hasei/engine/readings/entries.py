"""Questions and entries, each read alone and pooled to one vector; no head, the answer is the nearest entries.

Shapes: places = rows; features (n, h); outputs in training (n, 1 + c, h): a question and its entries.
Relations: begins from :mod:`whole`; the loss is of all rows of a step together.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from torch import nn

from hasei.engine import entries
from hasei.engine.derivation import Context, Predictor
from hasei.engine.readings.whole import Whole
from hasei.engine.retriever import RetrieverModel, RetrieverPredictor
from hasei.engine.training import Source
from hasei.engine.trunk import Trunk
from hasei.inputs.architecture import Stack
from hasei.inputs.data.corpus import Corpus
from hasei.tasks import Array


class Entries(Whole):
    """The reading: satisfies :class:`hasei.engine.readings.Reading`."""

    format = "retriever"
    adapter_format = ""

    def targets(self, context: Context) -> Array:
        """The entries of each row's own in training, then all that are no wrong answers to it (n, c + r)."""
        return entries.in_batch_targets(context, entries.own_entries(context))

    def model(self, trunk: nn.Module, pooling: str, head: nn.Linear) -> nn.Module:
        """Trunk and pooling; entries are compared, so *head* has no part."""
        return RetrieverModel(trunk, pooling)

    def begin(self, context: Context, trunk: nn.Module, l2: float) -> nn.Module:
        """The base as it is."""
        return RetrieverModel(trunk, context.trunk.base.pooling)

    @contextmanager
    def source(self, context: Context, stack: Stack, lowest: int) -> Iterator[Source]:
        """Questions with their right entries alone."""
        with entries.entry_source(context, entries.own_entries(context), "whole", stack, lowest) as source:
            yield source

    def predictor(self, model: Any, trunk: Trunk) -> Predictor:
        """What reads questions; it knows of no entries yet."""
        nothing = np.empty((0, trunk.hidden), np.float32)
        corpus = Corpus((), (), ())
        return RetrieverPredictor(model, trunk.tokenizer, trunk.base.max_tokens, corpus, "whole", nothing)


READING = Entries()
