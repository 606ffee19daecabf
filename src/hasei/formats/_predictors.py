"""The predictors of the cheap truths: a linear model over n-grams, and a constant.

Relations: :mod:`hasei.formats.lexical` and :mod:`hasei.formats.constant` write and read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hasei.formats._ngrams import Vectoriser, batches, normalise
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

_PAIRS = 512


@dataclass
class LexicalPredictor:
    """Answers rows by their terms. *weight* (features, width), *bias* (width,), float32."""

    vectoriser: Vectoriser
    weight: Floats
    bias: Floats
    width: int = field(init=False)

    def __post_init__(self) -> None:
        self.width = len(self.bias)

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the outputs (n, width), float32; rows without known terms get the bias."""
        result = np.empty((len(inputs), self.width), dtype=np.float32)
        done = 0
        for texts in batches(inputs):
            if watch is not None:
                watch.check()
                watch.report("predict", fraction=done / len(inputs), often=True)
            result[done : done + len(texts)] = self.vectoriser.transform(texts) @ self.weight + self.bias
            done += len(texts)
        return result


@dataclass
class OverlapPredictor:
    """Answers pairs by the character n-grams that their texts share. *weight* (1, 1), *bias* (1,), float32."""

    vectoriser: Vectoriser
    weight: Floats
    bias: Floats
    width: int = 1

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the outputs (n, 1), float32."""
        return (overlap(self.vectoriser, inputs, watch)[:, None] * self.weight + self.bias).astype(np.float32)


def overlap(vectoriser: Vectoriser, pairs: Sequence[Input], watch: Watch | None = None) -> Floats:
    """Return the TF-IDF cosine (n,) of the character n-grams of the two texts of each of *pairs*; 0 where one has none known.

    Words would add little: n-grams hold their stems, and in languages without spaces whole phrases count as words.
    """
    grams = slice(len(vectoriser.words), None)
    found = np.zeros(len(pairs), np.float32)
    for start in range(0, len(pairs), _PAIRS):
        if watch is not None:
            watch.check()
            watch.report("predict", fraction=start / len(pairs), often=True)
        part = pairs[start : start + _PAIRS]
        one, other = (vectoriser.transform([normalise(pair[side]) for pair in part])[:, grams] for side in (0, 1))
        lengths = [np.sqrt(np.asarray(x.multiply(x).sum(1)).ravel()) for x in (one, other)]
        shared = np.asarray(one.multiply(other).sum(1)).ravel()
        found[start : start + len(part)] = shared / np.maximum(lengths[0] * lengths[1], 1e-12)
    return found


@dataclass
class ConstantPredictor:
    """Answers every row with *value* (width,), float32."""

    value: Floats
    width: int = field(init=False)

    def __post_init__(self) -> None:
        self.width = len(self.value)

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return *value* once per row, (n, width), float32."""
        return np.tile(self.value, (len(inputs), 1))
