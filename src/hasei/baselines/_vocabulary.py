"""Chooses the terms of a lexical model by how many texts they occur in, in memory that does not grow with the rows.

Source: lossy counting after Manku & Motwani (2002): when a table of counts is full, terms seen once are dropped.

Shapes: n rows -> a :class:`~hasei.formats._ngrams.Vectoriser` with at most *most*
terms; idf = ln((1 + n) / (1 + df)) + 1.

Relations: :mod:`hasei.formats._ngrams` turns texts into features with what is chosen here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hasei.formats._ngrams import LETTERS, LONGEST, Ints, Keys, Vectoriser, batches, counts, keys, letters, terms
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

# A term of one text only teaches little; in small data everything is rare.
_RARE = 2
_SMALL = 1000
_WORD_TABLE = 200_000
_GRAM_TABLE = 500_000
_WORD_SHARE = 0.4
_LONGEST_TERM = 64


def learn(rows: Sequence[Input], most: int, watch: Watch) -> Vectoriser:
    """Return a vectoriser with the *most* most frequent terms of *rows*, words and pairs at most two fifths of them."""
    words, alphabet = _words_and_letters(rows, watch)
    found, frequency = _grams(rows, alphabet, watch)
    least = 1 if len(rows) < _SMALL else _RARE
    kept_words = _most_frequent(words, int(most * _WORD_SHARE), least)
    # Ties go to the smaller key, which is the string that sorts first.
    order = np.lexsort((found, -frequency))[: most - len(kept_words)]
    order = np.sort(order[frequency[order] >= least])
    grams = _strings(found[order], alphabet)
    documents = np.array([words[w] for w in kept_words] + frequency[order].tolist(), dtype=np.float64)
    return Vectoriser(tuple(kept_words), tuple(grams), _idf(documents, len(rows)))


def _idf(documents: Floats, rows: int) -> Floats:
    return (np.log((1 + rows) / (1 + documents)) + 1).astype(np.float32)


def _most_frequent(table: Counter[str], most: int, least: int) -> list[str]:
    ranked = sorted((-n, term) for term, n in table.items() if n >= least)
    return sorted(term for _, term in ranked[:most])


def _words_and_letters(rows: Sequence[Input], watch: Watch) -> tuple[Counter[str], npt.NDArray[np.uint32]]:
    """Count in how many texts each word and pair occurs; list the characters that occur, sorted."""
    table: Counter[str] = Counter()
    seen = np.zeros(0x110000, dtype=np.int64)
    for texts in batches(rows):
        watch.check()
        for text in texts:
            table.update({term for term in terms(text) if len(term) <= _LONGEST_TERM})
        if len(table) > _WORD_TABLE:
            table = Counter({term: n for term, n in table.items() if n > 1})
        points, count = np.unique(letters(texts)[0], return_counts=True)
        seen[points] += count
    seen[0] = 0
    # Python's sort is stable: among equally frequent characters the smaller code points stay.
    ranked = np.argsort(-seen, kind="stable")[:LETTERS]
    return table, np.sort(ranked[seen[ranked] > 0]).astype(np.uint32)


def _grams(rows: Sequence[Input], alphabet: npt.NDArray[np.uint32], watch: Watch) -> tuple[Keys, Ints]:
    """Count in how many texts each character n-gram occurs: its key, sorted, and the number of texts."""
    number = np.zeros(0x110000, dtype=np.uint64)
    number[alphabet] = np.arange(1, len(alphabet) + 1, dtype=np.uint64)
    found, frequency = np.zeros(0, np.uint64), np.zeros(0, np.int64)
    for texts in batches(rows):
        watch.check()
        points, owner = letters(texts)
        key, start = keys(number[points], int(number[32]))
        different, place = np.unique(key, return_inverse=True)
        per_text = counts(owner[start], place, (len(texts), len(different)))
        many = np.bincount(per_text.indices, minlength=len(different))
        found, place = np.unique(np.concatenate([found, different]), return_inverse=True)
        frequency = np.bincount(place, np.concatenate([frequency, many])).astype(np.int64)
        if len(found) > _GRAM_TABLE:
            keep = frequency > 1
            found, frequency = found[keep], frequency[keep]
    return found, frequency


def _strings(found: Keys, alphabet: npt.NDArray[np.uint32]) -> list[str]:
    letter = ["", *map(chr, alphabet.tolist())]
    shifts = [np.uint64(48 - 16 * i) for i in range(LONGEST)]
    places = [((found >> shift) & np.uint64(LETTERS)).tolist() for shift in shifts]
    return ["".join(letter[p] for p in one) for one in zip(*places)]
