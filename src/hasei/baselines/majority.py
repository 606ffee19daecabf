"""Always the most frequent class, or the mean: what is right without reading a single row.

Source: the "zero rule"; Holte (1993) for why it must be in every comparison.

Trains: one number per output. Targets of kind category: the logarithm of each class's share of the rows, so that the
confidence is the share itself. Targets of kind number: their mean, which has the least squared error of all constants.
Targets of kind likelihood: the shares of bytes. Targets of kind text: nothing; the commonest text (the shortest, then the
first in order of the alphabet, where several are).

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

from hasei.engine.derivation import Context, Derivation, Settings, Supports
from hasei.formats._bytes import BytePredictor
from hasei.formats._predictors import ConstantPredictor, ConstantTextPredictor

SUPPORTS = Supports(
    inputs=("text", "image"), targets=("category", "categories", "number", "text", "likelihood"), bases=0
)


class Params(Settings):
    """There is nothing to set."""


def derive(context: Context, params: Params) -> Derivation:
    """Count the classes, or take the mean."""
    SUPPORTS.refuse("majority", context.task)
    if context.task.target_kind == "text":
        counts = Counter(str(text) for text in context.truth)
        best = min(counts, key=lambda text: (-counts[text], len(text), text))
        return Derivation(ConstantTextPredictor(best), "constant_text", params, 0)
    if context.task.target_kind == "likelihood":
        counted = BytePredictor.of([i if isinstance(i, str) else i[0] for i in context.inputs], 0, context.watch)
        return Derivation(counted, "byte_model", params, counted.counts[0].size, ("counts_0",))
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
