"""Entries as answers: where they come from, and rankings of them as outputs. Nothing here needs a base.

Shapes: outputs are ragged (n,): ``[[id, score], ...]``, the best first; scores that are equal to six digits in the order of
the entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hasei.engine.batching import Ints
from hasei.engine.derivation import Context
from hasei.ground.errors import NotSupported
from hasei.inputs.data.corpus import Corpus
from hasei.tasks import Floats, corpus_of

TOP = 50
"""Entries of an answer."""


def entries_of(context: Context) -> Corpus:
    """Return the entries that *context* answers from; raises NotSupported where it has none."""
    corpus = corpus_of(context.task)
    if corpus is None:
        raise NotSupported("there are no entries to answer from", do="give them with --corpus")
    return corpus


def ranked(ids: Sequence[str], scores: Floats, places: Ints) -> list[list[list[Any]]]:
    """Return rankings from *scores* and *places* (q, k), -1 where there is none; equal scores in the order of the entries."""
    found = []
    for row, place in zip(np.asarray(scores, np.float64), places):
        kept = np.flatnonzero(place >= 0)
        order = kept[np.lexsort((place[kept], -np.round(row[kept], 6)))]
        found.append([[ids[place[i]], float(row[i])] for i in order])
    return found
