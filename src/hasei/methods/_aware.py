"""Training that is aware of the rounding to come: a finished model learns to answer as it did, its layers rounded meanwhile.

Source: Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only inference"; its
own outputs as targets: Ba & Caruana 2014, "Do deep nets really need to be deep?" (their mean square).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch

from hasei.engine import rounding_aware
from hasei.engine.derivation import Context
from hasei.engine.ragged import is_ragged
from hasei.engine.readings import reading_of
from hasei.inputs.architecture import find_stack
from hasei.methods._tuning import Part, Tuned, freeze, train_part

NAME = "quantization"
_RATE = 5e-5
"""A tenth of what a model is trained with: it has learnt the rows already."""


def trained_aware(context: Context, predictor: Any, paths: Collection[str], epochs: int) -> list[dict[str, float]]:
    """Train the model of *predictor*, in place, its layers *paths* in 8 bits: to give the outputs (n, w) that it gives.

    Where a row has several outputs, it learns from the labels instead.
    """
    model, reading = predictor.model, reading_of(context.task)
    before = predictor.outputs(context.inputs, context.watch)
    by_labels = is_ragged(before) or before.ndim != 2
    targets, loss = (reading.targets(context), None) if by_labels else (before, as_before)
    stack = find_stack(model.trunk)
    part = Part(model.trunk, stack, frozenset(name for name, _ in model.trunk.named_parameters()), -1)
    plan = Tuned(
        epochs=epochs, min_steps=0, learning_rate=_RATE, head_learning_rate=_RATE, dropout=0.0, smoothing=0.0,
        layer_decay=1.0, weight_decay=0.0,
    )  # fmt: skip
    with reading.source(context, stack, -1) as source, rounding_aware.rounding(model.trunk, paths):
        _plan, curve = train_part(context, NAME, model, part, freeze(context, plan), source, targets, loss)
    model.eval()
    return curve


def as_before(outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
    """Per-row loss (b,): the mean square of how *outputs* (b, w) lie from *targets*."""
    return (outputs - targets).square().mean(1)
