"""Several predictors whose outputs are joined: by their mean, or by that of the probabilities they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import nn

from hasei.engine.derivation import Predictor
from hasei.engine.pooled import linear
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

SURE = 12.0
"""Logarithms of probabilities, and logits, count no further from 0 than this."""


@dataclass
class EnsemblePredictor:
    """Answers rows by all *members*, each with its format, joined as *how* says, or by the *head* over what :func:`stackable`
    makes of their outputs: weight (w, m w) and bias (w,), float32.
    """

    members: tuple[tuple[str, Predictor], ...]
    how: str
    head: tuple[Floats, Floats] | None = None
    width: int = field(init=False)

    def __post_init__(self) -> None:
        self.width = self.members[0][1].width

    @property
    def model(self) -> nn.ModuleDict:
        """The members' own modules, as ``member-1`` and so on."""
        found = {f"member-{i}": getattr(member, "model", None) for i, (_, member) in enumerate(self.members, 1)}
        if self.head is not None:
            found["stacking"] = linear(*self.head)
        return nn.ModuleDict({name: model for name, model in found.items() if model is not None})

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the joined outputs (n, width), float32."""
        return self.joined([member.outputs(inputs, watch) for _, member in self.members])

    def joined(self, outputs: Sequence[Floats]) -> Floats:
        """Join the *outputs* of the members, each (n, width), to (n, width) float32."""
        if self.head is None:
            return join(outputs, self.how)
        weight, bias = self.head
        return np.asarray(stackable(outputs, self.how) @ weight.T + bias, np.float32)


def stackable(outputs: Sequence[Floats], how: str) -> Floats:
    """Return *outputs*, each (n, w), beside each other as a head reads them (n, m w), float32, all on one scale.

    Where classes are joined by *probabilities* their logarithms, where labels are by *odds* their logits; both are cut, for a
    member that is sure beyond reason says no more than one that is very sure.
    """
    if how == "mean":
        return np.concatenate([np.asarray(one, np.float32) for one in outputs], axis=1)
    scores = [np.asarray(one, np.float64) for one in outputs]
    if how == "probabilities":
        scores = [one - one.max(1, keepdims=True) for one in scores]
        scores = [one - np.log(np.exp(one).sum(1, keepdims=True)) for one in scores]
    return np.concatenate([np.clip(one, -SURE, SURE) for one in scores], axis=1).astype(np.float32)


def join(outputs: Sequence[Floats], how: str) -> Floats:
    """Join *outputs*, each (n, w), to (n, w) float32: their mean, or that of the probabilities they stand for."""
    if how == "mean":
        return np.asarray(np.mean(outputs, axis=0, dtype=np.float64), np.float32)
    scores = np.asarray(outputs, np.float64)
    if how == "odds":
        shares = np.clip((1 / (1 + np.exp(-scores))).mean(0), 1e-12, 1 - 1e-12)
        return np.asarray(np.log(shares / (1 - shares)), np.float32)
    scores = scores - scores.max(2, keepdims=True)
    powers = np.exp(scores)
    shares = (powers / powers.sum(2, keepdims=True)).mean(0)
    return np.asarray(np.log(np.maximum(shares, 1e-12)), np.float32)
