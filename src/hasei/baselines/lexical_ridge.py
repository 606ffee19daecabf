"""TF-IDF of words, word pairs and character n-grams, and ridge regression on top: the cheap truth for numbers.

Source: Salton & Buckley (1988) for TF-IDF; Hoerl & Kennard (1970) for ridge regression; solved by conjugate gradients.

Trains: a weight for every term and one bias; no base model.

Shapes: texts -> features (n, at most 80,000), sparse -> outputs (n, 1).

Relations: :mod:`lexical_linear` for labels instead of numbers; of a pair of texts it reads both as one.

>>> from hasei.engine.derivation import Context
>>> from hasei.tasks import open_task
>>> task = open_task("text_regression")
>>> toy = task.toy()
>>> space = task.space(toy.targets)
>>> context = Context(task, space, toy.inputs, task.encode(space, toy.targets), task.truth(toy.targets), toy.inputs)
>>> good, bad = task.answers(space, derive(context, Params()).predictor.outputs(["wonderful", "terrible"])).values
>>> good > bad
True
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field
from scipy import sparse

from hasei.baselines import _lexical
from hasei.engine.derivation import Context, Derivation, Supports
from hasei.engine.splits import folds
from hasei.tasks import Array, Floats

SUPPORTS = Supports(inputs=("text",), targets=("number",), bases=0)
STRENGTHS = (0.03, 0.3, 1.0, 3.0, 30.0)
_TRIAL_ROWS = 4000
_FOLDS = 3


class Params(_lexical.LexicalSettings):
    """The size of the vocabulary, and *l2*, the weight of the squared norm (chosen on held-out rows when None)."""

    l2: float | None = Field(None, gt=0, le=1e6)


def derive(context: Context, params: Params) -> Derivation:
    """Learn the vocabulary, choose the strength, solve."""
    SUPPORTS.refuse("lexical_ridge", context.task)
    vectoriser = _lexical.vocabulary(context, params.max_features)
    parts = list(_lexical.blocks(context, vectoriser))
    x = sparse.vstack([block for block, _ in parts], format="csr")
    rows = np.concatenate([rows for _, rows in parts])
    y = np.asarray(context.targets, np.float64)[rows]
    l2 = params.l2 if params.l2 is not None else _strength(context, x, y, rows)
    weight, bias = _solve(x, y, l2)
    return _lexical.derivation(
        vectoriser, weight[:, None], np.array([bias], np.float32), params.model_copy(update={"l2": l2})
    )


def _strength(context: Context, x: Any, y: Floats, rows: Array) -> float:
    """Return the strength of least squared error on held-out units; the middle one where nothing can be held out."""
    x, y, rows = x[:_TRIAL_ROWS], y[:_TRIAL_ROWS], rows[:_TRIAL_ROWS]
    fold = folds([context.units[i] for i in rows], _FOLDS, context.seed)
    errors = dict.fromkeys(STRENGTHS, 0.0)
    for number in range(_FOLDS):
        held = fold == number
        if held.any() and not held.all():
            for l2 in STRENGTHS:
                context.watch.check()
                weight, bias = _solve(x[~held], y[~held], l2)
                errors[l2] += float(np.square(x[held] @ weight + bias - y[held]).sum())
    return min(STRENGTHS, key=lambda l2: (errors[l2], abs(np.log(l2))))


def _solve(x: Any, y: Floats, l2: float) -> tuple[Floats, float]:
    """Ridge regression with a free bias: x csr (n, f), y (n,) -> weight (f,) float32, bias."""
    from sklearn.linear_model import Ridge

    found = Ridge(alpha=l2, solver="sparse_cg", tol=1e-4).fit(x.astype(np.float64), y)
    return np.asarray(found.coef_, np.float32), float(found.intercept_)
