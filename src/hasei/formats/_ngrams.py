r"""Turns texts into TF-IDF vectors over words, word pairs and character n-grams, with memory that does not grow.

Source: Salton & Buckley (1988) for TF-IDF; Cavnar & Trenkle (1994) for character n-grams inside words.

Two blocks side by side, words first; each entry is (1 + ln tf) * idf and each block of a row has length 1. A text is
NFKC-normalised and lower-cased first. Characters are taken 2 to 4 at a time inside runs of non-space characters padded
by one space: in spaced languages that is inside words, in Japanese or Chinese across the whole phrase.

Shapes: n texts -> csr matrix (n, words + grams), float32, int32 indices; columns in the sorted order of the terms.

Relations: equals scikit-learn's ``TfidfVectorizer(analyzer="word", ngram_range=(1, 2), token_pattern=r"(?u)\w+",
sublinear_tf=True)`` beside ``TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)``, given the
same vocabularies; quicker, since an n-gram is one 64-bit number (16 bits a character) and never a string.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

Keys = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

LONGEST = 4
"""Characters in the longest n-gram; four of 16 bits fill a key."""
LETTERS = 65535
"""How many different characters a key can tell apart; number 0 stands for all others."""
TEXT_LIMIT = 20_000
"""Characters of a text that are read."""

_TOKEN = re.compile(r"(?u)\w+")
_BATCH = 250_000


def normalise(row: Input) -> str:
    """Return the text that is read of a row: NFKC, lower case; the texts of a pair one after the other."""
    text = row if isinstance(row, str) else " ".join(row)
    return unicodedata.normalize("NFKC", text[:TEXT_LIMIT]).lower()


def terms(text: str) -> list[str]:
    """Return the words of a normalised text, then its pairs of neighbouring words."""
    words = _TOKEN.findall(text)
    return words + [f"{a} {b}" for a, b in pairwise(words)]


def batches(rows: Sequence[Input], most: int = 2048) -> Iterator[list[str]]:
    """Yield normalised texts, at most *most* and about 250,000 characters at a time."""
    batch: list[str] = []
    size = 0
    for row in rows:
        batch.append(normalise(row))
        size += len(batch[-1])
        if len(batch) == most or size > _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def letters(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint32], Ints]:
    """Return the code points of the texts, runs of white space made one space, and each one's text."""
    padded = [f" {' '.join(text.split())} " for text in texts]
    points = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return points, np.repeat(np.arange(len(padded)), [len(p) for p in padded])


def keys(numbers: Keys, space: int) -> tuple[Keys, Ints]:
    """Return the key of every n-gram in a run of character *numbers*, and where it starts.

    Characters fill a key from its upper end, so keys sort as the strings do. An n-gram may begin or end with the
    character number *space*, but hold none inside, and no character number 0.
    """
    known, blank = numbers > 0, numbers == space
    key = numbers << np.uint64(48)
    alive = known.copy()
    found, where = [], []
    for n in range(1, LONGEST):
        # A space inside ends an n-gram, and so does the pair of spaces between two texts.
        alive = alive[:-1] & known[n:] & ~(blank[n - 1 : -1] if n > 1 else blank[:-1] & blank[1:])
        key = key[:-1] | (numbers[n:] << np.uint64(48 - 16 * n))
        start = np.flatnonzero(alive)
        found.append(key[start])
        where.append(start)
    return np.concatenate(found), np.concatenate(where)


def counts(rows: Ints, columns: Ints, shape: tuple[int, int]) -> Any:
    """Return a csr matrix (float32) of how often each column occurs in each row."""
    ones = np.ones(len(rows), dtype=np.float32)
    matrix = sparse.csr_matrix((ones, (rows.astype(np.int32), columns.astype(np.int32))), shape=shape)
    matrix.sum_duplicates()
    return matrix


@dataclass(frozen=True)
class Vectoriser:
    """A fixed vocabulary with weights: *words* and *grams* sorted, *idf* (words + grams,) float32."""

    words: tuple[str, ...]
    grams: tuple[str, ...]
    idf: Floats

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.words) + len(self.grams)

    @cached_property
    def _position(self) -> dict[str, int]:
        return {word: i for i, word in enumerate(self.words)}

    @cached_property
    def _alphabet(self) -> npt.NDArray[np.uint32]:
        return np.unique(np.frombuffer("".join(self.grams).encode("utf-32-le", "surrogatepass"), dtype=np.uint32))

    @cached_property
    def _keys(self) -> Keys:
        padded = "".join(gram.ljust(LONGEST, "\0") for gram in self.grams)
        points = np.frombuffer(padded.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        numbers = self._numbers(points).reshape(-1, LONGEST)
        shifts = np.array([48 - 16 * i for i in range(LONGEST)], dtype=np.uint64)
        packed: Keys = np.bitwise_or.reduce(numbers << shifts, axis=1)
        return packed

    def _numbers(self, points: npt.NDArray[np.uint32]) -> Keys:
        """Return each character's place in the alphabet, from 1; 0 for those of no n-gram."""
        if not len(self._alphabet):
            return np.zeros(len(points), dtype=np.uint64)
        place = np.minimum(np.searchsorted(self._alphabet, points), len(self._alphabet) - 1)
        return np.where(self._alphabet[place] == points, place + 1, 0).astype(np.uint64)

    def transform(self, texts: Sequence[str]) -> Any:
        """Return the weighted csr matrix (n, width) of normalised *texts*; rows without known terms are empty."""
        split = len(self.words)
        words, grams = self._words(texts), self._grams(texts)
        return sparse.hstack([_weigh(words, self.idf[:split]), _weigh(grams, self.idf[split:])], format="csr")

    def _words(self, texts: Sequence[str]) -> Any:
        rows, columns = [], []
        for i, text in enumerate(texts):
            known = [c for c in map(self._position.get, terms(text)) if c is not None]
            columns += known
            rows += [i] * len(known)
        return counts(np.array(rows, np.int64), np.array(columns, np.int64), (len(texts), len(self.words)))

    def _grams(self, texts: Sequence[str]) -> Any:
        points, owner = letters(texts)
        numbers = self._numbers(points)
        space = int(np.searchsorted(self._alphabet, 32)) + 1 if 32 in self._alphabet else 0
        found, start = keys(numbers, space)
        place = np.minimum(np.searchsorted(self._keys, found), max(len(self._keys) - 1, 0))
        hit = self._keys[place] == found if len(self._keys) else np.zeros(len(found), np.bool_)
        return counts(owner[start[hit]], place[hit], (len(texts), len(self.grams)))


def _weigh(matrix: Any, idf: Floats) -> Any:
    """Turn counts into (1 + ln tf) * idf, in place, and divide each row by its length."""
    matrix.data = (1.0 + np.log(matrix.data)) * idf[matrix.indices]
    owner = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    squares = np.bincount(owner, np.square(matrix.data, dtype=np.float64), minlength=matrix.shape[0])
    matrix.data = (matrix.data / np.sqrt(squares)[owner]).astype(np.float32)
    return matrix
