"""The piece of the context that looks most like an answer: its kind of signs, its text, and how near the question's words are.

Source: Rajpurkar et al. 2016, "SQuAD" (a log-linear model over candidate spans), Richardson et al. 2013, "MCTest" (sliding
window); the weights are those of a conditional logit (McFadden 1974).

Trains: how usual looks and texts of answers are, how rare words are, and six weights; no base model.

Shapes: facts of candidates (m, 6), marks (m, 2) -> weight (6,).

Relations: :mod:`hasei.formats._pieces` has the facts. It understands nothing: what a derived model gains over it is reading.

>>> from hasei.engine.derivation import Context
>>> from hasei.tasks import open_task
>>> task = open_task("question_answering")
>>> toy = task.toy()
>>> space = task.space(toy.targets)
>>> units = [str(row) for row in toy.inputs]
>>> context = Context(task, space, toy.inputs, task.encode(space, toy.targets), task.truth(toy.targets), units)
>>> task.answers(space, derive(context, Params()).predictor.outputs([("what is late", "again the parcel is late")])).values
['parcel']
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from hasei.engine.derivation import Context, Derivation, Settings, Supports
from hasei.engine.splits import folds
from hasei.formats._pieces import FACTS, Candidates, Looks, ShapePredictor, cut, fold, look_of, words
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array
from hasei.tasks._conditional import conditional, marks

SUPPORTS = Supports(inputs=("text",), targets=("span",), bases=0, texts=(2,))
_ROWS = 1000
"""Rows by which the six weights are found: enough for six."""
_TEXTS = 20_000


class Params(Settings):
    """There is nothing to set."""


def derive(context: Context, params: Params) -> Derivation:
    """Count looks, texts and words in each half of the rows and find the weights by the other; then count all of them."""
    SUPPORTS.refuse("answer_shape", context.task)
    half = folds(context.units, 2, context.seed)
    features, flat = [], []
    for number in (0, 1):
        looks = _looks(context, np.flatnonzero(half != number))
        for row in np.flatnonzero(half == number)[: _ROWS // 2]:
            context.watch.check()
            found = looks.candidates(context.inputs[row])
            right = _right(found, context.targets[row])
            if right is not None:
                features.append(found.facts)
                flat.append(marks(len(found.facts), [right]))
    weight = np.zeros(FACTS, np.float32)
    if features:
        weight = conditional(np.concatenate(features), np.concatenate(flat), 1e-4)[0][0]
    every = _looks(context, np.arange(len(context.inputs)))
    return Derivation(ShapePredictor(every, weight), "answer_shape", params, FACTS, ("weight",))


def _looks(context: Context, rows: Array) -> Looks:
    """Count what the answers of *rows* look like, and in how many of their texts each word stands."""
    answers = [context.targets[i][1] for i in rows if context.targets[i]]
    looks = Counter(look_of([kind for kind, _, _ in cut(text)]) for text in answers)
    texts = Counter(map(fold, answers))
    return Looks(
        len(answers), dict(sorted(looks.items())), dict(_most(texts)), _rarity([context.inputs[i] for i in rows])
    )


def _rarity(rows: Sequence[Input]) -> dict[str, float]:
    """Return how rare each word is: the log of the share of texts that hold it, upside down."""
    different = list(dict.fromkeys(text for row in rows for text in row))
    table = Counter(word for text in different for word in words(text))
    return {word: math.log((1 + len(different)) / n) for word, n in _most(table)}


def _most(table: Counter[str]) -> list[tuple[str, int]]:
    """Return the most frequent entries, in their own order."""
    return sorted(sorted(table.items(), key=lambda one: (-one[1], one[0]))[:_TEXTS])


def _right(found: Candidates, answer: tuple[int, str] | None) -> int | None:
    """Return which candidate is the right answer; None where none is."""
    if answer is None:
        return len(found.spans)
    span = answer[0], answer[0] + len(answer[1])
    return found.spans.index(span) if span in found.spans else None
