"""Several heads on one trunk: one forward pass answers all of them.

Shapes: n rows, h hidden, w outputs of the main head, W outputs of all heads together. The heads stand below each other in one
linear layer (W, h), the main one first, so that all outputs are one product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from hasei.engine.batching import Ints
from hasei.engine.derivation import Also
from hasei.engine.pooled import PooledModel
from hasei.engine.prediction import PooledPredictor, in_batches
from hasei.engine.ragged import padded
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats, Space


@dataclass(frozen=True)
class OtherHead:
    """A head beside the main one: the *name* of its target, its *task* by name, and its *space*."""

    name: str
    task: str
    space: Space


class MultiHeadPredictor(PooledPredictor):
    """Answers rows by the main head, *width* wide, and on demand by all *others* from the same pass."""

    def __init__(
        self, model: PooledModel, tokenizer: Any, max_tokens: int, width: int, others: Sequence[OtherHead]
    ) -> None:
        super().__init__(model, tokenizer, max_tokens)
        self.width, self.others = width, tuple(others)

    @property
    def widths(self) -> list[int]:
        """Outputs of every head, the main one's first."""
        return [self.width, *(other.space.width for other in self.others)]

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the outputs of the main head (n, w), float32, in the order of *inputs*."""
        return self.all_outputs(inputs, watch)[0]

    def all_outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> list[Floats]:
        """Return the outputs of every head, the main one's first, each (n, its width), float32; the trunk is run once."""
        found = in_batches(self.model, self.tokenizer, inputs, self.max_tokens, sum(self.widths), watch)
        return [np.ascontiguousarray(part) for part in np.split(found, np.cumsum(self.widths)[:-1], axis=1)]


def joint_loss(heads: Sequence[Also], scales: Sequence[float], rows: int) -> Callable[..., torch.Tensor]:
    """Return the loss of *rows* rows by all *heads*: outputs (b, W) and the rows' numbers (b,) to (b,).

    The losses of all heads that a row has a target for are summed, each divided by its scale, so that no head counts more
    because its loss is larger by nature.
    """
    places = [torch.from_numpy(_places(head.rows, rows)) for head in heads]
    targets = [padded(head.targets) for head in heads]
    ends = np.cumsum([head.space.width for head in heads]).tolist()

    def loss(outputs: torch.Tensor, asked: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        total = outputs.new_zeros(len(asked))
        for head, scale, place, target, end in zip(heads, scales, places, targets, ends):
            at = place[asked]
            known = torch.nonzero(at >= 0)[:, 0]
            if len(known):
                own = outputs[known, end - head.space.width : end]
                found = head.task.loss(own, target[at[known]], smoothing=smoothing)
                total = total.index_add(0, known, found.to(total.dtype) / scale)
        return total

    return loss


def _places(known: Ints, rows: int) -> Ints:
    """Where the target of each row (rows,) stands among those of the rows *known*; -1: it has none."""
    found = np.full(rows, -1, np.int64)
    found[known] = np.arange(len(known))
    return found
