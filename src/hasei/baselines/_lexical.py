"""What the lexical cheap truths share: rows as TF-IDF blocks in memory, and a linear model descended on them.

Source: stochastic gradient descent with a linearly falling step (Bottou 2010); the strength of the penalty is chosen on
held-out units, since labels typed by people are noisy and a weak penalty learns the noise by heart.

Shapes: blocks of csr rows (2,048, features) float32 and their classes -> weight (features, k), bias (k,), float32.

Relations: :mod:`lexical_linear` and :mod:`linear_svm` differ only in their :class:`Loss`; :mod:`naive_bayes` counts the
same features instead of descending.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field
from scipy import sparse

from hasei.baselines._vocabulary import learn
from hasei.engine.derivation import Context, Derivation, Settings
from hasei.engine.splits import folds
from hasei.formats._ngrams import Vectoriser, batches
from hasei.formats._predictors import LexicalPredictor
from hasei.tasks import Array, Floats

# About 100 MB of entries, 80,000 short texts; rows beyond them, in random order, are left out, and that is said.
_ENTRIES = 12_000_000
# At most 64 MB of weights, unless that left hardly a term.
_WEIGHTS = 16_000_000
_FEWEST_TERMS = 2000
_BATCH = 64
# About 150,000 visits to a row; many rows need fewer passes each.
_VISITS = 150_000
_PASSES = (6, 60)
# The bias sees every row where a term sees few, so it takes smaller steps.
_BIAS = 0.1
# Largest eigenvalue of the features' second moment that is usual, where the losses' first steps were tuned.
_USUAL = 0.11
# The trial that chooses penalty and sharpness.
_TRIAL_ROWS = 4000
_TRIAL_HELD = 800
_TRIAL_PASSES = 12
_FEWEST_HELD = 50
_MARGIN = 0.005
_SHARPNESS = tuple(round(2 ** (i / 2), 3) for i in range(-4, 11))


class LexicalSettings(Settings):
    """Settings of the lexical cheap truths."""

    max_features: int = Field(80_000, ge=100, le=1_000_000, description="most terms that are kept")


class LinearSettings(LexicalSettings):
    """Settings of the descended ones; what is None is chosen on held-out rows."""

    c: float | None = Field(
        None, gt=0, le=1e6, description="weight of the rows against the penalty, as scikit-learn's C"
    )
    sharpness: float | None = Field(None, gt=0, le=1000, description="factor on the outputs, for honest confidences")


@dataclass(frozen=True)
class Loss:
    """What is descended: *slope* (scores (m, k), classes (m,)) -> its derivative by the scores, made in place.

    *rate* is the first step where the largest eigenvalue of the features' second moment is 0.1 or less; *strengths*
    are the values of C that are tried, the likeliest first; *sharpness* is used where no rows can be held out.
    """

    slope: Callable[[Floats, Array], Floats]
    rate: float
    strengths: tuple[float, ...]
    sharpness: float


@dataclass(frozen=True)
class Batch:
    """A few rows: *x* (m, columns) has only the *columns* of the features that occur in them; *xt* is its transpose."""

    x: Any
    xt: Any
    columns: Array
    classes: Array


def vocabulary(context: Context, most: int) -> Vectoriser:
    """Learn the terms: at most *most*, fewer where there are very many classes."""
    return learn(context.inputs, min(most, max(_FEWEST_TERMS, _WEIGHTS // context.space.width)), context.watch)


def blocks(context: Context, vectoriser: Vectoriser) -> Iterator[tuple[Any, Array]]:
    """Yield (csr block, its rows) in random order, as many rows as fit in the memory allowed."""
    order = np.random.default_rng(context.seed).permutation(len(context.inputs))
    entries = used = 0
    for texts in batches([context.inputs[i] for i in order]):
        context.watch.check()
        block = vectoriser.transform(texts)
        yield block, order[used : used + len(texts)]
        entries, used = entries + block.nnz, used + len(texts)
        if entries > _ENTRIES and used < len(order):
            context.watch.report("fit", f"{used} of {len(order)} rows, drawn at random, are as many as fit in memory")
            return


def derivation(vectoriser: Vectoriser, weight: Floats, bias: Floats, frozen: Settings) -> Derivation:
    """Wrap a fitted linear model."""
    predictor = LexicalPredictor(vectoriser, weight, bias)
    return Derivation(predictor, "lexical", frozen, weight.size + bias.size, ("weight", "bias"))


def fit(context: Context, params: LinearSettings, loss: Loss) -> Derivation:
    """Choose the penalty where none is given, then descend *loss* on all rows."""
    vectoriser = vocabulary(context, params.max_features)
    targets = np.asarray(context.targets)
    sample: list[tuple[Any, Array]] = []
    cut: list[Batch] = []
    for block, rows in blocks(context, vectoriser):
        if sum(len(r) for _, r in sample) < _TRIAL_ROWS:
            sample.append((block, rows))
        cut += _cut(block, targets[rows])
    start = sparse.vstack([block for block, _ in sample], format="csr")[:_TRIAL_ROWS]
    order = np.concatenate([rows for _, rows in sample])[:_TRIAL_ROWS]
    passes = int(np.clip(_VISITS // len(context.inputs), *_PASSES))
    c, sharpness = _settle(params, start, order, context, loss, min(passes, _TRIAL_PASSES))
    l2 = 1 / (c * sum(len(batch.classes) for batch in cut))
    weight, bias = descend(cut, vectoriser.width, loss, _rate(start, loss, l2), l2, passes, context)
    weight *= np.float32(sharpness)
    frozen = params.model_copy(update={"c": c, "sharpness": sharpness})
    return derivation(vectoriser, weight, bias * np.float32(sharpness), frozen)


def _cut(block: Any, classes: Array) -> list[Batch]:
    """Cut a csr block into batches once, so that no pass over them has to."""
    found = []
    for start in range(0, len(classes), _BATCH):
        part = block[start : start + _BATCH].tocsc()
        columns = np.flatnonzero(np.diff(part.indptr)).astype(np.int32)
        ends = np.append(part.indptr[columns], part.nnz)
        x = sparse.csc_matrix((part.data, part.indices, ends), shape=(part.shape[0], len(columns)))
        found.append(Batch(x, x.T, columns, classes[start : start + _BATCH]))
    return found


def descend(
    cut: list[Batch], features: int, loss: Loss, rate: float, l2: float, passes: int, context: Context
) -> tuple[Floats, Floats]:
    """Minimise the mean loss + l2 / 2 * sum(weight ** 2) with a step that falls from *rate* to 0; the bias is free."""
    rng = np.random.default_rng(context.seed)
    weight, bias = np.zeros((features, context.space.width), np.float32), np.zeros(context.space.width, np.float32)
    # weight * scale is the model: shrinking it at every step costs one multiplication.
    step, scale = 0, 1.0
    # One buffer for all steps: asking the system for a fresh one costs as much as the arithmetic.
    buffer = np.empty((max(len(batch.columns) for batch in cut), weight.shape[1]), np.float32)
    for done in range(passes):
        context.watch.check()
        context.watch.report("fit", fraction=done / passes, often=True)
        for batch in (cut[i] for i in rng.permutation(len(cut))):
            eta = rate * (1 - step / (passes * len(cut)))
            step, scale = step + 1, scale * (1 - eta * l2)
            part = np.take(weight, batch.columns, 0, out=buffer[: len(batch.columns)], mode="clip")
            scores = (batch.x @ part) * np.float32(scale) + bias
            slope = loss.slope(scores, batch.classes) * np.float32(-eta / len(batch.classes))
            bias += np.float32(_BIAS) * slope.sum(0)
            part += batch.xt @ (slope / np.float32(scale))
            weight[batch.columns] = part
            if scale < 1e-3:
                weight *= np.float32(scale)
                scale = 1.0
    weight *= np.float32(scale)
    return weight, bias


def _rate(block: Any, loss: Loss, l2: float) -> float:
    """Return the first step; smaller where texts are much alike, since there the same step would overshoot."""
    direction = np.ones(block.shape[1], np.float32)
    largest = _USUAL
    for _ in range(10):
        direction = block.T @ (block @ direction) / np.float32(block.shape[0])
        largest = float(np.linalg.norm(direction)) or _USUAL
        direction /= np.float32(largest)
    rate = loss.rate * min(1.0, _USUAL / largest)
    return min(rate, 0.05 / l2)


def _settle(
    params: LinearSettings, x: Any, order: Array, context: Context, loss: Loss, passes: int
) -> tuple[float, float]:
    """Return C and sharpness; where None, those that answer held-out units best and are most honest there.

    As many of five folds are held out, one after the other, as hold about 800 rows. A C other than the likeliest must
    be better by half a point, more than chance gives it on clean labels.
    """
    strengths = loss.strengths if params.c is None else (params.c,)
    if params.c is not None and params.sharpness is not None:
        return params.c, params.sharpness
    held, outputs = _held_out(x, order, context, loss, strengths, passes)
    best = 0
    if len(held):
        quality = np.array([context.quality(o, order[held]) for o in outputs])
        quality[0] += _MARGIN
        best = int(quality.argmax())
    sharpness = params.sharpness
    if sharpness is None:
        classes = np.asarray(context.targets)[order[held]]
        sharpness = _sharpest(outputs[best], classes) if len(held) >= _FEWEST_HELD else loss.sharpness
    return strengths[best], sharpness


def _held_out(
    x: Any, order: Array, context: Context, loss: Loss, strengths: tuple[float, ...], passes: int
) -> tuple[Array, list[Floats]]:
    """Return which rows of *x* were held out, and their outputs under each strength."""
    y = np.asarray(context.targets)[order]
    fold = folds([context.units[i] for i in order], 5, context.seed)
    held: list[Array] = []
    outputs: list[list[Floats]] = [[] for _ in strengths]
    for number in range(5):
        out = fold == number
        if not out.any() or out.all() or sum(map(len, held)) >= _TRIAL_HELD:
            continue
        held.append(np.flatnonzero(out))
        kept = _cut(x[~out], y[~out])
        for i, c in enumerate(strengths):
            l2 = 1 / (c * np.sum(~out))
            weight, bias = descend(kept, x.shape[1], loss, _rate(x, loss, l2), l2, passes, context)
            outputs[i].append(x[out] @ weight + bias)
    nothing = np.zeros((0, context.space.width), np.float32)
    return np.concatenate([np.zeros(0, np.int64), *held]), [np.concatenate([nothing, *o]) for o in outputs]


def _sharpest(outputs: Floats, classes: Array) -> float:
    """Return the factor under which the softmax of *outputs* gives the held-out classes the highest likelihood."""
    rows = np.arange(len(classes))
    loss = []
    for factor in _SHARPNESS:
        scores = outputs.astype(np.float64) * factor
        scores -= scores.max(axis=1, keepdims=True)
        loss.append(float((np.log(np.exp(scores).sum(axis=1)) - scores[rows, classes]).mean()))
    return float(_SHARPNESS[int(np.argmin(loss))])
