"""TF-IDF of words, word pairs and character n-grams, and a linear softmax on top: the strongest cheap truth for text.

Source: Salton & Buckley (1988) for TF-IDF; Cox (1966) for the multinomial logistic model; Bottou (2010) for descending.

Trains: a weight for every (term, class) and a bias for every class, from zero; no base model.

Shapes: texts -> features (n, at most 80,000), sparse -> outputs (n, k), unnormalised log probabilities.

Relations: :mod:`linear_svm` is the same features under a squared hinge, :mod:`naive_bayes` the same features counted.
It sees no word order beyond pairs and no meaning: what a derived model gains over it is what the base model knew.

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

from hasei.baselines import _lexical
from hasei.engine.derivation import Context, Derivation, Supports
from hasei.tasks import Array, Floats

SUPPORTS = Supports(inputs=("text",), targets=("category",), bases=0)


class Params(_lexical.LinearSettings):
    """C and sharpness (chosen on held-out rows when None), and the size of the vocabulary."""


def derive(context: Context, params: Params) -> Derivation:
    """Learn the vocabulary, choose the penalty, descend the cross entropy."""
    SUPPORTS.refuse("lexical_linear", context.task)
    return _lexical.fit(context, params, _lexical.Loss(_slope, rate=60.0, strengths=(30.0, 2.0, 0.3), sharpness=1.0))


def _slope(scores: Floats, classes: Array) -> Floats:
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    scores[np.arange(len(classes)), classes] -= 1
    return scores
