"""The weights that a training leaves: its last ones, or a mean of those on the way.

Source: averages of iterates: Polyak & Juditsky 1992, "Acceleration of stochastic approximation by averaging"; stochastic weight
averaging (SWA): Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization".
Shapes: every mean has the shape of its parameter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from pydantic import Field, model_validator

from hasei.ground.settings import Settings


class Average(Settings):
    """Settings: *swa* is the share of the last steps whose weights are averaged evenly; *ema* the decay of a moving mean.

    A moving mean is corrected for its start, so that it means the same however short a training is. A number alone is *swa*.
    """

    swa: float = Field(0.0, ge=0, lt=1)
    ema: float = Field(0.0, ge=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        return {"swa": value} if isinstance(value, (int, float)) and not isinstance(value, bool) else value

    @model_validator(mode="after")
    def _one(self) -> Average:
        if self.swa and self.ema:
            raise ValueError("either swa or ema, not both")
        return self

    def share(self, step: int, total: int) -> float:
        """How much of the mean the weights after *step* (from 1) of *total* steps become; 0 where they are none of it."""
        if self.ema:
            return (1 - self.ema) / (1 - self.ema**step)
        if not self.swa or step <= total * (1 - self.swa):
            return 0.0
        return 1.0 / (step - math.floor(total * (1 - self.swa)))


def blend(mean: dict[str, torch.Tensor], weights: Mapping[str, torch.Tensor], share: float) -> None:
    """Move *mean* towards *weights* by *share*; what it lacks it takes as it is."""
    with torch.no_grad():
        for name, weight in weights.items():
            if share >= 1 or name not in mean:
                mean[name] = weight.detach().clone()
            else:
                mean[name].lerp_(weight.detach(), share)


@contextmanager
def wearing(weights: Mapping[str, torch.Tensor], mean: Mapping[str, torch.Tensor]) -> Iterator[None]:
    """Give *weights* the values of *mean* inside the block, and their own back after it."""
    own = {name: weight.detach().clone() for name, weight in weights.items() if name in mean}
    with torch.no_grad():
        for name in own:
            weights[name].copy_(mean[name])
    try:
        yield
    finally:
        with torch.no_grad():
            for name, value in own.items():
                weights[name].copy_(value)
