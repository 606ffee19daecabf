"""Where in its sub-tokens a base reads each piece of a text, and texts longer than it reads as windows that overlap.

A *place* is the first sub-token of a piece (:mod:`hasei.tasks._pieces`). A text that is too long is read in windows, each as
long as the base reads, that share a quarter; a place is taken from the window in which more stands around it, so that no entity
is lost at a cut, in training as in prediction.

Source: windows with a stride: Devlin et al. 2019, "BERT" (for long documents of SQuAD); Wu et al. 2016 for sub-words.
Shapes: n rows, v >= n windows, p places of one row, m of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hasei.engine.activations.states import States
from hasei.engine.activations.store import Store
from hasei.engine.batching import Ints, Tokens, encode
from hasei.engine.trunk import Corpus, Trunk
from hasei.ground.events import Watch
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.tasks._pieces import pieces, places, plain

SHARED = 4
"""One part in so many of a window is read by the next one too."""


@dataclass(frozen=True)
class Layout:
    """A text as a base reads it: its windows, and of each place window, token (p,) and characters (p, 2)."""

    windows: tuple[str, ...]
    window: Ints
    token: Ints
    at: Ints


@dataclass(frozen=True)
class Flat:
    """Layouts of n rows, one after the other: *window* and *token* of every place (m,).

    *counts* (n,) are the places of each row, *spread* (n,) its windows.
    """

    windows: list[str]
    window: Ints
    token: Ints
    at: Ints
    counts: Ints
    spread: Ints

    @cached_property
    def first(self) -> Ints:
        """The first place of each window, and the number of all places (v + 1,)."""
        return np.searchsorted(self.window, np.arange(len(self.windows) + 1)).astype(np.int64)

    @cached_property
    def start(self) -> Ints:
        """The first window of each row, and the number of all windows (n + 1,)."""
        return np.concatenate([[0], np.cumsum(self.spread)]).astype(np.int64)

    def windows_of(self, rows: Ints) -> Ints:
        """The windows of *rows*, in their order."""
        return _ranges(self.start, rows)

    def places_in(self, windows: Ints) -> Ints:
        """The places in *windows*, in their order."""
        return _ranges(self.first, windows)

    def in_batch(self, windows: Ints) -> Ints:
        """Where the places of *windows* stand when these make a batch: (row, token) of each (m, 2)."""
        sizes = np.diff(self.first)[windows]
        return np.stack([np.repeat(np.arange(len(windows)), sizes), self.token[self.places_in(windows)]], 1)


def flatten(layouts: Sequence[Layout]) -> Flat:
    """Return *layouts* one after the other."""
    spread = np.array([len(found.windows) for found in layouts], np.int64)
    starts = np.cumsum(spread) - spread

    def all_of(parts: list[Ints]) -> Ints:
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    return Flat(
        [window for found in layouts for window in found.windows],
        all_of([found.window + start for found, start in zip(layouts, starts)]), all_of([f.token for f in layouts]),
        all_of([f.at for f in layouts]).reshape(-1, 2), np.array([len(f.token) for f in layouts], np.int64), spread,
    )  # fmt: skip


def _ranges(starts: Ints, chosen: Ints) -> Ints:
    """Return ``starts[i], ..., starts[i + 1] - 1`` for each i of *chosen*, one after the other."""
    sizes = starts[chosen + 1] - starts[chosen]
    ends = np.cumsum(sizes)
    found: Ints = np.arange(sizes.sum()) + np.repeat(starts[chosen] - (ends - sizes), sizes)
    return found


def layouts(tokenizer: Any, texts: Sequence[Input], max_tokens: int) -> list[Layout]:
    """Return how a base that reads *max_tokens* at once reads each of *texts*."""
    found: list[Layout] = []
    for start in range(0, len(texts), 2000):
        chunk = [text if isinstance(text, str) else "\n".join(text) for text in texts[start : start + 2000]]
        bared = [plain(text) for text in chunk]
        for text, bare, row in zip(chunk, bared, encode(tokenizer, bared), strict=True):
            parts = pieces(text)
            seen = places(parts, row.offsets)
            cuts = [(0, len(text))]
            if len(row.ids) > max_tokens:
                cuts = _cut(tokenizer, bare, seen, len(row.ids), max_tokens)
            found.append(_layout(tokenizer, bare, parts, seen, cuts))
    return found


def _layout(
    tokenizer: Any, text: str, parts: list[tuple[int, int]], whole: list[tuple[int, int, int]], cuts: list[tuple[int, int]]
) -> Layout:  # fmt: skip
    """Return the layout of *text* in windows *cuts* (start, end); *whole* are its places where one window is enough."""
    windows = tuple(text[low:high] for low, high in cuts)
    taken: list[tuple[int, int, int, int]] = []
    if len(cuts) == 1 and cuts[0] == (0, len(text)):
        taken = [(0, *place) for place in whole]
    else:
        owned = [0, *((cuts[i][0] + cuts[i - 1][1]) // 2 for i in range(1, len(cuts))), len(text)]
        for i, row in enumerate(encode(tokenizer, list(windows))):
            offsets = [(low + cuts[i][0], high + cuts[i][0]) if low < high else (0, 0) for low, high in row.offsets]
            for token, start, end in places(parts, offsets):
                if start < owned[i + 1] and start >= owned[i] and (not taken or start >= taken[-1][3]):
                    taken.append((i, token, start, end))
    table = np.array(taken, np.int64).reshape(-1, 4)
    return Layout(windows, table[:, 0], table[:, 1], table[:, 2:])


def _cut(
    tokenizer: Any, text: str, seen: list[tuple[int, int, int]], length: int, max_tokens: int
) -> list[tuple[int, int]]:  # fmt: skip
    """Return windows (start, end) of *text*, each of at most *max_tokens*, that begin and end at places where they can."""
    if not seen:
        return [(0, 0)]
    budget = max(1, max_tokens - int(tokenizer.num_special_tokens_to_add(pair=False)))
    tokens = np.array([token for token, _, _ in seen] + [length], np.int64)
    cuts: list[tuple[int, int]] = []
    first = 0
    while True:
        last = max(first + 1, int(np.searchsorted(tokens, tokens[first] + budget, side="right")) - 1)
        while last > first + 1 and _size(tokenizer, text[seen[first][1] : seen[last - 1][2]]) > max_tokens:
            last -= 1
        low, high = seen[first][1], seen[last - 1][2]
        while high - low > 1 and _size(tokenizer, text[low:high]) > max_tokens:
            high = low + (high - low) // 2  # one piece that is longer than all the base reads: its beginning
        cuts.append((low, high))
        if last >= len(seen):
            return cuts
        back = int(np.searchsorted(tokens, tokens[last] - budget // SHARED))
        first = min(last, max(first + 1, back))


def _size(tokenizer: Any, text: str) -> int:
    return len(encode(tokenizer, [text])[0].ids)


class WordTrunk(Trunk):
    """A base opened for places inside rows: the rows of its corpus are the windows of texts.

    Where a row is to be one vector, its first window stands for it. *hoped* are layers that are kept at once with the first
    one asked for, if there is room.
    """

    def __init__(self, base: Base, store: Store | None = None) -> None:
        super().__init__(base, store)
        self.hoped: set[int] = set()
        self._layouts: dict[Input, Layout] = {}

    def layouts(self, inputs: Sequence[Input]) -> list[Layout]:
        """Return how each of *inputs* is read."""
        missing = [text for text in dict.fromkeys(inputs) if text not in self._layouts]
        self._layouts |= dict(zip(missing, layouts(self.tokenizer, missing, self.base.max_tokens), strict=True))
        return [self._layouts[text] for text in inputs]

    def flat(self, inputs: Sequence[Input]) -> Flat:
        """Return the layouts of *inputs*, one after the other; makes sure that the corpus holds their windows."""
        self.corpus_of(inputs)
        return flatten(self.layouts(inputs))

    def prepare(self, inputs: Sequence[Input], tokens: Tokens | None = None) -> Corpus:
        """Make the windows of *inputs* the rows whose activations are kept."""
        unique = list(dict.fromkeys(inputs))
        found = self.layouts(unique)
        corpus = super().prepare([window for layout in found for window in layout.windows], tokens)
        corpus.row_of |= {text: corpus.row_of[layout.windows[0]] for text, layout in zip(unique, found, strict=True)}
        return corpus

    def states(self, inputs: Sequence[Input], layer: int, watch: Watch | None = None) -> States | None:
        """Return the kept token states of the windows *inputs*, and keep those of the layers hoped for on the way."""
        corpus = self.corpus_of(inputs)
        size = 2 * len(corpus.tokens.ids) * self.hidden * len(self.hoped)
        if size < self.store.max_bytes // 2:
            self.wanted |= self.hoped
        return super().states(inputs, layer, watch)
