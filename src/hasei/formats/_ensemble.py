"""Several predictors whose outputs are joined: by their mean, or by that of the probabilities they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import nn

from hasei.engine.derivation import Predictor
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats


@dataclass
class EnsemblePredictor:
    """Answers rows by all *members*, each with its format, joined as *how* says."""

    members: tuple[tuple[str, Predictor], ...]
    how: str
    width: int = field(init=False)

    def __post_init__(self) -> None:
        self.width = self.members[0][1].width

    @property
    def model(self) -> nn.ModuleDict:
        """The members' own modules, as ``member-1`` and so on."""
        found = {f"member-{i}": getattr(member, "model", None) for i, (_, member) in enumerate(self.members, 1)}
        return nn.ModuleDict({name: model for name, model in found.items() if model is not None})

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the joined outputs (n, width), float32."""
        return join([member.outputs(inputs, watch) for _, member in self.members], self.how)


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
