"""Metrics of answers that are pieces of text: are they the same, and how many words (or characters) do they share.

Source: Rajpurkar et al. 2016, "SQuAD" (exact match and F1 over words, without case, punctuation and articles); Rajpurkar
et al. 2018 (no answer); Kurihara et al. 2022, "JGLUE" (JSQuAD: F1 over characters).

A right answer in Japanese or Chinese script is compared character by character, any other word by word; which, the
right answer alone decides. Texts are NFKC-normalised first, so that full-width and half-width forms are the same.

Shapes: n predicted and n true values. A value is a text, or a JSON list of texts where several are right; ``[]`` is no answer.

>>> f1(["the parcel, today"], ["a parcel"]), exact_match(["９時。"], ["9時"])
(0.6666666666666666, 1.0)
"""

from __future__ import annotations

import json
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from hasei.tasks import Floats, Metric

NONE = "[]"
"""How no answer is written."""
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


@lru_cache(maxsize=65536)
def texts_of(value: str) -> tuple[str, ...]:
    """Return the right answers that a value holds; () for no answer."""
    if value.startswith("["):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return (value,)
        if isinstance(found, list) and all(isinstance(text, str) for text in found):
            return tuple(found)
    return (value,)


def value_of(texts: Sequence[str]) -> str:
    """Return the right answers *texts* as one value, so that :func:`texts_of` gives them back."""
    different = list(dict.fromkeys(texts))
    if len(different) == 1 and texts_of(different[0]) == (different[0],):
        return different[0]
    return json.dumps(different, ensure_ascii=False)


@lru_cache(maxsize=65536)
def normalise(text: str) -> str:
    """Return *text* without case, width, punctuation, articles and doubled spaces."""
    folded = unicodedata.normalize("NFKC", text).lower()
    kept = "".join(c for c in folded if c not in string.punctuation and unicodedata.category(c)[0] != "P")
    return " ".join(_ARTICLES.sub(" ", kept).split())


def pieces(text: str, unspaced: bool) -> list[str]:
    """Return what is counted of a text: its words, or its characters where it is *unspaced*."""
    found = normalise(text)
    return list(found.replace(" ", "")) if unspaced else found.split()


def same_text(said: str, right: str) -> float:
    """1.0 where both are the same after normalising, else 0.0."""
    return float(_joined(said, right) == _joined(right, right))


def shared(said: str, right: str) -> float:
    """F1 of the words (or characters) that *said* shares with *right*; where one has none, whether both have none."""
    unspaced = bool(_UNSPACED.search(right))
    one, other = pieces(said, unspaced), pieces(right, unspaced)
    if not one or not other:
        return float(one == other)
    common = sum((Counter(one) & Counter(other)).values())
    return 2 * common / (len(one) + len(other))


def exact_match(predicted: Sequence[Any], true: Sequence[Any]) -> float:
    """Share of rows answered with one of the right answers; NaN without rows."""
    return float(_exact(predicted, true).mean()) if len(true) else float("nan")


def f1(predicted: Sequence[Any], true: Sequence[Any]) -> float:
    """Mean over rows of the F1 with the nearest of the right answers; NaN without rows."""
    return float(_f1(predicted, true).mean()) if len(true) else float("nan")


def _joined(text: str, right: str) -> str:
    return normalise(text).replace(" ", "") if _UNSPACED.search(right) else normalise(text)


def _rows(score: Any, predicted: Sequence[Any], true: Sequence[Any]) -> Floats:
    found = np.empty(len(true))
    for i, (said, right) in enumerate(zip(predicted, true, strict=True)):
        ours, theirs = texts_of(str(said)), texts_of(str(right))
        found[i] = max(score(ours[0], text) for text in theirs) if ours and theirs else float(ours == theirs)
    return found


def _exact(predicted: Sequence[Any], true: Sequence[Any]) -> Floats:
    return _rows(same_text, predicted, true)


def _f1(predicted: Sequence[Any], true: Sequence[Any]) -> Floats:
    return _rows(shared, predicted, true)


METRICS: dict[str, Metric] = {
    "f1": Metric("f1", 1, f1, _f1), "exact_match": Metric("exact_match", 1, exact_match, _exact),
}  # fmt: skip
