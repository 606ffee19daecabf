"""Unlabelled texts as windows of tokens, and which of their tokens are hidden from a model that is to guess them.

Source: Devlin et al. 2019, "BERT" (15 % of the tokens: 80 % of them masked, 10 % replaced, 10 % left); whole words: Cui et al.
2021, "Pre-training with whole word masking for Chinese BERT".

Shapes: m windows of t tokens in all; ``free`` (t,): tokens that may be hidden, all but special ones; ``word`` (t,): equal for
neighbouring tokens of one word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hasei.engine.batching import Ints, Tokens, encode

LONGEST = 512
"""Tokens of a window, where the base could read more."""
_WORD = 4
"""Tokens of the longest word that is hidden as a whole: where words aren't parted by spaces, a sentence counts as one."""
_CHUNK = 1000


@dataclass(frozen=True)
class Texts:
    """Texts as windows. *row* (m,) tells which text each window is of."""

    tokens: Tokens
    free: npt.NDArray[np.bool_]
    word: Ints
    row: Ints

    def take(self, windows: Ints) -> Texts:
        """Return *windows* alone, in that order; one may be taken several times."""
        lengths, offsets = self.tokens.lengths[windows], self.tokens.offsets
        at = np.concatenate([np.arange(offsets[w], offsets[w + 1]) for w in windows] or [np.empty(0, np.int64)])
        tokens = Tokens(
            self.tokens.ids[at], np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            None if self.tokens.types is None else self.tokens.types[at],
        )  # fmt: skip
        return Texts(tokens, self.free[at], self.word[at], self.row[windows])


def texts_of(tokenizer: Any, texts: Sequence[str], most: int) -> Texts:
    """Tokenise *texts* as the base reads them, in windows of at most *most* tokens: nothing is cut off.

    Windows without a token of the text are left out.
    """
    found: list[Any] = []
    row: list[int] = []
    for start in range(0, len(texts), _CHUNK):
        for i, text in enumerate(texts[start : start + _CHUNK], start):
            windows = encode(tokenizer, [text], truncation=True, max_length=most, return_overflowing_tokens=True)
            windows = [w for w in windows if not all(w.special_tokens_mask)]
            found += windows
            row += [i] * len(windows)
    offsets = np.cumsum([0, *(len(w.ids) for w in found)], dtype=np.int64)
    ids = np.array([i for w in found for i in w.ids], np.int32)
    types = np.array([i for w in found for i in w.type_ids], np.int8)
    free = np.array([not s for w in found for s in w.special_tokens_mask], np.bool_)
    word = np.array([-1 if k is None else k for w in found for k in w.word_ids], np.int64)
    named = "token_type_ids" in tokenizer.model_input_names
    return Texts(Tokens(ids, offsets, types if named else None), free, word, np.array(row, np.int64))


@dataclass(frozen=True)
class Masking:
    """How tokens are hidden: the *share* of them, by *whole_words* or one by one; *mask_id* stands for a hidden token."""

    share: float
    whole_words: bool
    mask_id: int
    others: Ints
    """Token ids by which a hidden token may be replaced."""

    def hide(self, texts: Texts, window: int, rng: np.random.Generator) -> tuple[Ints, npt.NDArray[np.int32]]:
        """Draw the places (k,) among all tokens at which *window* is to be guessed, and what stands there instead (k,)."""
        low, high = texts.tokens.offsets[window : window + 2]
        places = low + np.flatnonzero(texts.free[low:high])
        wanted = max(1, round(self.share * len(places)))
        units = _words(texts.word[places]) if self.whole_words else np.arange(len(places))
        order = rng.permutation(int(units[-1]) + 1)
        size = np.bincount(units)[order]
        kept = order[np.cumsum(size) <= wanted]
        chosen = places[np.isin(units, kept if len(kept) else order[:1])]
        ids = texts.tokens.ids[chosen].copy()
        draw = rng.random(len(chosen))
        ids[draw < 0.8] = self.mask_id
        other = (draw >= 0.8) & (draw < 0.9)
        ids[other] = rng.choice(self.others, int(other.sum()))
        return chosen, ids


def _words(word: Ints) -> Ints:
    """Number the words of tokens (k,) by their *word* ids, each token of a word that is too long being one of its own."""
    new = np.concatenate([[True], (word[1:] != word[:-1]) | (word[1:] < 0)])
    number = np.cumsum(new) - 1
    long = np.bincount(number)[number] > _WORD
    return (np.cumsum(new | long) - 1).astype(np.int64)
