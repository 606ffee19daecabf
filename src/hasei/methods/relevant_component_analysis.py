"""A linear map of frozen features, solved, under which questions lie nearer to the entries that answer them.

What tells a question from its right entry (their difference) is shrunk, direction by direction, by the whitening of the
differences' covariance; the covariance is shrunk towards the unit matrix, so that few questions bend the base only a little.
How much, and what of an entry is searched, is chosen by inner folds of the train rows (whole units).

Source: Shental et al. 2002 and Bar-Hillel et al. 2003, "Learning distance functions using equivalence relations" (RCA);
shrinkage: Ledoit & Wolf 2004.
Trains: the map only (h x h).
Shapes: features (n, h), differences (p, h) of p pairs, map (h, h), outputs ragged (n,).
Relations: ``cosine_search`` is this without a map (infinite shrinkage); ``contrastive_tuning`` changes the base itself.

>>> hasei.study("questions.csv", task="retrieval", corpus="faq.jsonl")  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from hasei.engine.batching import Ints
from hasei.engine.derivation import Context, Derivation, Facts, Settings, Supports
from hasei.engine.entries import entry_features, first_places, parts_of, question_features
from hasei.engine.pooled import linear
from hasei.engine.ragged import ragged
from hasei.engine.rankings import TOP, entries_of, ranked
from hasei.engine.retriever import RetrieverModel, RetrieverPredictor
from hasei.engine.search import Index
from hasei.engine.splits import folds
from hasei.ground.errors import NotSupported
from hasei.ground.language import _
from hasei.inputs.data.corpus import Part
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats

SUPPORTS = Supports(targets=("entries",))
BY_ROWS = ("shrinkage",)
"""Settings whose best value hangs on the number of rows: a learning curve finds them anew at every size."""
STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
_FOLDS = 4


class Params(Settings):
    """Settings; what is None is chosen on the train rows.

    *shrinkage*: the weight of the unit matrix against the covariance of the differences, both of the same mean variance;
    *searched*: as in ``cosine_search``.
    """

    shrinkage: float | None = Field(None, gt=0, le=1e4)
    searched: Literal["title", "whole", "both"] | None = None


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("a linear map of frozen features, solved: no training")


def derive(context: Context, params: Params) -> Derivation:
    """Solve the map; raises NotSupported where the entries have no title to be searched apart from the text."""
    SUPPORTS.refuse("relevant_component_analysis", context.task)
    corpus, trunk = entries_of(context), context.trunk
    if params.searched is not None and params.searched not in parts_of(corpus):
        raise NotSupported("the entries have no title beside their text", do="use searched: whole")
    frozen = _choose(context, params)
    part, strength = frozen.searched or "whole", float(frozen.shrinkage or 0.0)
    questions, entries = question_features(context, context.inputs), entry_features(context, part)
    weight = _map(_parted(_differences(questions, entries, context.targets)), strength)
    model = RetrieverModel(trunk.fresh(), trunk.base.pooling, linear(weight, np.zeros(len(weight))))
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    vectors = entry_features(context, part, weight)
    index = Index(vectors)

    def from_store(inputs: Sequence[Input]) -> Array:
        asked = question_features(context, inputs) @ weight.T
        asked /= np.maximum(np.linalg.norm(asked, axis=1, keepdims=True), 1e-12)
        return ragged(ranked(corpus.ids, *index.search(asked, TOP)))

    return Derivation(
        RetrieverPredictor(model, trunk.tokenizer, trunk.base.max_tokens, corpus, part, vectors), "retriever", frozen,
        trainable_parameters=weight.size, trained=("head.weight",), from_store=from_store,
    )  # fmt: skip


def _choose(context: Context, params: Params) -> Params:
    """Fill in what *params* leaves open, by the mean reciprocal rank over inner folds; equal ones go to more shrinkage."""
    strengths = STRENGTHS[::-1] if params.shrinkage is None else (params.shrinkage,)
    parts: tuple[Part, ...] = parts_of(entries_of(context)) if params.searched is None else (params.searched,)
    options = [(strength, part) for part in parts for strength in strengths]
    if len(options) == 1:
        return Params(shrinkage=strengths[0], searched=parts[0])
    fold = folds(list(context.units), _FOLDS, context.seed)
    quality = {option: value for part in parts for option, value in _inner(context, fold, part, strengths).items()}
    best = max(options, key=lambda option: quality[option])
    return Params(shrinkage=best[0], searched=best[1])


def _inner(context: Context, fold: Ints, part: Part, strengths: Sequence[float]) -> dict[tuple[float, Part], float]:
    """Return the sum of reciprocal ranks over the inner folds, by strength; the covariance of a fold is parted once for all."""
    questions, entries = question_features(context, context.inputs), entry_features(context, part)
    total = dict.fromkeys(((strength, part) for strength in strengths), 0.0)
    for number in range(_FOLDS):
        fit, held = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        if not len(fit) or not len(held):
            continue
        parted = _parted(_differences(questions[fit], entries, context.targets[fit]))
        for strength in strengths:
            context.watch.check()
            weight = _map(parted, strength)
            scores = (questions[held] @ weight.T) @ entry_features(context, part, weight).T
            total[strength, part] += float((1 / first_places(scores, context.targets[held])).sum())
    return {option: round(value, 9) for option, value in total.items()}


def _differences(questions: Floats, entries: Floats, right: Array) -> Floats:
    """Return what each question lacks to each of its right entries (p, h)."""
    return np.concatenate([entries[own] - question for question, own in zip(questions, right)])


def _parted(differences: Floats) -> tuple[Floats, Floats]:
    """Return variances (h,), their mean being one, and directions (h, h) of *differences* (p, h)."""
    wide = differences.astype(np.float64)
    covariance = wide.T @ wide / len(wide)
    scale = max(float(np.trace(covariance)) / len(covariance), 1e-12)
    values, vectors = np.linalg.eigh(covariance / scale)
    return values, vectors


def _map(parted: tuple[Floats, Floats], strength: float) -> Floats:
    """Return the inverse square root (h, h) of the covariance, shrunk, so that a direction of mean variance stays as it is."""
    values, vectors = parted
    root = (vectors * np.sqrt((1 + strength) / (np.maximum(values, 0.0) + strength))) @ vectors.T
    return np.asarray(root, np.float32)
