"""BM25 over words, or characters and their pairs in scripts without spaces: what can be found without understanding.

Source: Robertson & Zaragoza 2009, "The probabilistic relevance framework: BM25 and beyond"; computed by bm25s (Lù 2024).

Trains: nothing; how rare each term is comes from the entries, no question is read.

Shapes: entries -> scores (terms, e), sparse; outputs ragged (n,).

Relations: :mod:`cosine_search` compares meanings; what a base gains over this is meaning beyond shared words.

>>> from hasei.engine.derivation import Context
>>> from hasei.tasks import open_task, over
>>> toy = open_task("retrieval").toy()
>>> task = over(open_task("retrieval"), toy.corpus)
>>> targets = task.clean(toy.targets)[0]
>>> context = Context(task, task.space(targets), toy.inputs, task.encode(task.space(targets), targets), targets, toy.inputs)
>>> derive(context, Params()).predictor.outputs(["is my card declined"])[0][0][0]
'card'
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Settings, Supports
from hasei.engine.rankings import entries_of
from hasei.formats._bm25 import Bm25Predictor, bm25s, terms

SUPPORTS = Supports(targets=("entries",), bases=0)


class Params(Settings):
    """*k1*: how much a repeated term counts; *b*: how much a long entry is held to account for its length."""

    k1: float = Field(1.5, ge=0, le=10)
    b: float = Field(0.75, ge=0, le=1)


def derive(context: Context, params: Params) -> Derivation:
    """Index title and text of every entry."""
    SUPPORTS.refuse("bm25", context.task)
    corpus = entries_of(context)
    texts = []
    for i in range(len(corpus)):
        context.watch.check()
        texts.append(terms(corpus.whole(i)))
    vocabulary = sorted({term for text in texts for term in text})
    place = {term: i for i, term in enumerate(vocabulary)}
    predictor = Bm25Predictor(
        corpus, tuple(vocabulary), np.empty(0, np.float32), np.empty(0, np.int32), np.zeros(1, np.int64)
    )  # fmt: skip
    if vocabulary:
        library = bm25s().BM25(k1=params.k1, b=params.b)
        library.index(([[place[term] for term in text] for text in texts], place), show_progress=False)
        made = library.scores
        predictor = Bm25Predictor(corpus, tuple(vocabulary), made["data"], made["indices"], made["indptr"])
    return Derivation(predictor, "bm25", params, trainable_parameters=0)
