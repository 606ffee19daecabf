"""A question beside a long context: as many windows over the context as it needs, each with the whole question.

Source: Devlin et al. 2019, "BERT" (windows with a stride; a token counts where it has the most context on both sides).

Shapes: n rows, v windows (v >= n), m places. The places of a row are its first window's first token, which stands for "no
answer", and then each token of its context once, in order, taken from the window in which it stands furthest from an edge.

Relations: a context that fits has one window, and then every token of it counts where it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hasei.engine.batching import Ints, Tokens
from hasei.ground.errors import DataError
from hasei.inputs.data.dataset import Input

_LEAST = 8
"""Tokens of the context that a window must have room for, twice over."""


@dataclass(frozen=True)
class Windows:
    """Rows as windows. *tokens* are those of the windows; *row* (v,) is each window's row, *counts* (n,) places of a row.

    Of every place: its *window* (m,), its *position* in it (m,), and the characters *spans* (m, 2) of the context that it is,
    from and up to; (0, 0) for no answer.
    """

    tokens: Tokens
    row: Ints
    counts: Ints
    window: Ints
    position: Ints
    spans: Ints

    @cached_property
    def starts(self) -> Ints:
        """The first place of each row, and the number of places (n + 1,)."""
        return np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)

    @cached_property
    def first_windows(self) -> Ints:
        """The first window of each row, and the number of windows (n + 1,)."""
        found: Ints = np.searchsorted(self.row, np.arange(len(self.counts) + 1)).astype(np.int64)
        return found

    def places(self, rows: Ints) -> Ints:
        """Return the places of *rows* (b,), one row's after the other's."""
        return ranges(self.starts[rows], self.counts[rows])

    def of_rows(self, rows: Ints) -> Ints:
        """Return the windows of *rows* (b,), one row's after the other's."""
        return ranges(self.first_windows[rows], self.first_windows[rows + 1] - self.first_windows[rows])

    def place_of(self, row: int, start: int, end: int) -> tuple[int, int]:
        """Return the first and the last place of *row* (counted within it) that the characters *start* to *end* lie in."""
        spans = self.spans[self.starts[row] + 1 : self.starts[row + 1]]
        if not len(spans):
            return 0, 0
        first = min(int(np.searchsorted(spans[:, 1], start, side="right")), len(spans) - 1)
        last = max(first, int(np.searchsorted(spans[:, 0], end, side="left")) - 1)
        return first + 1, last + 1


def ranges(starts: Ints, counts: Ints) -> Ints:
    """Return the numbers start, start + 1, ... of each of *starts*, as many as *counts* says, one after the other."""
    before = np.cumsum(counts) - counts
    return np.arange(int(counts.sum()), dtype=np.int64) + np.repeat(starts - before, counts)  # type: ignore[no-any-return]


def overlap(max_tokens: int) -> int:
    """Tokens of the context that two neighbouring windows share."""
    return min(128, max_tokens // 4)


def windows_of(tokenizer: Any, inputs: Sequence[Input], max_tokens: int) -> Windows:
    """Return the windows of *inputs* (question, context); raises DataError where a question alone leaves no room."""
    rows: list[Ints] = []
    encodings: list[Any] = []
    counts, window, position, spans = [], [], [], []
    for start in range(0, len(inputs), 1000):
        for i, found in enumerate(_encoded(tokenizer, inputs[start : start + 1000], max_tokens), start):
            base = len(encodings)
            here, where, characters = _places(found)
            encodings += found
            rows.append(np.full(len(found), i, np.int64))
            counts.append(len(here))
            window.append(here + base)
            position.append(where)
            spans.append(characters)
    lengths = [len(encoding.ids) for encoding in encodings]
    types = [np.asarray(encoding.type_ids, np.int8) for encoding in encodings]
    tokens = Tokens(
        _joined([np.asarray(encoding.ids, np.int32) for encoding in encodings], np.int32),
        np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
        _joined(types, np.int8) if "token_type_ids" in tokenizer.model_input_names else None,
    )
    every = _joined(spans, np.int64).reshape(-1, 2)
    return Windows(
        tokens, _joined(rows, np.int64), np.asarray(counts, np.int64), _joined(window, np.int64),
        _joined(position, np.int64), every,
    )  # fmt: skip


def _joined(parts: list[Any], dtype: Any) -> Any:
    return np.concatenate(parts) if parts else np.empty(0, dtype)


def _encoded(tokenizer: Any, chunk: Sequence[Input], max_tokens: int) -> list[list[Any]]:
    """Return the encodings of each row's windows."""
    if not chunk:
        return []
    first, second = [row[0] for row in chunk], [row[1] for row in chunk]
    whole = tokenizer(first, second, padding=False, truncation=False, verbose=False).encodings
    found = []
    for row, one in zip(chunk, whole):
        if len(one.ids) <= max_tokens:
            found.append([one])
            continue
        room = max_tokens - (len(one.ids) - sum(side == 1 for side in one.sequence_ids))
        if room < 2 * _LEAST:
            raise DataError(
                f"a question leaves no room for its context: '{str(row[0])[:40]}...'",
                expected=f"at most {max_tokens - 2 * _LEAST} tokens of the {max_tokens} that the base reads",
                do="shorten it, or use a base that reads more",
            )
        cut = tokenizer(
            [row[0]], [row[1]], padding=False, truncation="only_second", max_length=max_tokens, verbose=False,
            stride=min(overlap(max_tokens), room // 2), return_overflowing_tokens=True,
        )  # fmt: skip
        found.append(list(cut.encodings))
    return found


def _places(windows: list[Any]) -> tuple[Ints, Ints, Ints]:
    """Return window, position and characters of the places of one row."""
    inside = [np.flatnonzero([side == 1 for side in one.sequence_ids]) for one in windows]
    spans = [np.asarray(one.offsets, np.int64).reshape(-1, 2)[where] for one, where in zip(windows, inside)]
    lengths = np.array([len(where) for where in inside], np.int64)
    begins = np.zeros(len(windows), np.int64)
    for i in range(1, len(windows)):
        begins[i] = begins[i - 1] + lengths[i - 1] - _shared(spans[i - 1], spans[i])
    within = ranges(np.zeros(len(windows), np.int64), lengths)
    window = np.repeat(np.arange(len(windows)), lengths)
    token, room = begins[window] + within, np.minimum(within, lengths[window] - 1 - within)
    order = np.lexsort((window, -room, token))  # of each token of the context, where it stands furthest from an edge
    chosen = order[np.unique(token[order], return_index=True)[1]]
    return _with_none(window[chosen], np.concatenate(inside)[chosen], np.concatenate(spans)[chosen])


def _shared(before: Ints, after: Ints) -> int:
    """How many tokens two neighbouring windows share: the longest end of the one that the other begins with."""
    ends = range(min(len(before), len(after)), 0, -1)
    return next((k for k in ends if np.array_equal(before[-k:], after[:k])), 0)


def _with_none(window: Ints, position: Ints, spans: Ints) -> tuple[Ints, Ints, Ints]:
    """Put the place of "no answer" before the others."""
    nothing = np.zeros(1, np.int64)
    return (
        np.concatenate([nothing, window]), np.concatenate([nothing, position.astype(np.int64)]),
        np.concatenate([np.zeros((1, 2), np.int64), spans]),
    )  # fmt: skip
