"""Always the most frequent class, or the mean: what is right without reading a single row.

Source: the "zero rule"; Holte (1993) for why it must be in every comparison.

Trains: one number per output. Targets of kind category: the logarithm of each class's share of the rows, so that the
confidence is the share itself. Targets of kind number: their mean, which has the least squared error of all constants. Of
kind choice: the commonest place of the right one. Of kind span: the commonest answer, wherever it stands. Of kind spans: that
there are none; of kind text: the
commonest text (the shortest, then the first in order, where several are). Of kind
entries: those that are right most often, by their shares. Of kind likelihood: the shares of bytes.

Shapes: encoded targets (n,) or (n, d) -> value (width,), float32.

Relations: a naive Bayes model without features. A model that does not beat it has learnt nothing.

>>> import numpy as np
>>> from hasei.engine.derivation import Context
>>> from hasei.tasks import open_task
>>> task = open_task("text_classification")
>>> space = task.space(["a", "b"])
>>> context = Context(task, space, ["x", "y", "z"], np.array([1, 1, 0]), ["b", "b", "a"], ["1", "2", "3"])
>>> task.answers(space, derive(context, Params()).predictor.outputs(["new"])).values
['b']
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from hasei.engine.choosing import PositionPredictor, right_marks
from hasei.engine.derivation import Context, Derivation, Settings, Supports
from hasei.engine.rankings import TOP, entries_of
from hasei.engine.spans import ConstantAnswer
from hasei.formats._bm25 import ConstantRanking
from hasei.formats._bytes import BytePredictor
from hasei.formats._predictors import ConstantPredictor, ConstantTextPredictor

SUPPORTS = Supports(
    inputs=("text", "image"),
    targets=("category", "categories", "number", "choice", "span", "spans", "text", "likelihood", "entries"),
    bases=0,
)
CONSTANT = True
"""It answers every row the same: a study runs it first, and what does not beat it has learnt nothing."""


class Params(Settings):
    """There is nothing to set."""


def derive(context: Context, params: Params) -> Derivation:
    """Count the classes, or take the mean."""
    SUPPORTS.refuse("majority", context.task)
    if context.task.target_kind in _OTHERS:
        return _OTHERS[context.task.target_kind](context, params)
    targets = np.asarray(context.targets)
    if context.task.target_kind == "spans":
        value = np.where(np.arange(context.space.width) == 0, 0.0, -20.0)
    elif context.task.target_kind == "category":
        shares = np.bincount(targets, minlength=context.space.width) / len(targets)
        # A class without rows keeps a finite output: half a row's share.
        value = np.log(np.maximum(shares, 0.5 / len(targets)))
    elif context.task.target_kind == "categories":
        shares = targets.mean(axis=0, dtype=np.float64).clip(0.5 / len(targets), 1 - 0.5 / len(targets))
        value = np.log(shares / (1 - shares))
    else:
        value = np.atleast_1d(targets.mean(axis=0, dtype=np.float64))
    predictor = ConstantPredictor(value.astype(np.float32))
    return Derivation(predictor, "constant", params, predictor.width, ("value",))


def _place(context: Context, params: Params) -> Derivation:
    """The place at which the right choice stands most often, of the rows that have so many."""
    found = [right[:, 0] for right in right_marks(context.inputs, context.truth)]
    hits, rows = (np.zeros(max(map(len, found))) for __ in range(2))
    for right in found:
        hits[: len(right)] += right
        rows[: len(right)] += 1
    value = np.log(np.maximum(hits, 0.5) / rows).astype(np.float32)
    return Derivation(PositionPredictor(value), "constant_choice", params, len(value), ("value",))


def _answer(context: Context, params: Params) -> Derivation:
    """The answer that most rows have, "" for none; of equals the first in order."""
    counts = Counter(answer[1] if answer else "" for answer in context.targets)
    text, rows = min(counts.items(), key=lambda one: (-one[1], one[0]))
    score = float(np.float32(np.log(rows / len(context.targets))))
    return Derivation(ConstantAnswer(text, score), "constant_answer", params, 1, ("value",))


def _text(context: Context, params: Params) -> Derivation:
    """The text that most rows have; of equals the shortest, then the first in order."""
    counts = Counter(str(text) for text in context.truth)
    best = min(counts, key=lambda text: (-counts[text], len(text), text))
    return Derivation(ConstantTextPredictor(best), "constant_text", params, 0)


def _commonest(context: Context, params: Params) -> Derivation:
    """The entries that are right most often, equal ones in their order."""
    corpus = entries_of(context)
    shares = np.bincount(np.concatenate(list(context.targets)), minlength=len(corpus)) / len(context.targets)
    best = np.argsort(-shares, kind="stable")[:TOP]
    predictor = ConstantRanking(tuple(corpus.ids[i] for i in best), shares[best].astype(np.float32))
    return Derivation(predictor, "constant_ranking", params, len(best), ("value",))


def _bytes(context: Context, params: Params) -> Derivation:
    counted = BytePredictor.of([i if isinstance(i, str) else i[0] for i in context.inputs], 0, context.watch)
    return Derivation(counted, "byte_model", params, counted.counts[0].size, ("counts_0",))


_OTHERS = {"likelihood": _bytes, "entries": _commonest, "choice": _place, "span": _answer, "text": _text}
