"""TF-IDF of words, word pairs and character n-grams, and one logistic regression a label: the cheap truth for label sets.

Source: Salton & Buckley (1988) for TF-IDF; Cox (1958) for the logistic model; Fan et al. 2008 (LIBLINEAR) for solving it.

Trains: a weight for every (term, label) and a bias for every label; no base model.

Shapes: texts -> features (n, at most 80,000), sparse -> outputs (n, k), log odds.

Relations: :mod:`lexical_linear` where each text has exactly one label.

>>> from hasei.engine.derivation import Context
>>> from hasei.tasks import open_task
>>> task = open_task("multi_label_classification")
>>> toy = task.toy()
>>> space = task.space(toy.targets)
>>> context = Context(task, space, toy.inputs, task.encode(space, toy.targets), toy.targets, toy.inputs)
>>> task.answers(space, derive(context, Params()).predictor.outputs(["refund the invoice"])).values
['billing; refund']
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

SUPPORTS = Supports(inputs=("text",), targets=("categories",), bases=0)
STRENGTHS = (10.0, 1.0, 100.0)
"""Weights of the rows against the penalty, the likeliest first."""
_TRIAL_ROWS, _FOLDS = 2000, 3


class Params(_lexical.LexicalSettings):
    """The size of the vocabulary, and *c* (chosen on held-out rows when None)."""

    c: float | None = Field(
        None, gt=0, le=1e6, description="weight of the rows against the penalty, as scikit-learn's C"
    )


def derive(context: Context, params: Params) -> Derivation:
    """Learn the vocabulary, choose the penalty, solve label after label."""
    SUPPORTS.refuse("lexical_labels", context.task)
    vectoriser = _lexical.vocabulary(context, params.max_features)
    parts = list(_lexical.blocks(context, vectoriser))
    x, rows = sparse.vstack([block for block, _ in parts], format="csr"), np.concatenate([rows for _, rows in parts])
    y = np.asarray(context.targets)[rows]
    c = params.c if params.c is not None else _strength(context, x, y, rows)
    weight, bias = _solve(context, x, y, c)
    return _lexical.derivation(vectoriser, weight, bias, params.model_copy(update={"c": c}))


def _strength(context: Context, x: Any, y: Array, rows: Array) -> float:
    """Return the C that answers a held-out third of the units best; the likeliest where none can be held out."""
    x, y, rows = x[:_TRIAL_ROWS], y[:_TRIAL_ROWS], rows[:_TRIAL_ROWS]
    held = folds([context.units[i] for i in rows], _FOLDS, context.seed) == 0
    if not held.any() or held.all():
        return STRENGTHS[0]
    quality = []
    for c in STRENGTHS:
        weight, bias = _solve(context, x[~held], y[~held], c)
        quality.append(context.quality(x[held] @ weight + bias, rows[held]))
    return STRENGTHS[int(np.argmax(quality))]


def _solve(context: Context, x: Any, y: Array, c: float) -> tuple[Floats, Floats]:
    """One regression a label: x csr (n, f), y (n, k) -> weight (f, k), bias (k,); a label that never varies is constant."""
    from sklearn.linear_model import LogisticRegression

    weight, bias = np.zeros((x.shape[1], y.shape[1]), np.float32), np.zeros(y.shape[1], np.float32)
    for label in range(y.shape[1]):
        context.watch.check()
        context.watch.report("fit", fraction=label / y.shape[1], often=True)
        column = y[:, label] > 0.5
        if column.all() or not column.any():
            bias[label] = 20.0 if column.all() else -20.0
            continue
        found = LogisticRegression(C=c, solver="liblinear", intercept_scaling=10.0, random_state=0).fit(x, column)
        weight[:, label], bias[label] = found.coef_[0], found.intercept_[0]
    return weight, bias
