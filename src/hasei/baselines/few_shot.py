"""The base as it is, shown the same few train rows before every prompt.

Source: Brown et al. 2020, "Language models are few-shot learners".
Trains: nothing; *examples* rows are chosen: first the row nearest to all others, then each time the one least like those chosen.
Shapes: prompts (n,) -> texts (n,).
Relations: ``retrieval_augmented`` shows each prompt the rows nearest to it.

>>> hasei.study("questions.jsonl", task="text_generation", base="my-language-model")  # doctest: +SKIP
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from hasei.baselines import _vocabulary
from hasei.baselines._prompted import Prompted, prompted, rows_of
from hasei.engine.derivation import Context, Derivation, Supports
from hasei.formats._ngrams import normalise
from hasei.formats._writing import Examples
from hasei.tasks._messages import shown

SUPPORTS = Supports(targets=("text",))
_LOOKED_AT = 500
_FEATURES = 20_000


class Params(Prompted):
    """*examples* is how many rows are shown."""

    examples: int = Field(3, ge=1, le=64)


def derive(context: Context, params: Params) -> Derivation:
    """Choose the rows to show."""
    SUPPORTS.refuse("few_shot", context.task)
    return prompted(context, params, Examples(choose(context, params.examples), params.examples))


def choose(context: Context, count: int) -> tuple[tuple[str, str], ...]:
    """Return *count* rows that are typical and unlike each other, by the words of their prompts."""
    rows = rows_of(context)
    if len(rows) > _LOOKED_AT:
        some = np.random.default_rng(context.seed).choice(len(rows), _LOOKED_AT, replace=False)
        rows = tuple(rows[i] for i in np.sort(some))
    texts = [normalise(shown(prompt)) for prompt, _ in rows]
    features = _vocabulary.learn(texts, _FEATURES, context.watch).transform(texts)
    alike = np.asarray((features @ features.T).todense(), np.float64).round(6)
    chosen = [int(alike.sum(1).argmax())]
    while len(chosen) < min(count, len(rows)):
        near = alike[chosen].max(0)
        near[chosen] = np.inf
        chosen.append(int(near.argmin()))
    return tuple(rows[i] for i in reversed(chosen))
