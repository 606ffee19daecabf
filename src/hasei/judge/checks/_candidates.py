"""Pairs of texts that may be copies of each other, out of all pairs, in about linear time.

Two texts become a candidate where they fall into one bucket of locality-sensitive hashing, or share a rare piece of
text word for word. Buckets and pieces that very many texts share say nothing of copying and are passed over.

Source: MinHash (Broder 1997) by ``datasketch``, in bands (Indyk and Motwani 1998); anchors as in winnowing (Schleimer,
Wilkerson and Aiken 2003).

Shapes: n texts; m candidates as two arrays (m,) of indices i < j, every pair once.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from hasei.ground.events import Watch
from hasei.judge.checks._forms import is_unspaced, shingles

Ints = npt.NDArray[np.int64]

_PERMUTATIONS = 128
_BAND = 4
"""Four rows a band, 32 bands: a pair of likeness .5 (Jaccard) is met with probability .87, of .6 with .99."""
_CROWDED = 100
_LEAST_LIKENESS = 0.3
_ANCHOR = 18
_ANCHOR_UNSPACED = 8
_RARE = 6
_BLOCK = 5000
_MANY = 10_000_000


def candidates(texts: Sequence[str], watch: Watch) -> tuple[Ints, Ints]:
    """Return the pairs of bare *texts* that are worth comparing; raises DeadlineReached or Stopped through *watch*."""
    hashed = _hashed(texts, watch)
    found = _alike(hashed, watch)
    codes = np.union1d(found, _anchored(texts, watch)) if len(texts) > 1 else found
    return np.divmod(codes, max(1, len(texts)))


def _hashed(texts: Sequence[str], watch: Watch) -> npt.NDArray[np.uint32]:
    from datasketch import MinHash

    parts = [np.zeros((0, _PERMUTATIONS), np.uint32)]
    for start in range(0, len(texts), _BLOCK):
        watch.check()
        watch.report("checking", "comparing rows", start / len(texts), often=True)
        block = [shingles(text) for text in texts[start : start + _BLOCK]]
        made = MinHash.bulk(block, num_perm=_PERMUTATIONS, hashfunc=zlib.crc32)
        parts.append(np.array([one.hashvalues for one in made]).astype(np.uint32))
    return np.concatenate(parts)


def _alike(hashed: npt.NDArray[np.uint32], watch: Watch) -> Ints:
    """Return the codes i * n + j of pairs that share a band and whose estimated likeness is not too small."""
    n = len(hashed)
    found = [np.zeros(0, np.int64)]
    for start in range(0, _PERMUTATIONS, _BAND):
        watch.check()
        band = np.ascontiguousarray(hashed[:, start : start + _BAND])
        found += _together(band.view(np.dtype((np.void, band.itemsize * _BAND))).ravel(), n)
        if sum(map(len, found)) > _MANY:
            found = [_distinct(found)]
    codes = _distinct(found)
    kept = [np.zeros(0, np.int64)]
    for start in range(0, len(codes), 100_000):
        watch.check()
        part = codes[start : start + 100_000]
        i, j = np.divmod(part, n)
        kept.append(part[(hashed[i] == hashed[j]).mean(axis=1) >= _LEAST_LIKENESS])
    return np.concatenate(kept)


def _distinct(found: list[Ints]) -> Ints:
    codes = np.sort(np.concatenate(found))
    return codes[np.diff(codes, prepend=-1) > 0]


def _together(keys: npt.NDArray[np.void], n: int) -> Iterator[Ints]:
    """Yield the codes of all pairs with one key, for keys that at most :data:`_CROWDED` texts share."""
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    order, starts = np.argsort(inverse, kind="stable"), np.cumsum(counts) - counts
    for size in np.unique(counts[(counts > 1) & (counts <= _CROWDED)]).tolist():
        members = order[starts[counts == size][:, None] + np.arange(size)]
        i, j = np.triu_indices(size, 1)
        yield (members[:, i].astype(np.int64) * n + members[:, j]).ravel()


def _anchored(texts: Sequence[str], watch: Watch) -> Ints:
    """Return the codes of pairs that share a piece of text that at most :data:`_RARE` texts hold."""
    where: defaultdict[int, set[int]] = defaultdict(set)
    for number, text in enumerate(texts):
        if number % _BLOCK == 0:
            watch.check()
        size = _ANCHOR_UNSPACED if is_unspaced(text) else _ANCHOR
        letters = text.replace(" ", "").encode()
        size = size * 3 if size == _ANCHOR_UNSPACED else size
        for start in range(max(0, len(letters) - size + 1)):
            key = zlib.crc32(letters[start : start + size])
            if key % 4 == 0:
                where[key].add(number)
    pairs = {
        i * len(texts) + j for rows in where.values() if 1 < len(rows) <= _RARE for i in rows for j in rows if i < j
    }
    return np.array(sorted(pairs), np.int64)
