"""The base as it is, shown some train rows with their answers before every prompt; labels are asked for by their likelihood.

Source: Brown et al. 2020, "Language models are few-shot learners"; rows alike: Liu et al. 2022, "What makes good in-context
examples for GPT-3?"; rows that differ: Su et al. 2023, "Selective annotation makes language models better few-shot learners"
(the idea, by words).
Trains: nothing; *examples* train rows are chosen by the words of their prompts. ``cover``: first the row nearest to all
others, then each time the one least like those chosen (of a label that was shown least, where there are labels).
``clusters``: the row nearest to the middle of each cluster of k-means. ``nearest``: for each prompt the rows most like it,
the nearest last.
Shapes: prompts (n,) -> texts (n,), or scores (n, k) of k labels.
Relations: ``zero_shot`` shows nothing; ``retrieval_augmented`` is ``nearest`` where texts are written. An encoder reads no
examples: for it, ``as_it_is`` by the means of train rows.

>>> hasei.study("questions.jsonl", task="text_generation", base="my-language-model")  # doctest: +SKIP
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

import numpy as np
from pydantic import Field

from hasei.baselines import _vocabulary
from hasei.baselines._asking import LINED, Asking, asked, derived, lined
from hasei.baselines._fitting import fitting
from hasei.baselines._prompted import Prompted, prompted, rows_of
from hasei.engine.derivation import Context, Derivation, Facts, Supports
from hasei.engine.splits import inner_split
from hasei.engine.ways import choose
from hasei.formats._ngrams import normalise
from hasei.formats._writing import Examples
from hasei.tasks._messages import shown

SUPPORTS = Supports(targets=("text", "category", "choice"))
_LOOKED_AT = 500
_FEATURES = 20_000
_USUAL = 3

Rows = tuple[tuple[str, str], ...]


class Params(Prompted, Asking):
    """*examples*: how many rows are shown (None: three, or as many as the base reads); *chosen*: how they are."""

    examples: int | None = Field(None, ge=1, le=64)
    chosen: Literal["cover", "clusters", "nearest"] = "cover"

    __hash__ = Asking.__hash__


def proposals(facts: Facts) -> list[Params]:
    """Where texts are written, three rows; labels are asked for only when a user says so."""
    return [Params()] if facts.target in ("", "text") else []


def derive(context: Context, params: Params) -> Derivation:
    """Choose the rows to show; raises NotSupported where they are longer than the base reads, or it reads none."""
    SUPPORTS.refuse("few_shot", context.task)
    of_labels = context.task.target_kind != "text"
    if of_labels:
        instead = "choice_cosine" if context.task.target_kind == "choice" else "zero_shot or as_it_is"
        choose(context.trunk.base, None, ("likelihood",), "few_shot", instead)
    count = fitting(context, params, params.examples or _USUAL, exact=params.examples is not None)
    params = params.model_copy(update={"examples": count})
    every = rows_of(context, params.descriptions)
    examples = _chosen(context, params, count, every)
    if not of_labels:
        return prompted(context, params, examples)
    if params.chosen == "nearest" and params.sharpness is None:
        # A train row's own answer would stand in its prompt: how much a score counts is found on rows that are not shown.
        fit, held = inner_split(context.units, 0.3, context.seed)
        other = asked(context, "likelihood", params, _chosen(context, params, count, tuple(every[i] for i in fit)))
        params = params.model_copy(update={"sharpness": lined(context, other, params, held[:LINED])[0]})
    return derived(context, "likelihood", params, examples)


def _chosen(context: Context, params: Params, count: int, rows: Rows) -> Examples:
    if params.chosen == "nearest":
        vectoriser = _vocabulary.learn([shown(prompt) for prompt, _ in rows], _FEATURES, context.watch)
        return Examples(rows, count, vectoriser)
    if len(rows) > _LOOKED_AT:
        some = np.random.default_rng(context.seed).choice(len(rows), _LOOKED_AT, replace=False)
        rows = tuple(rows[i] for i in np.sort(some))
    texts = [normalise(shown(prompt)) for prompt, _ in rows]
    features = _vocabulary.learn(texts, _FEATURES, context.watch).transform(texts)
    if params.chosen == "clusters":
        places = _clusters(features, min(count, len(rows)), context.seed)
    else:
        labels = [answer for _, answer in rows] if context.task.target_kind == "category" else [""] * len(rows)
        places = _cover(features, labels, min(count, len(rows)))
    return Examples(tuple(rows[i] for i in reversed(places)), count)


def _cover(features: Any, labels: list[str], count: int) -> list[int]:
    """Return *count* rows that are typical and unlike each other, of labels as different as can be, by their *features*."""
    alike = np.asarray((features @ features.T).todense(), np.float64).round(6)
    chosen = [int(alike.sum(1).argmax())]
    while len(chosen) < count:
        seen = Counter(labels[i] for i in chosen)
        near = alike[chosen].max(0)
        near[chosen] = np.inf
        often = np.array([seen[label] for label in labels], np.float64)
        often[chosen] = np.inf
        chosen.append(int(np.lexsort((near, often))[0]))
    return chosen


def _clusters(features: Any, count: int, seed: int) -> list[int]:
    """Return the row nearest to the middle of each of *count* clusters, the largest cluster first."""
    from sklearn.cluster import KMeans

    found = KMeans(count, n_init=4, random_state=seed).fit(features)
    distance = found.transform(features).round(6)
    sizes = np.bincount(found.labels_, minlength=count)
    places: list[int] = []
    for cluster in np.argsort(-sizes, kind="stable"):
        order = np.argsort(distance[:, cluster], kind="stable")
        places.append(next(int(i) for i in order if int(i) not in places))
    return places
