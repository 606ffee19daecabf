"""A static student: a table of tokens, their mean, at most one layer between, a head. No transformer runs when it answers.

Source: Iyyer et al. 2015, "Deep unordered composition rivals syntactic methods for text classification"; the table from a base:
Tulkens & van Dongen 2024, "Model2Vec".
Shapes: batch b, tokens t of all its rows together, table (v, d), middle (u, d), head (w, u) or (w, d), outputs (b, w).
Relations: :mod:`hasei.formats.static_embedding` writes and reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from hasei.engine.batching import Ints
from hasei.ground.errors import NotSupported
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

CHUNK = 4096
"""Rows whose tokens are held at a time."""


class StaticModel(nn.Module):
    """Table (v, d), mean, ReLU layer (u, d) where there is one, head; *dropout* acts before the head while training."""

    def __init__(self, table: torch.Tensor, middle: nn.Linear | None, head: nn.Linear, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = nn.EmbeddingBag.from_pretrained(table, freeze=False, mode="mean")
        self.middle, self.head = middle, head
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        """Outputs (b, w) of rows whose tokens stand one after the other in *ids* (t,), row i from ``offsets[i]``."""
        states = self.embedding(ids, offsets)
        if self.middle is not None:
            states = torch.relu(self.middle(states))
        outputs: torch.Tensor = self.head(self.dropout(states))
        return outputs


@dataclass(frozen=True)
class Bags:
    """Token ids of rows, ragged: row i is ``ids[offsets[i]:offsets[i + 1]]``."""

    ids: npt.NDArray[np.int64]
    offsets: Ints

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Ints:
        """Tokens of each row (n,)."""
        return np.diff(self.offsets)

    def of(self, rows: Ints) -> Bags:
        """The rows *rows* alone."""
        lengths = self.lengths[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        inside = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        return Bags(self.ids[np.repeat(self.offsets[rows], lengths) + inside], offsets)


def bags_of(tokenizer: Any, inputs: Sequence[Input]) -> Bags:
    """Tokenise texts by a ``tokenizers.Tokenizer``, without special tokens; NotSupported where a row has several texts."""
    if any(not isinstance(row, str) for row in inputs):
        raise NotSupported("a static student reads one text a row", received="several", do="choose another student")
    rows = [row.ids for row in tokenizer.encode_batch_fast(list(inputs), add_special_tokens=False)]
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    ids = np.fromiter(chain.from_iterable(rows), np.int64, int(lengths.sum()))
    return Bags(ids, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))


@dataclass
class StaticSource:
    """The rows *bags* for a training; *drop* is the share of tokens that are left out at random in each step."""

    bags: Bags
    drop: float = 0.0

    @property
    def lengths(self) -> Ints:
        """Tokens of each row (n,)."""
        return np.maximum(self.bags.lengths, 1)

    @property
    def ids(self) -> Ints:
        """None: the table holds only rows that occur."""
        return np.empty(0, np.int64)

    def outputs(self, model: nn.Module, rows: Ints) -> torch.Tensor:
        """Run *model* on *rows* (b,); outputs (b, w)."""
        bags = self.bags.of(rows)
        if self.drop and model.training and len(bags.ids):
            bags = thinned(bags, torch.rand(len(bags.ids)).numpy() >= self.drop)
        outputs: torch.Tensor = model(torch.from_numpy(bags.ids), torch.from_numpy(bags.offsets[:-1]))
        return outputs


def thinned(bags: Bags, kept: npt.NDArray[np.bool_]) -> Bags:
    """Return *bags* with the tokens *kept* (t,) alone; a row that would lose all of them keeps all."""
    rows = np.repeat(np.arange(len(bags)), bags.lengths)
    left = np.bincount(rows[kept], minlength=len(bags))
    kept = kept | (left[rows] == 0)
    lengths = np.bincount(rows[kept], minlength=len(bags))
    return Bags(bags.ids[kept], np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))


@dataclass
class StaticPredictor:
    """Answers texts with a :class:`StaticModel` by a ``tokenizers.Tokenizer`` alone; order kept, memory constant in the rows."""

    model: StaticModel
    tokenizer: Any
    width: int = field(init=False)

    def __post_init__(self) -> None:
        self.model.eval()
        for parameter in self.model.parameters():
            parameter.requires_grad_(False)
        self.width = int(self.model.head.out_features)

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the outputs (n, w), float32, in the order of *inputs*."""
        watch, out = watch or Watch(), np.empty((len(inputs), self.width), np.float32)
        for start in range(0, len(inputs), CHUNK):
            watch.check()
            bags = bags_of(self.tokenizer, inputs[start : start + CHUNK])
            with torch.inference_mode():
                found = self.model(torch.from_numpy(bags.ids), torch.from_numpy(bags.offsets[:-1]))
            out[start : start + CHUNK] = found.numpy()
            watch.report("predicting", "", start / len(inputs), often=True)
        return out
