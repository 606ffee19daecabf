"""The nearest of many vectors, behind one call: faiss, exact by default, approximate where there are very many.

Source: Douze et al. 2024, "The Faiss library"; inverted lists: Jégou et al. 2011, "Product quantization for nearest neighbor
search". Vectors have length one, so the inner product is the cosine.
Shapes: vectors (n, h), queries (q, h), scores and places (q, k).
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from hasei.engine.batching import Ints
from hasei.ground.errors import NotSupported
from hasei.tasks import Floats

LARGE = 500_000
"""Vectors from which on the search is approximate unless asked otherwise."""
_ADDED = 65_536
_TRAINED_BY = 64
"""Vectors per list that the lists are learnt from."""


class Index:
    """Vectors (n, h) made ready for search; *vectors* may be memory-mapped and of 16 bits.

    *approximate*: look only into some of the lists that the vectors are divided into, and keep them in 16 bits; None: from
    :data:`LARGE` vectors on.
    """

    def __init__(self, vectors: Floats, *, approximate: bool | None = None) -> None:
        faiss = _faiss()
        count, hidden = vectors.shape
        self.approximate = count >= LARGE if approximate is None else approximate
        self._count = count
        self._index: Any = faiss.IndexFlatIP(hidden)
        if self.approximate:
            lists = max(1, min(4 * math.isqrt(count), count // _TRAINED_BY))
            self._index = faiss.IndexIVFScalarQuantizer(
                self._index, hidden, lists, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
            )
            self._index.nprobe = min(lists, 64)
            self._index.cp.seed = 0
            some = np.random.default_rng(0).choice(count, min(count, lists * _TRAINED_BY), replace=False)
            self._index.train(np.ascontiguousarray(vectors[np.sort(some)], np.float32))
        for start in range(0, count, _ADDED):
            self._index.add(np.ascontiguousarray(vectors[start : start + _ADDED], np.float32))

    def search(self, queries: Floats, count: int) -> tuple[Floats, Ints]:
        """Return scores and places (q, k) of the *count* nearest, the best first; place -1 where fewer were found."""
        count = min(count, self._count)
        if not count or not len(queries):
            return np.zeros((len(queries), count), np.float32), np.zeros((len(queries), count), np.int64)
        scores, places = self._index.search(np.ascontiguousarray(queries, np.float32), count)
        return scores, places


def _faiss() -> Any:
    """Import faiss; raises NotSupported where it is missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            import faiss
    except ImportError as error:
        raise NotSupported("searching entries needs faiss", do="install it: pip install 'hasei[retrieval]'") from error
    return faiss


__all__ = ["LARGE", "Index"]
