"""Counts of bytes after the bytes before them, and what documents cost by them.

Source: Witten & Bell 1991, "The zero-frequency problem" (interpolation, method C).

Shapes: a document of t bytes is t + 1 symbols, the last being NUL; outputs (n, 2): mean nats a symbol, and symbols.

Relations: :mod:`hasei.formats.byte_model` writes and reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats

LONGEST = 7
Keys = npt.NDArray[np.uint64]


def symbols(text: str, order: int) -> list[Keys]:
    """Return the keys of each symbol of *text* with 0 to *order* bytes before it; before the first stand NULs."""
    data = np.frombuffer(b"\0" * order + text.encode("utf-8", "surrogatepass") + b"\0", np.uint8).astype(np.uint64)
    size = len(data) - order
    found = [data[order:].copy()]
    for k in range(1, order + 1):
        found.append(found[-1] | (data[order - k : order - k + size] << np.uint64(8 * k)))
    return found


@dataclass
class BytePredictor:
    """Says what documents cost by counts of bytes: *keys* and *counts* by how many bytes stand before."""

    keys: tuple[Keys, ...]
    counts: tuple[Floats, ...]
    width: int = 2

    @classmethod
    def of(cls, texts: Sequence[str], order: int, watch: Watch) -> BytePredictor:
        """Count the bytes of *texts*."""
        parts: list[list[Keys]] = [[] for _ in range(order + 1)]
        for text in texts:
            watch.check()
            for k, found in enumerate(symbols(text, order)):
                parts[k].append(found)
        counted = [np.unique(np.concatenate(part), return_counts=True) for part in parts]
        return cls(tuple(k for k, _ in counted), tuple(c.astype(np.float32) for _, c in counted))

    def __post_init__(self) -> None:
        self._before = []
        for keys, counts in zip(self.keys, self.counts):
            contexts, start = np.unique(keys >> np.uint64(8), return_index=True)
            kinds = np.diff(np.append(start, len(keys)))
            self._before.append((contexts, np.add.reduceat(counts.astype(np.float64), start), kinds))

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return (n, 2), float32: mean nats a symbol, and symbols."""
        out = np.zeros((len(inputs), 2), np.float32)
        for i, row in enumerate(inputs):
            if watch is not None:
                watch.check()
                watch.report("predict", fraction=i / len(inputs), often=True)
            found = symbols(row if isinstance(row, str) else row[0], len(self.keys) - 1)
            out[i] = -np.log(self._shares(found)).mean(), len(found[0])
        return out

    def _shares(self, found: list[Keys]) -> Floats:
        """Probability of each symbol (t,): its share after what stands before, mixed with that after less."""
        share: Floats = np.full(len(found[0]), 1 / 256)
        for keys, counts, (contexts, total, kinds), key in zip(self.keys, self.counts, self._before, found):
            seen = _look_up(keys, counts, key)
            before = key >> np.uint64(8)
            n, t = _look_up(contexts, total, before), _look_up(contexts, kinds, before)
            share = np.where(n > 0, (seen + t * share) / np.maximum(n + t, 1), share)
        return share


def _look_up(keys: Keys, values: Array, asked: Keys) -> Floats:
    place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[place] == asked, values[place], 0).astype(np.float64)
