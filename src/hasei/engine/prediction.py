"""The one prediction loop, and a pooled model as something that answers rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.batching import by_length, tokenize
from hasei.engine.pooled import PooledModel, linear
from hasei.engine.trunk import Trunk
from hasei.ground.events import Watch
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

CHUNK = 4096
"""Rows tokenised and sorted at a time: enough to pack well, few enough for constant memory."""


def in_batches(
    model: nn.Module, tokenizer: Any, inputs: Sequence[Input], max_tokens: int, width: int, watch: Watch | None = None
) -> Floats:  # fmt: skip
    """Return what *model* gives for each of *inputs* (n, *width*), float32, in their order; CHUNK rows are held at a time."""
    watch, pad_id = watch or Watch(), int(tokenizer.pad_token_id or 0)
    out = np.empty((len(inputs), width), np.float32)
    for start in range(0, len(inputs), CHUNK):
        tokens = tokenize(tokenizer, inputs[start : start + CHUNK], max_tokens)
        done = 0
        for rows in by_length(tokens.lengths):
            watch.check()
            with torch.inference_mode():
                out[start + rows] = model(tokens.pad(rows, pad_id)).numpy()
            done += len(rows)
            watch.report("predicting", "", (start + done) / len(inputs), often=True)
    return out


def features_of(model: nn.Module, opened: Trunk, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
    """Return the pooled last states (n, h) of *inputs* by *model*, a changed copy of the model of the base *opened*."""
    plain = linear(np.eye(opened.hidden), np.zeros(opened.hidden))
    pooled = PooledModel(model, opened.base.pooling, plain)
    return PooledPredictor(pooled, opened.tokenizer, opened.base.max_tokens).outputs(inputs, watch)


class PooledPredictor:
    """Answers rows with a :class:`PooledModel` in float32; order kept, memory constant in the number of rows.

    *base* is that of its tokenizer, where it is not the one that a method was given. *quicker*: a model, and one that answers the
    same in less time; it is run as long as that model is the predictor's.
    """

    base: Base | None = None
    quicker: tuple[PooledModel, PooledModel] | None = None

    def __init__(self, model: PooledModel, tokenizer: Any, max_tokens: int) -> None:
        self.model, self.tokenizer, self.max_tokens = model.eval(), tokenizer, max_tokens
        self.width = int(model.head.out_features)

    @property
    def running(self) -> PooledModel:
        """What is run: the model, or the quicker one."""
        return self.quicker[1] if self.quicker is not None and self.quicker[0] is self.model else self.model

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the outputs (n, w), float32, in the order of *inputs*."""
        return in_batches(self.running, self.tokenizer, inputs, self.max_tokens, self.width, watch)
