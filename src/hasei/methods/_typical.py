"""Words that are typical of the rows of a label.

Source: the log odds of a word in a label's rows against all others, with a prior from the words of all rows (Monroe et al. 2008,
"Fightin' words"), in units of its standard error.
"""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from hasei.engine.batching import Ints
from hasei.engine.derivation import Context
from hasei.engine.prompts import text_of
from hasei.formats._ngrams import normalise

_WORD = re.compile(r"[^\W\d_]{2,}")
_READ = 20_000
_PRIOR = 50.0


def typical(context: Context, rows: Ints, count: int) -> list[list[str]]:
    """Return at most *count* words for each label of *context*, the most typical first, by its train *rows*."""
    every: Counter[str] = Counter()
    own: list[Counter[str]] = [Counter() for _ in context.space.names]
    for i in rows[:_READ]:
        words = set(_WORD.findall(normalise(text_of(context.inputs[i]))))
        every.update(words)
        for place in _labels(context, int(i)):
            own[place].update(words)
    return [_best(mine, every, count) for mine in own]


def _labels(context: Context, row: int) -> list[int]:
    target = context.targets[row]
    return [int(target)] if np.ndim(target) == 0 else np.flatnonzero(target).tolist()


def _best(mine: Counter[str], every: Counter[str], count: int) -> list[str]:
    total, here = sum(every.values()), sum(mine.values())
    scored = []
    for word, seen in mine.items():
        prior = _PRIOR * every[word] / max(1, total)
        inside, outside = seen + prior, every[word] - seen + prior
        left, right = max(1e-9, here + _PRIOR - inside), max(1e-9, total - here + _PRIOR - outside)
        score = (np.log(inside / left) - np.log(outside / right)) / np.sqrt(1 / inside + 1 / outside)
        if seen > 1 and score > 0:
            scored.append((-round(float(score), 6), word))
    return [word for _, word in sorted(scored)[:count]]
