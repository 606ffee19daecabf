"""The predictor of a list of entities; :mod:`hasei.formats.gazetteer` writes and reads it.

Shapes: p pieces of a row, w tags; outputs (p, 2 + w): start, end, logits.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from hasei.engine.ragged import ragged
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats
from hasei.tasks._pieces import pieces

Entry = tuple[str, ...]


def words_of(text: str) -> tuple[list[str], list[tuple[int, int]]]:
    """Return the pieces of *text* without case and width, and where they stand."""
    at = pieces(text)
    return [unicodedata.normalize("NFKC", text[low:high]).casefold() for low, high in at], at


def entries_at(words: Sequence[str], entries: Collection[Entry], longest: int) -> Iterator[tuple[int, Entry]]:
    """Yield each of *entries* that stands in *words*, with its place: the longest first, from left to right, none overlapping."""
    place = 0
    while place < len(words):
        for size in range(min(longest, len(words) - place), 0, -1):
            entry = tuple(words[place : place + size])
            if entry in entries:
                yield place, entry
                place += size
                break
        else:
            place += 1


@dataclass
class GazetteerPredictor:
    """Answers rows by *entries*, sorted, each its pieces. *label* and *share* (e,), float32: the number of its label, and the
    share of its places in the train rows in which it is one.
    """

    entries: tuple[Entry, ...]
    label: Floats
    share: Floats
    width: int
    number: dict[Entry, int] = field(init=False, repr=False)
    longest: int = field(init=False)

    def __post_init__(self) -> None:
        self.number = {entry: i for i, entry in enumerate(self.entries)}
        self.longest = max(map(len, self.entries), default=0)

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Array:
        """Return start, end and logits of every piece: an object array (n,) of (p, 2 + w), float32."""
        found = []
        for i, text in enumerate(inputs):
            if watch is not None and i % 512 == 0:
                watch.check()
                watch.report("predict", fraction=i / len(inputs), often=True)
            found.append(self._row(text if isinstance(text, str) else "\n".join(text)))
        return ragged(found)

    def _row(self, text: str) -> Array:
        words, at = words_of(text)
        out = np.zeros((len(at), 2 + self.width), np.float32)
        out[:, :2] = np.array(at, np.float32).reshape(-1, 2)
        out[:, 3:] = -10.0
        for place, entry in entries_at(words, self.number, self.longest):
            label, share = int(self.label[self.number[entry]]), float(self.share[self.number[entry]])
            out[place : place + len(entry), 2] = -max(math.log(share / (1 - share)), 1e-3)
            out[place, 3 + 2 * label] = 0.0
            out[place + 1 : place + len(entry), 4 + 2 * label] = 0.0
        return out
