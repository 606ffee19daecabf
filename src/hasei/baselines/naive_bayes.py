"""Naive Bayes on TF-IDF of words, word pairs and character n-grams: one pass over the rows, nothing to converge.

Source: McCallum & Nigam (1998) for the multinomial model; Rennie et al. (2003) for weighing counts by TF-IDF first.

Trains: the logarithm of every term's share of every class's weight, and of every class's share of the rows.

Shapes: texts -> features (n, at most 80,000), sparse -> outputs (n, k), joint log probabilities up to a constant.

Relations: ``MultinomialNB(alpha=smoothing)`` of scikit-learn on the features of :mod:`lexical_linear`, halved. The
complement variant of the same paper was tried and is far behind with many classes (banking77: .78 against .89).

>>> import numpy as np
>>> from hasei.engine.derivation import Context
>>> from hasei.tasks import open_task
>>> task = open_task("text_classification")
>>> toy = task.toy()
>>> space = task.space(toy.targets)
>>> encoded = task.encode(space, toy.targets)
>>> context = Context(task, space, toy.inputs, encoded, toy.targets, toy.inputs)
>>> task.answers(space, derive(context, Params()).predictor.outputs(["password lost"])).values
['account']
"""

from __future__ import annotations

import numpy as np
from pydantic import Field
from scipy import sparse

from hasei.baselines import _lexical
from hasei.engine.derivation import Context, Derivation, Supports

SUPPORTS = Supports(inputs=("text",), targets=("category",), bases=0)


class Params(_lexical.LexicalSettings):
    """Smoothing and size of the vocabulary."""

    smoothing: float = Field(0.03, gt=0, le=100, description="weight that every term is given in every class")


def derive(context: Context, params: Params) -> Derivation:
    """Learn the vocabulary and sum each class's features."""
    SUPPORTS.refuse("naive_bayes", context.task)
    vectoriser = _lexical.vocabulary(context, params.max_features)
    width, targets = context.space.width, np.asarray(context.targets)
    weight = np.full((vectoriser.width, width), params.smoothing, dtype=np.float64)
    for block, rows in _lexical.blocks(context, vectoriser):
        member = sparse.csr_matrix((np.ones(len(rows)), (targets[rows], np.arange(len(rows)))), (width, len(rows)))
        weight += (member @ block).T.toarray()
    weight /= weight.sum(axis=0)
    np.log(weight, out=weight)
    # The same constant for all classes changes no answer, and small numbers keep float32 exact. Halved, since a word
    # and its letters are the same evidence twice, and confidences would be near 1 for everything.
    weight -= weight.mean(axis=1, keepdims=True)
    weight /= 2
    share = np.bincount(targets, minlength=width) / len(targets)
    bias = np.log(np.maximum(share, 0.5 / len(targets))) / 2
    return _lexical.derivation(vectoriser, weight.astype(np.float32), bias.astype(np.float32), params)
