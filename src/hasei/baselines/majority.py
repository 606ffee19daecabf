"""Always the most frequent class, or the mean: what is right without reading a single row.

Source: the "zero rule"; Holte (1993) for why it must be in every comparison.

Trains: one number per output. Targets of kind category: the logarithm of each class's share of the rows, so that the
confidence is the share itself. Targets of kind number: their mean, which has the least squared error of all constants.
Targets of kind entries: the entries that are right most often, by their shares.

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

import numpy as np

from hasei.engine.derivation import Context, Derivation, Settings, Supports
from hasei.engine.rankings import TOP, entries_of
from hasei.formats._bm25 import ConstantRanking
from hasei.formats._predictors import ConstantPredictor

SUPPORTS = Supports(inputs=("text", "image"), targets=("category", "categories", "number", "entries"), bases=0)


class Params(Settings):
    """There is nothing to set."""


def derive(context: Context, params: Params) -> Derivation:
    """Count the classes, or take the mean."""
    SUPPORTS.refuse("majority", context.task)
    if context.task.target_kind == "entries":
        return _commonest(context, params)
    targets = np.asarray(context.targets)
    if context.task.target_kind == "category":
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


def _commonest(context: Context, params: Params) -> Derivation:
    """The entries that are right most often, equal ones in their order."""
    corpus = entries_of(context)
    shares = np.bincount(np.concatenate(list(context.targets)), minlength=len(corpus)) / len(context.targets)
    best = np.argsort(-shares, kind="stable")[:TOP]
    predictor = ConstantRanking(tuple(corpus.ids[i] for i in best), shares[best].astype(np.float32))
    return Derivation(predictor, "constant_ranking", params, len(best), ("value",))
