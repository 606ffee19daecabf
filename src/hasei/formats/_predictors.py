"""The predictors of the cheap truths: a linear model over n-grams, and a constant.

Relations: :mod:`hasei.formats.lexical` and :mod:`hasei.formats.constant` write and read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hasei.engine.ragged import ragged
from hasei.formats._ngrams import Vectoriser, batches, normalise
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats
from hasei.tasks._messages import shown

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


def nearest(
    vectoriser: Vectoriser, known: Sequence[str], texts: Sequence[str], count: int, watch: Watch | None = None
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the places (n, count) of the nearest of *known* to each of *texts*, and their cosines; equal ones in order.

    The cosine is of words and character n-grams together, each half of it.
    """
    count = min(count, len(known))
    order, cosines = np.zeros((len(texts), count), np.int64), np.zeros((len(texts), count), np.float32)
    held = sparse.vstack([vectoriser.transform(part) for part in batches(known)]).T.tocsc()
    done = 0
    for part in batches(texts, _PAIRS):
        if watch is not None:
            watch.check()
            watch.report("predict", fraction=done / len(texts), often=True)
        found = np.asarray((vectoriser.transform(part) @ held).todense(), np.float32) / 2
        place = np.argsort(-found.round(6), axis=1, kind="stable")[:, :count]
        order[done : done + len(part)] = place
        cosines[done : done + len(part)] = np.take_along_axis(found, place, 1)
        done += len(part)
    return order, cosines


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


@dataclass
class ConstantTextPredictor:
    """Answers every row with *text*."""

    text: str
    width: int = 1

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Array:
        """Return ``[text, None]`` once per row (n,), as objects."""
        return ragged([[self.text, None] for _ in inputs])


@dataclass
class NearestAnswerPredictor:
    """Answers a prompt with the answer of the nearest of *rows* (prompt, answer); equally near ones: the first."""

    vectoriser: Vectoriser
    rows: tuple[tuple[str, str], ...]
    width: int = 1

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Array:
        """Return ``[answer, None]`` of each of *inputs* (n,), as objects."""
        asked = [shown(i if isinstance(i, str) else i[0]) for i in inputs]
        order, _ = nearest(self.vectoriser, [shown(prompt) for prompt, _ in self.rows], asked, 1, watch)
        return ragged([[self.rows[place][1], None] for place in order[:, 0]])
