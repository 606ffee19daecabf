"""Ragged token sequences and batches with almost no padding.

Shapes: n rows, t tokens in all. ``Tokens.ids`` (t,), ``Tokens.offsets`` (n + 1,): row i is ``ids[offsets[i]:offsets[i+1]]``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hasei.inputs.data.dataset import Input

if TYPE_CHECKING:
    import torch

Ints = npt.NDArray[np.int64]

TOKEN_BUDGET = 2048
"""Tokens per forward pass, padding included: the fastest of 1k–8k measured for small encoders on two cores."""


@dataclass(frozen=True)
class Tokens:
    """Tokenised rows without padding. *types* are token type ids where the tokenizer gives any; *cut* rows were too long."""

    ids: npt.NDArray[np.int32]
    offsets: Ints
    types: npt.NDArray[np.int8] | None = None
    cut: Ints = field(default_factory=lambda: np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Ints:
        """Tokens of each row (n,)."""
        return np.diff(self.offsets)

    def pad(self, rows: Ints, pad_id: int) -> dict[str, torch.Tensor]:
        """Return the rows right-padded: ``input_ids`` and ``attention_mask`` (b, longest), and type ids where there are."""
        import torch

        width = int(self.lengths[rows].max(initial=1))
        ids = np.full((len(rows), width), pad_id, np.int64)
        mask = np.zeros((len(rows), width), np.int64)
        types = None if self.types is None else np.zeros((len(rows), width), np.int64)
        for i, row in enumerate(rows):
            low, high = self.offsets[row], self.offsets[row + 1]
            ids[i, : high - low] = self.ids[low:high]
            mask[i, : high - low] = 1
            if types is not None and self.types is not None:
                types[i, : high - low] = self.types[low:high]
        batch = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        return batch if types is None else batch | {"token_type_ids": torch.from_numpy(types)}


def tokenize(tokenizer: Any, inputs: Sequence[Input], max_tokens: int) -> Tokens:
    """Tokenise *inputs* (texts, or tuples of texts), cutting at *max_tokens*; in chunks, so that memory stays small."""
    ids: list[npt.NDArray[np.int32]] = []
    types: list[npt.NDArray[np.int8]] = []
    lengths: list[int] = []
    cut: list[int] = []
    for start in range(0, len(inputs), 2000):
        chunk = list(inputs[start : start + 2000])
        encoded = encode(tokenizer, chunk)
        for i, row in enumerate(encoded):
            if len(row.ids) > max_tokens:
                cut.append(start + i)
                row = _truncate(tokenizer, chunk[i], max_tokens)
            ids.append(np.asarray(row.ids, np.int32))
            types.append(np.asarray(row.type_ids, np.int8))
            lengths.append(len(row.ids))
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)
    flat_types = np.concatenate(types) if types else np.empty(0, np.int8)
    return Tokens(
        np.concatenate(ids) if ids else np.empty(0, np.int32), offsets,
        flat_types if "token_type_ids" in tokenizer.model_input_names else None, np.asarray(cut, np.int64),
    )  # fmt: skip


def encode(tokenizer: Any, chunk: list[Any], **options: Any) -> list[Any]:
    """Return the encodings (ids, type ids, offsets in characters) of *chunk*, uncut unless *options* say otherwise."""
    paired = bool(chunk) and isinstance(chunk[0], tuple)
    first = [row[0] for row in chunk] if paired else chunk
    second = [row[1] for row in chunk] if paired and len(chunk[0]) > 1 else None
    options = options or {"truncation": False}
    encoded = tokenizer(first, second, padding=False, verbose=False, **options)
    return list(encoded.encodings)


def _truncate(tokenizer: Any, row: Input, max_tokens: int) -> Any:
    return encode(tokenizer, [row], truncation=True, max_length=max_tokens)[0]


def by_length(lengths: Ints, budget: int = TOKEN_BUDGET) -> Iterator[Ints]:
    """Yield batches of row indices, longest rows first, each of at most *budget* tokens padding included.

    Longest first: running out of memory shows at once, and time left is never under-estimated.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        rows = max(1, budget // max(1, int(lengths[order[start]])))
        yield order[start : start + rows]
        start += rows


def steps(lengths: Ints, rows_per_step: int, rng: np.random.Generator, budget: int = TOKEN_BUDGET) -> list[list[Ints]]:
    """Return one epoch as optimiser steps, each a list of micro-batches; every row occurs exactly once.

    Rows are shuffled, sorted by length inside large pools and cut into steps, which are then shuffled: a step holds
    *rows_per_step* rows (the last one fewer) of similar length, split where it would pass *budget* tokens.
    """
    order = rng.permutation(len(lengths))
    pool = rows_per_step * 32
    cut: list[Ints] = []
    for start in range(0, len(order), pool):
        part = order[start : start + pool]
        part = part[np.argsort(lengths[part], kind="stable")]
        cut += [part[i : i + rows_per_step] for i in range(0, len(part), rows_per_step)]
    chosen = [cut[i] for i in rng.permutation(len(cut))]
    return [[step[micro] for micro in by_length(lengths[step], budget)] for step in chosen]
