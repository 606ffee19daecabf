"""A student that also learns what its teacher's layers make of the same rows: their states and where their attention goes.

The teacher's layers are run beside the student's in every step of a training, without gradients, on the very same batch.

Source: Romero et al. 2015, "FitNets" and Sanh et al. 2019, "DistilBERT" (states); Jiao et al. 2020, "TinyBERT" (attention).
Shapes: states (b, t, h), attention (b, heads, t, t); what is added to a row's loss (b, 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.functional import layer_norm

from hasei.engine.pooled import PooledModel, inner, pool
from hasei.ground.errors import NotSupported


class Matched(PooledModel):
    """*plain* (which it shares all weights with), and beside its outputs (b, w) a column of how far it is from *teacher*.

    *pairs* name a layer of the student and one of the teacher each; *states* and *attention* weigh the two distances.
    """

    def __init__(
        self, plain: PooledModel, teacher: nn.Module, pairs: Sequence[tuple[int, int]], states: float, attention: float
    ) -> None:  # fmt: skip
        super().__init__(plain.trunk, plain.pooling, plain.head)
        self._teacher, self._pairs = (teacher.eval(),), tuple(pairs)  # in a tuple: no part of this model
        self._states, self._attention = states, attention

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Outputs and what is added to the loss (b, w + 1)."""
        own = _run(self.trunk, batch, attention=self._attention > 0)
        with torch.no_grad():
            other = _run(self._teacher[0], batch, attention=self._attention > 0)
        features = pool(own.last_hidden_state, batch["attention_mask"], self.pooling)
        with torch.autocast("cpu", enabled=False):
            outputs = self.head(features.to(self.head.weight.dtype))
        return torch.cat([outputs, self._apart(own, other, batch["attention_mask"])[:, None]], 1)

    def _apart(self, own: Any, other: Any, mask: torch.Tensor) -> torch.Tensor:
        weight = mask / mask.sum(1, keepdim=True)
        total = torch.zeros(len(mask))
        for student, teacher in self._pairs:
            if self._states:
                one, two = own.hidden_states[student + 1].float(), other.hidden_states[teacher + 1].float()
                gap = (layer_norm(one, one.shape[-1:]) - layer_norm(two, two.shape[-1:])).square().mean(2)
                total = total + self._states * (gap * weight).sum(1)
            if self._attention:
                ours, theirs = own.attentions[student].float().mean(1), other.attentions[teacher].float().mean(1)
                gap = (theirs * (theirs.clamp_min(1e-9).log() - ours.clamp_min(1e-9).log())).sum(2)
                total = total + self._attention * (gap * weight).sum(1)
        return total / max(1, len(self._pairs))


def spread(count: int, among: int) -> tuple[int, ...]:
    """Return *count* of the places 0 to *among* - 1, evenly spread from the first to the last."""
    return (0,) if count == 1 else tuple(i * (among - 1) // (count - 1) for i in range(count))


@contextmanager
def plain_attention(models: Sequence[nn.Module]) -> Iterator[None]:
    """Inside, *models* tell their attention: they run by plain matrix products. NotSupported where one has no such way."""
    before: list[tuple[Any, Any]] = []
    try:
        for model in models:
            given: Any = model
            before.append((given, given.config._attn_implementation))
            given.set_attn_implementation("eager")
        yield
    except (AttributeError, ValueError) as error:
        raise NotSupported(
            "these models do not tell where their attention goes", received=str(error), do="leave attention_weight out"
        ) from error
    finally:
        for given, how in before:
            given.set_attn_implementation(how)


def _run(trunk: nn.Module, batch: dict[str, torch.Tensor], *, attention: bool) -> Any:
    found = inner(trunk)(**batch, output_hidden_states=True, output_attentions=attention)
    if attention and (not found.attentions or found.attentions[0] is None):
        raise NotSupported("these models do not tell where their attention goes", do="leave attention_weight out")
    return found
