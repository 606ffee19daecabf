"""BM25 over the terms of entries, and the constant ranking: predictors that need no base.

Source: Robertson & Zaragoza 2009, "The probabilistic relevance framework: BM25 and beyond"; Lù 2024, "BM25S" (scores of every
term kept in a sparse matrix). In scripts without spaces terms are single characters and pairs of them, as Lucene's CJK
analyser takes pairs.

Relations: :mod:`hasei.formats.bm25` and :mod:`hasei.formats.constant_ranking` write and read them.

>>> terms("Ｗhere is the 荷物?")
['where', 'is', 'the', '荷', '物', '荷物']
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from hasei.engine.batching import Ints
from hasei.engine.ragged import ragged
from hasei.engine.rankings import TOP, ranked
from hasei.formats._ngrams import TEXT_LIMIT
from hasei.ground.errors import NotSupported
from hasei.ground.events import Watch
from hasei.inputs.data.corpus import Corpus
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats

UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_RUN = re.compile(f"[{UNSPACED}]+|[^\\W{UNSPACED}]+")
_CJK = re.compile(f"[{UNSPACED}]")


def terms(text: str) -> list[str]:
    """Return the terms of *text*: its words, or characters and pairs of them where words are not divided by spaces."""
    found: list[str] = []
    for run in _RUN.findall(unicodedata.normalize("NFKC", text[:TEXT_LIMIT]).lower()):
        found += [*run, *map("".join, pairwise(run))] if _CJK.match(run) else [run]
    return found


def bm25s() -> Any:
    """Import the library; raises NotSupported where it is missing."""
    try:
        import bm25s as library
    except ImportError as error:
        raise NotSupported("BM25 needs bm25s", do="install it: pip install 'hasei[retrieval]'") from error
    return library


@dataclass
class Bm25Predictor:
    """Answers questions by BM25. *vocabulary* are the terms in the order of *indptr*; data, indices: scores and entries."""

    corpus: Corpus
    vocabulary: tuple[str, ...]
    data: Floats
    indices: Ints
    indptr: Ints
    width: int = 1

    @cached_property
    def library(self) -> Any:
        """The index as an object of bm25s."""
        found = bm25s().BM25()
        found.scores = {
            "data": self.data, "indices": self.indices, "indptr": self.indptr, "num_docs": len(self.corpus),
        }  # fmt: skip
        found.nonoccurrence_array = None  # of variants that this is none of
        found.vocab_dict = {term: i for i, term in enumerate(self.vocabulary)}
        return found

    def scores(self, question: str) -> Floats:
        """Return the score of every entry (e,), float32."""
        known = self.library.vocab_dict
        ids = [known[term] for term in terms(question) if term in known]
        if not ids:
            return np.zeros(len(self.corpus), np.float32)
        return np.asarray(self.library.get_scores_from_ids(ids), np.float32)

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Array:
        """Return the best entries of each question, ragged (n,)."""
        watch, found = watch or Watch(), []
        for done, question in enumerate(inputs):
            watch.check()
            scores = self.scores(str(question))
            places = np.argsort(-scores, kind="stable")[:TOP]
            found += ranked(self.corpus.ids, scores[None, places], places[None])
            watch.report("predict", fraction=(done + 1) / len(inputs), often=True)
        return ragged(found)


@dataclass
class ConstantRanking:
    """Answers every question with the same entries: *ids*, the best first, and their *value* (k,), float32."""

    ids: tuple[str, ...]
    value: Floats
    width: int = 1

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Array:
        """Return the ranking once per row, ragged (n,)."""
        return ragged([[[name, float(v)] for name, v in zip(self.ids, self.value)] for _ in inputs])
