"""Words that the base holds for alike: the tokens nearest to a word's token in the base's own table of tokens.

Source: nearest words by embedding as replacements: Wang & Yang 2015, "That's so annoying!!!: a lexical and frame-semantic
embedding based data augmentation approach".
Shapes: table (v, h); cosines (v,).
Relations: nothing is downloaded. Near is not the same: neighbours are words used alike, opposites among them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from hasei.engine.batching import encode
from hasei.engine.trunk import Trunk
from hasei.tasks import Floats

LEAST = 0.5
"""Cosine below which no token counts as near."""
_LOOKED = 64


class Neighbours:
    """The nearest words of a word, by the token table of *trunk*."""

    def __init__(self, trunk: Trunk) -> None:
        self.tokenizer: Any = trunk.tokenizer
        embeddings: Any = trunk.model.get_input_embeddings()  # type: ignore[operator]
        self.table: Floats = embeddings.weight.detach().float().numpy()
        self.lengths = np.maximum(np.linalg.norm(self.table, axis=1), 1e-12)
        self.special = set(self.tokenizer.all_special_ids)
        self.of = lru_cache(maxsize=65536)(self._of)

    def _of(self, word: str, count: int) -> Sequence[str]:
        """Return up to *count* words of the same script, nearest first; () where *word* is no single token."""
        for shown in (word, f" {word}"):  # how many bases write a word inside a text
            token = self._single(shown)
            if token is not None:
                return self._near(token, word, count)
        return ()

    def _single(self, text: str) -> int | None:
        (found,) = encode(self.tokenizer, [text])
        own = [i for i, special in zip(found.ids, found.special_tokens_mask) if not special]
        return own[0] if len(own) == 1 and own[0] not in self.special else None

    def _near(self, token: int, word: str, count: int) -> Sequence[str]:
        cosines = self.table @ self.table[token] / (self.lengths * self.lengths[token])
        found: dict[str, str] = {}
        for other in np.argsort(-cosines, kind="stable")[:_LOOKED]:
            if cosines[other] < LEAST or len(found) == count:
                break
            text = self.tokenizer.decode([int(other)]).strip()
            if int(other) in self.special or not text.isalpha() or _script(text) != _script(word):
                continue
            if text.casefold() != word.casefold() and int(other) == self._whole(text, token):
                found.setdefault(text.casefold(), text)
        return tuple(found.values())

    def _whole(self, text: str, like: int) -> int | None:
        """The token of *text* as a word of its own, written as *like* is; None where that is no single token."""
        spaced = self.tokenizer.convert_ids_to_tokens(like)[:1] in ("\u0120", "\u2581")
        return self._single(f" {text}" if spaced else text)


def _script(text: str) -> tuple[str, ...]:
    """The scripts of the letters of *text*, each once: LATIN, HIRAGANA, CJK."""
    return tuple(sorted({unicodedata.name(sign, "?").split()[0] for sign in text if sign.isalpha()}))
