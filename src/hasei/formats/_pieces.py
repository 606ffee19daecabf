"""Candidate answers in a context by their look: runs of pieces, and a few facts of each that need no model.

Source: Rajpurkar et al. 2016, "SQuAD" (logistic regression over candidate spans); Richardson et al. 2013, "MCTest" (sliding
window: what stands near the words of the question).

A piece is a run of signs of one kind: digits, a word, kana, kanji, or one other sign. Shapes: c candidates of a row, the last
one being no answer; facts (c, 6) float32: how usual the look, how usual the text, how much of the question stands near, whether
the question says the text itself, how many pieces, and whether it is no answer.

Relations: :mod:`hasei.baselines.answer_shape` learns from these; :mod:`hasei.formats.answer_shape` writes what was learnt.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hasei.engine.ragged import ragged
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats

FACTS = 6
LONGEST = 6
"""Pieces of the longest candidate."""
PIECES = 300
"""Pieces of a context that are looked at."""
_NEAR = 8
_KINDS = (
    ("9", r"\d+(?:[.,:/]\d+)*"), ("k", "[々〆\u3400-\u9fff\uf900-\ufaff]+"), ("h", "[\u3041-\u309f]+"),
    ("c", "[\u30a0-\u30ff\uff66-\uff9f]+"), ("a", r"[^\W\d_]+(?:['’][^\W\d_]+)?"), ("", r"\S"),
)  # fmt: skip
_PIECE = re.compile("|".join(f"({pattern})" for _, pattern in _KINDS))


@dataclass(frozen=True)
class Candidates:
    """The candidates of one row: characters of the context *spans*, texts, and *facts*; no answer, "", is the last."""

    spans: list[tuple[int, int]]
    texts: list[str]
    facts: Floats


@dataclass(frozen=True)
class Looks:
    """What answers look like: of *answers* ones, how many have a look and a text; how rare a word is (*rarity*)."""

    answers: int
    looks: dict[str, int]
    texts: dict[str, int]
    rarity: dict[str, float]

    def candidates(self, row: Input) -> Candidates:
        """Return the candidates of a row (question, context)."""
        asked = {word: self.rarity.get(word, 1.0) for word in words(row[0])}
        total = sum(asked.values()) or 1.0
        found = cut(row[1])
        near = np.cumsum([0.0, *(asked.get(fold(row[1][a:b]), 0.0) for _, a, b in found)])
        said = fold(row[0])
        spans, texts, facts = [], [], []
        for i in range(len(found)):
            for j in range(i, min(i + LONGEST, len(found))):
                low, high = found[i][1], found[j][2]
                text, key = row[1][low:high], fold(row[1][low:high])
                around = near[min(j + 1 + _NEAR, len(found))] - near[j + 1] + near[i] - near[max(0, i - _NEAR)]
                look = look_of([kind for kind, _, _ in found[i : j + 1]])
                facts.append((
                    math.log((self.looks.get(look, 0) + 0.1) / (self.answers + 1.0)), math.log1p(self.texts.get(key, 0)),
                    around / total, float(key in said), float(j - i + 1), 0.0,
                ))  # fmt: skip
                spans.append((low, high))
                texts.append(text)
        return Candidates(spans, texts, np.array([*facts, (0.0,) * (FACTS - 1) + (1.0,)], np.float32))


class ShapePredictor:
    """Answers rows by the *weight* (6,) of the facts of their candidates."""

    width = 2

    def __init__(self, looks: Looks, weight: Floats) -> None:
        self.looks, self.weight = looks, weight

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Array:
        """Return the best answers of each row with their log probabilities (n,), best first, no answer last."""
        found = []
        for number, row in enumerate(inputs):
            if watch is not None and not number % 100:
                watch.check()
                watch.report("predict", fraction=number / len(inputs), often=True)
            found.append(self._best(self.looks.candidates(row)))
        return ragged(found)

    def _best(self, row: Candidates) -> list[list[Any]]:
        scores = (row.facts.astype(np.float64) * self.weight).sum(1)
        scores -= scores.max()
        scores -= math.log(np.exp(scores).sum())
        order = np.argsort(-scores[:-1], kind="stable")[:12]
        answers: dict[str, float] = {}
        for place in order:
            if len(answers) < 3:
                answers.setdefault(row.texts[place], float(scores[place]))
        return [*([text, score] for text, score in answers.items()), ["", float(scores[-1])]]


def cut(context: str) -> list[tuple[str, int, int]]:
    """Return the pieces of a context: their kind, and from where up to where they stand."""
    found = []
    for match in _PIECE.finditer(context):
        kind = _KINDS[(match.lastindex or 1) - 1][0] or match[0]
        found.append(("A" if kind == "a" and match[0][0].isupper() else kind, match.start(), match.end()))
        if len(found) == PIECES:
            break
    return found


def look_of(kinds: Sequence[str]) -> str:
    """Return the look of a run of pieces; neighbours of one kind count once."""
    return "".join(kind for i, kind in enumerate(kinds) if not i or kinds[i - 1] != kind)


def words(text: str) -> set[str]:
    """Return the words (runs of letters or digits) of a text, without case and width."""
    return {fold(text[a:b]) for kind, a, b in cut(text) if len(kind) == 1 and kind in "9khcaA"}


def fold(text: str) -> str:
    """Return a text without case and width."""
    return unicodedata.normalize("NFKC", text).casefold()
