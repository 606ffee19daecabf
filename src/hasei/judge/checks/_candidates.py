"""Pairs of texts that may be copies of each other, out of all pairs, in about linear time.

Two texts become a candidate where they fall into one bucket of locality-sensitive hashing, or share a rare piece of
text word for word. Buckets and pieces that very many texts share say nothing of copying and are passed over.

Source: MinHash (Broder 1997) by ``datasketch``, in bands (Indyk and Motwani 1998); anchors as in winnowing (Schleimer,
Wilkerson and Aiken 2003).

Shapes: n texts; m candidates as two arrays (m,) of indices i < j, every pair once.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hasei.ground.events import Watch
from hasei.ground.language import _
from hasei.judge.checks._forms import is_unspaced, shingles

Ints = npt.NDArray[np.int64]

_PERMUTATIONS = 128
_BAND = 4
"""Four rows a band, 32 bands: a pair of likeness .5 (Jaccard) is met with probability .87, of .6 with .99."""
_CROWDED = 100
_LEAST_LIKENESS = 0.3
_PAIRS_A_TEXT = 10
_PAIRS = 100_000
_ANCHOR = 18
_ANCHOR_UNSPACED = 8
_RARE = 6
_POWERS = np.array([pow(0x9E3779B97F4A7C15, k, 2**64) for k in range(1, 33)], np.uint64)
_BLOCK = 5000


def candidates(texts: Sequence[str], watch: Watch) -> tuple[Ints, Ints, bool]:
    """Return the pairs of bare *texts* that are worth comparing, and whether these are all.

    Of more than a dozen a text the most alike are kept. Raises DeadlineReached or Stopped through *watch*.
    """
    if len(texts) < 2:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), True
    hashed = _hashed(texts, watch)
    found, whole = _alike(hashed, watch)
    i, j = np.divmod(np.union1d(found, _anchored(texts, watch)), len(texts))
    return i, j, whole


def _hashed(texts: Sequence[str], watch: Watch) -> npt.NDArray[np.uint32]:
    from datasketch import MinHash

    parts = [np.zeros((0, _PERMUTATIONS), np.uint32)]
    for start in range(0, len(texts), _BLOCK):
        watch.check()
        watch.report("checking", _("comparing rows"), start / len(texts), often=True)
        block = [shingles(text) for text in texts[start : start + _BLOCK]]
        made = MinHash.bulk(block, num_perm=_PERMUTATIONS, hashfunc=zlib.crc32)
        parts.append(np.array([one.hashvalues for one in made]).astype(np.uint32))
    return np.concatenate(parts)


def _alike(hashed: npt.NDArray[np.uint32], watch: Watch) -> tuple[Ints, bool]:
    """Return the codes i * n + j of pairs that share a band and whose estimated likeness is not too small."""
    n = len(hashed)
    most = _PAIRS + _PAIRS_A_TEXT * n
    codes, likeness, whole = np.zeros(0, np.int64), np.zeros(0), True
    for start in range(0, _PERMUTATIONS, _BAND):
        watch.check()
        band = np.ascontiguousarray(hashed[:, start : start + _BAND])
        keys = band.view(np.dtype((np.void, band.itemsize * _BAND))).ravel()
        more = np.setdiff1d(_distinct(_together(keys, n, most)), codes, assume_unique=True)
        codes, likeness = np.append(codes, more), np.append(likeness, _likeness(hashed, more, watch))
        if (likeness >= _LEAST_LIKENESS).sum() > most:
            whole = False
            kept = np.argsort(-likeness, kind="stable")[:most]
            codes, likeness = codes[kept], likeness[kept]
    return np.sort(codes[likeness >= _LEAST_LIKENESS]), whole


def _likeness(hashed: npt.NDArray[np.uint32], codes: Ints, watch: Watch) -> npt.NDArray[np.float64]:
    parts = [np.zeros(0)]
    for start in range(0, len(codes), 100_000):
        watch.check()
        i, j = np.divmod(codes[start : start + 100_000], len(hashed))
        parts.append((hashed[i] == hashed[j]).mean(axis=1))
    return np.concatenate(parts)


def _distinct(found: Iterator[Ints]) -> Ints:
    codes = np.sort(np.concatenate([np.zeros(0, np.int64), *found]))
    return codes[np.diff(codes, prepend=-1) > 0]


def _together(keys: npt.NDArray[Any], n: int, most: int, crowded: int = _CROWDED) -> Iterator[Ints]:
    """Yield the codes i * n + j, i < j, of all pairs of places with one key, for keys that few enough places share.

    Few enough are *crowded*, or fewer where there would be more than *most* pairs.
    """
    _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
    order, starts = np.argsort(inverse, kind="stable"), np.cumsum(counts) - counts
    sizes, times = np.unique(counts[(counts > 1) & (counts <= crowded)], return_counts=True)
    pairs = np.cumsum(times * sizes * (sizes - 1) // 2)
    for size in sizes[pairs <= most].tolist():
        members = order[starts[counts == size][:, None] + np.arange(size)]
        i, j = np.triu_indices(size, 1)
        yield (members[:, i].astype(np.int64) * n + members[:, j]).ravel()


def _anchored(texts: Sequence[str], watch: Watch) -> Ints:
    """Return the codes of pairs that share a piece of text that at most :data:`_RARE` texts hold."""
    anchors = [_anchors(text) for text in texts]
    watch.check()
    owners = np.repeat(np.arange(len(texts)), [len(found) for found in anchors])
    n = len(owners)
    if not n:
        return np.zeros(0, np.int64)
    met = _distinct(_together(np.concatenate(anchors), n, _PAIRS + _PAIRS_A_TEXT * len(texts), _RARE))
    return np.unique(owners[met // n] * len(texts) + owners[met % n])


def _anchors(text: str) -> npt.NDArray[np.uint64]:
    """Return the hashes of one in four of the pieces of a text, spaces apart; which ones depends on the piece alone."""
    size = 3 * _ANCHOR_UNSPACED if is_unspaced(text) else _ANCHOR
    letters = np.frombuffer(text.replace(" ", "").encode("utf-8", "surrogatepass"), np.uint8)
    if len(letters) < size:
        return np.zeros(0, np.uint64)
    pieces = np.lib.stride_tricks.sliding_window_view(letters, size).astype(np.uint64)
    hashed = (pieces @ _POWERS[:size]) * _POWERS[1]
    return np.unique(hashed[(hashed >> np.uint64(62)) == 0])
