"""A trunk, a pooling and a linear head as one torch module: what most methods derive, and what predicts.

Shapes: batch b, tokens t, hidden h, outputs w. trunk (b, t) -> (b, t, h); pooling -> (b, h); head -> (b, w).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
    """Trunk, pooling and linear head. *dropout* acts on the pooled features while training.

    The trunk itself always runs in eval mode: see :func:`layer_dropout` for dropout between its layers.
    """

    def __init__(self, trunk: nn.Module, pooling: str, head: nn.Linear, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.trunk, self.pooling, self.head = trunk, pooling, head
        self.dropout = nn.Dropout(dropout)

    def train(self, mode: bool = True) -> PooledModel:
        """Switch between training and predicting; the trunk's own dropout stays off."""
        super().train(mode)
        self.trunk.eval()
        return self

    def features(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Pooled features (b, h) of a padded batch."""
        return pool(last_states(self.trunk, batch), batch["attention_mask"], self.pooling)

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Outputs (b, w) of a padded batch, in the head's precision (float32)."""
        features: torch.Tensor = self.dropout(self.features(batch))
        with torch.autocast("cpu", enabled=False):
            outputs: torch.Tensor = self.head(features.to(self.head.weight.dtype))
        return outputs


@contextmanager
def layer_dropout(model: nn.Module, layers: Sequence[nn.Module], share: float) -> Iterator[None]:
    """While *model* trains inside the block, drop *share* of the states that enter each of *layers*.

    The same for every architecture (many have no dropout of their own), and cheaper than dropout inside attention, which
    forces a slower kernel.
    """

    def drop(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not model.training:
            return None
        if args:
            return (nn.functional.dropout(args[0], share), *args[1:]), kwargs
        return args, kwargs | {"hidden_states": nn.functional.dropout(kwargs["hidden_states"], share)}

    handles = [layer.register_forward_pre_hook(drop, with_kwargs=True) for layer in layers] if share else []
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def last_states(trunk: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """Run *trunk* on a padded batch; its last token states (b, t, h), after a final norm where it has one."""
    decoder = inner(trunk)
    options = {"use_cache": False} if "use_cache" in inspect.signature(decoder.forward).parameters else {}
    states: torch.Tensor = decoder(**batch, **options).last_hidden_state
    return states


def inner(trunk: nn.Module) -> nn.Module:
    """Return the part of *trunk* that gives states: of a language model what its head sits on, adapters within it kept."""
    embeddings = getattr(trunk, "get_output_embeddings", None)
    if embeddings is None or embeddings() is None:
        return trunk
    plain: Any = trunk.get_base_model() if hasattr(trunk, "get_base_model") else trunk  # type: ignore[operator]
    decoder: nn.Module = plain.base_model
    return decoder


def linear(weight: Any, bias: Any) -> nn.Linear:
    """Return a linear layer with the given weight (w, h) and bias (w,), in float32."""
    weight, bias = torch.as_tensor(weight, dtype=torch.float32), torch.as_tensor(bias, dtype=torch.float32)
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer
