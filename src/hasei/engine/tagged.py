"""A trunk with a linear head on single token states: trained, and answering rows place by place.

Shapes: batch of b windows, m places in them; states (b, t, h), outputs of places (m, w); of rows (n, longest, w) as the loss
reads them, and (p, 2 + w) a row as a predictor gives them: start, end, logits.
Relations: :mod:`hasei.engine.pooled` has one place a row; this is an ``AutoModelForTokenClassification`` of transformers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from hasei.engine.batching import Ints, by_length, tokenize
from hasei.engine.pooled import last_states
from hasei.engine.prediction import CHUNK
from hasei.engine.ragged import split
from hasei.engine.source import TextSource
from hasei.engine.words import Flat, flatten, layouts
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats


class TaggedModel(nn.Module):
    """Trunk and linear head. A batch's ``places`` (m, 2), row and token, say where the head sits.

    The trunk itself always runs in eval mode, as in :class:`~hasei.engine.pooled.PooledModel`.
    """

    def __init__(self, trunk: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.trunk, self.head = trunk, head

    def train(self, mode: bool = True) -> TaggedModel:
        """Switch between training and predicting; the trunk's own dropout stays off."""
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Outputs (m, w) of the places of a padded batch, in the head's precision (float32)."""
        places = batch["places"]
        states = last_states(self.trunk, {name: value for name, value in batch.items() if name != "places"})
        with torch.autocast("cpu", enabled=False):
            outputs: torch.Tensor = self.head(states[places[:, 0], places[:, 1]].to(self.head.weight.dtype))
        return outputs


def stacked(outputs: torch.Tensor, counts: Ints) -> torch.Tensor:
    """Return outputs of places (m, w) as rows (n, longest, w), filled up with zeros."""
    sizes = torch.from_numpy(np.ascontiguousarray(counts))
    out = outputs.new_zeros(len(counts), int(counts.max(initial=1)), outputs.shape[1])
    inside = torch.arange(out.shape[1]) < sizes[:, None]
    return out.masked_scatter(inside[..., None], outputs)


@dataclass
class TaggedSource:
    """Rows of *flat* for a training: *windows* are its windows, as they are or replayed."""

    windows: TextSource
    flat: Flat

    @property
    def lengths(self) -> Ints:
        """Tokens of all windows of each row (n,)."""
        ends = np.concatenate([[0], np.cumsum(self.windows.lengths)])
        return np.diff(ends[self.flat.start]).astype(np.int64)

    @property
    def ids(self) -> Ints:
        """The token ids that occur, each once."""
        return self.windows.ids

    def outputs(self, model: nn.Module, rows: Ints) -> torch.Tensor:
        """Run *model* on *rows* (b,); outputs (b, longest, w)."""
        windows = self.flat.windows_of(rows)
        places = torch.from_numpy(self.flat.in_batch(windows))
        at = cast(nn.Module, lambda batch: model(batch | {"places": places}))
        return stacked(self.windows.outputs(at, windows), self.flat.counts[rows])


class TaggedPredictor:
    """Answers rows with a :class:`TaggedModel` in float32; order kept, memory constant in the number of rows."""

    def __init__(self, model: TaggedModel, tokenizer: Any, max_tokens: int) -> None:
        self.model, self.tokenizer, self.max_tokens = model.eval(), tokenizer, max_tokens
        self.width = int(model.head.out_features)

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Array:
        """Return start, end and logits of every place: an object array (n,) of (p, 2 + w), float32."""
        watch = watch or Watch()
        parts = []
        for start in range(0, len(inputs), CHUNK):
            flat = flatten(layouts(self.tokenizer, inputs[start : start + CHUNK], self.max_tokens))
            parts.append(self._chunk(flat, watch))
            watch.report("predicting", "", min(1.0, (start + CHUNK) / len(inputs)), often=True)
        return np.concatenate(parts) if parts else np.empty(0, object)

    def _chunk(self, flat: Flat, watch: Watch) -> Array:
        tokens = tokenize(self.tokenizer, flat.windows, self.max_tokens)
        logits = np.empty((len(flat.token), self.width), np.float32)
        pad_id = int(self.tokenizer.pad_token_id or 0)
        for windows in by_length(tokens.lengths):
            watch.check()
            batch = tokens.pad(windows, pad_id) | {"places": torch.from_numpy(flat.in_batch(windows))}
            with torch.inference_mode():
                logits[flat.places_in(windows)] = self.model(batch).numpy()
        return placed(flat, logits)


def placed(flat: Flat, logits: Floats) -> Array:
    """Return logits of places (m, w) with the characters they stand for, a row each: an object array (n,) of (p, 2 + w)."""
    return split(np.concatenate([flat.at.astype(np.float32), logits], 1, dtype=np.float32), flat.counts.tolist())
