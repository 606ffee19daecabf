"""A base that reads learnt tokens, or learnt keys and values, before every row: what PEFT calls prompt learning.

Source: Lester et al. 2021, "The power of scale for parameter-efficient prompt tuning"; Li & Liang 2021, "Prefix-tuning".
Shapes: batch b, tokens t, learnt tokens v; of states (b, v + t, h) of the model underneath the rows' own (b, t, h) are kept.
Relations: nothing inside the base changes, but every state does, so that nothing kept of a layer can be replayed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers.modeling_outputs import BaseModelOutput

_LEAST = 16
"""Tokens of a row that must still fit beside the learnt ones."""


class Prompted(nn.Module):
    """A trunk under a PeftModel of prompt learning; segment ids are left out, as PEFT does."""

    def __init__(self, peft: Any) -> None:
        super().__init__()
        self.peft = peft

    @property
    def config(self) -> Any:
        """The architecture's configuration."""
        return self.peft.get_base_model().config

    def get_input_embeddings(self) -> nn.Module:
        """The base's own token table."""
        table: nn.Module = self.peft.get_base_model().get_input_embeddings()
        return table

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: Any) -> BaseModelOutput:
        """Last states (b, t, h) of the rows' own tokens."""
        states = self.peft(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return BaseModelOutput(last_hidden_state=states[:, -input_ids.shape[1] :])


def room_beside(positions: int, learnt: int) -> int:
    """Return how many tokens of a row fit beside *learnt* ones in *positions*; 0 where too few would."""
    return positions - learnt if positions - learnt >= _LEAST else 0
