"""A trunk, a pooling and a linear head as one torch module: what most methods derive, and what predicts.

Shapes: batch b, tokens t, hidden h, outputs w. trunk (b, t) -> (b, t, h); pooling -> (b, h); head -> (b, w).
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import nn

POOLINGS = ("mean", "cls", "max", "last")


def pool(states: torch.Tensor, mask: torch.Tensor, how: str) -> torch.Tensor:
    """Pool token *states* (b, t, h) under *mask* (b, t) to (b, h): the mean, first, elementwise largest or last token."""
    if how == "cls":
        return states[:, 0]
    if how == "last":
        return states[torch.arange(len(states)), mask.sum(1) - 1]
    weight = mask.unsqueeze(-1).to(states.dtype)
    if how == "max":
        return states.masked_fill(weight == 0, torch.finfo(states.dtype).min).amax(1)
    return (states * weight).sum(1) / weight.sum(1).clamp(min=1e-9)


class PooledModel(nn.Module):
    """Trunk, pooling and linear head. While training, *dropout* acts on the pooled features and, where set, inside the trunk.

    Without *trunk_dropout* the trunk runs without its own dropout also while its weights are trained.
    """

    def __init__(
        self, trunk: nn.Module, pooling: str, head: nn.Linear, *, dropout: float = 0.0, trunk_dropout: bool = False
    ) -> None:
        super().__init__()
        self.trunk, self.pooling, self.head = trunk, pooling, head
        self.dropout = nn.Dropout(dropout)
        self.trunk_dropout = trunk_dropout

    def train(self, mode: bool = True) -> PooledModel:
        """Switch between training and predicting; the trunk's dropout stays off unless asked for."""
        super().train(mode)
        self.trunk.train(mode and self.trunk_dropout)
        return self

    def features(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Pooled features (b, h) of a padded batch."""
        return pool(last_states(self.trunk, batch), batch["attention_mask"], self.pooling)

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Outputs (b, w) of a padded batch, float32."""
        features: torch.Tensor = self.dropout(self.features(batch).float())
        with torch.autocast("cpu", enabled=False):
            outputs: torch.Tensor = self.head(features)
        return outputs


def last_states(trunk: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Run *trunk* on a padded batch; its last token states (b, t, h), after a final norm where it has one."""
    options = {"use_cache": False} if "use_cache" in inspect.signature(trunk.forward).parameters else {}
    states: torch.Tensor = trunk(**batch, **options).last_hidden_state
    return states


def linear(weight: Any, bias: Any) -> nn.Linear:
    """Return a linear layer with the given weight (w, h) and bias (w,), in float32."""
    weight, bias = torch.as_tensor(weight, dtype=torch.float32), torch.as_tensor(bias, dtype=torch.float32)
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer
