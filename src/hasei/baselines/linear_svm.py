"""TF-IDF of words, word pairs and character n-grams under a linear support vector machine, one class against the rest.

Source: Joachims (1998) for text; Cortes & Vapnik (1995); the squared hinge as in Fan et al. (2008), LIBLINEAR.

Trains: a weight for every (term, class) and a bias for every class, from zero; no base model.

Shapes: texts -> features (n, at most 80,000), sparse -> outputs (n, k): margins times one factor, chosen on held-out
rows so that their softmax is a usable confidence (Platt 1999 fits a whole sigmoid per class; this is one number).

Relations: :mod:`lexical_linear` with the squared hinge max(0, 1 - y z) ** 2 of each class for the cross entropy;
``LinearSVC`` of scikit-learn minimises the same.

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
    """Learn the vocabulary, choose the penalty, descend the squared hinge."""
    SUPPORTS.refuse("linear_svm", context.task)
    return _lexical.fit(context, params, _lexical.Loss(_slope, rate=3.0, strengths=(10.0, 0.3, 0.1), sharpness=4.0))


def _slope(scores: Floats, classes: Array) -> Floats:
    sides = np.full_like(scores, -1.0)
    sides[np.arange(len(classes)), classes] = 1.0
    return np.asarray(-2.0 * sides * np.maximum(0.0, 1.0 - sides * scores), dtype=np.float32)
