"""Texts said otherwise, as rows of their own: their states are kept like those of all other rows.

What is changed are words, or in scripts that don't part words by spaces (Japanese, Chinese, Thai) what the base's tokens part.
A change that would leave no letter and no digit is not made: that view is the text as it was, so that all rows have as many.

Source: Wei & Zou 2019, "EDA: easy data augmentation techniques for boosting performance on text classification tasks" (there one
change a view, too); back-translation: Sennrich et al. 2016, "Improving neural machine translation models with monolingual data".
Relations: pictures are changed anew in every step (:mod:`hasei.engine.augmentation`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from hasei.engine import own_code
from hasei.engine.augmentation import REWRITES, Augment, Rewrite
from hasei.engine.batching import encode
from hasei.engine.derivation import Context
from hasei.engine.neighbours import Neighbours
from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported, RunFailed
from hasei.inputs.data.dataset import Input
from hasei.tasks._pieces import kind, pieces, places

KINDS = ("category", "categories", "number", "entries")
"""Kinds of targets that don't point into the text, nor stand in it."""


def with_views(context: Context, name: str, settings: Augment) -> Context:
    """Return *context* with the views of its rows after them, for the method *name*, on a copy of its base; as it is without.

    Views have target, unit and stage of their row. Raises NotSupported where the rows are no texts, their targets point into
    them or none of them can be changed, RunFailed where a translator does not give a text for each text.
    """
    if context.task.input_kind == "text" and settings.of_pictures:
        raise NotSupported(
            f"'{name}' can change only pictures by {' + '.join(settings.of_pictures)}", received="texts",
            do="name changes of texts: synonym, insertion, swap, deletion, back_translation",
        )  # fmt: skip
    if not settings.of_texts:
        return context
    if context.task.input_kind != "text":
        raise NotSupported(
            f"'{name}' can change only texts so, and these rows are pictures", received=" + ".join(settings.changes),
            do="name changes of pictures: rotation, crop, zoom, colour, flip, mixup, cutmix",
        )  # fmt: skip
    if context.task.target_kind not in KINDS:
        raise NotSupported(
            f"'{name}' can't change the texts of the task {context.task.name}: its targets stand in them or point into them",
            expected="targets of kind " + " or ".join(KINDS), received=context.task.target_kind, do="leave augment out",
        )  # fmt: skip
    trunk = context.trunk.copy()
    count, writer = settings.views, Writer(context.trunk, settings)
    views = [view for number in range(count) for view in writer.views(context.inputs, number, context.seed)]
    if all(view == row for view, row in zip(views, context.inputs * count)):
        raise NotSupported(
            f"none of the {len(context.inputs):,} texts could be changed", received=" + ".join(settings.changes),
            do="name other changes, or give a table with 'synonyms'",
        )  # fmt: skip
    trunk.prepare([*context.inputs, *views])
    return replace(
        context, inputs=[*context.inputs, *views], trunks=(trunk, *context.trunks[1:]),
        targets=np.concatenate([context.targets] * (1 + count)), truth=list(context.truth) * (1 + count),
        units=list(context.units) * (1 + count), stages=context.stages * (1 + count),
    )  # fmt: skip


@dataclass(frozen=True)
class Parts:
    """A text in parts: the *words* that can be changed, and what stands between them (one *gap* more than words)."""

    words: list[str]
    gaps: list[str]

    def joined(self) -> str:
        """The text."""
        return "".join(gap + word for gap, word in zip(self.gaps, [*self.words, ""])).strip()


class Writer:
    """Makes views of texts as *settings* say, with the tokens of *trunk*."""

    def __init__(self, trunk: Trunk, settings: Augment) -> None:
        self.trunk, self.settings = trunk, settings
        self.table = {group[0].casefold(): list(group[1:]) for group in settings.synonyms}
        longest = sorted(self.table, key=lambda word: (-len(word), word))
        self.known = re.compile("|".join(map(re.escape, longest)), re.IGNORECASE) if longest else None

    @cached_property
    def near(self) -> Neighbours:
        """The nearest tokens of a token."""
        return Neighbours(self.trunk)

    def views(self, rows: Sequence[Input], number: int, seed: int) -> list[Input]:
        """Return view *number* of every row; the same for a text wherever it stands. Of several texts one is changed."""
        found, later = list(rows), []
        ways = [way for way in REWRITES if way in self.settings.changes]
        for i, row in enumerate(rows):
            rng = _generator(row, number, seed)
            way = ways[int(rng.integers(len(ways)))]
            side = int(rng.integers(len(row))) if isinstance(row, tuple) else None
            if way == "back_translation":
                later.append((i, side))
            else:
                found[i] = _with(row, side, self.rewritten(_side(row, side), way, rng))
        said = self._translated([_side(rows[i], side) for i, side in later])
        for (i, side), text in zip(later, said):
            found[i] = _with(rows[i], side, text)
        return found

    def rewritten(self, text: str, way: Rewrite, rng: np.random.Generator) -> str:
        """Return *text* with one *way* of change, or as it is where that would leave no word or changes nothing."""
        parts = self.parts(text)
        if not parts.words:
            return text
        times = max(1, round(self.settings.share * len(parts.words)))
        changes: dict[str, Callable[[Parts, int, np.random.Generator], Parts]] = {
            "synonym": self._synonym, "insertion": self._insertion, "swap": _swap, "deletion": _deletion,
        }  # fmt: skip
        found = changes[way](parts, times, rng).joined()
        return found if has_words(found) else text

    def parts(self, text: str) -> Parts:
        """Cut *text* into words: those of the table, else runs of letters, in unspaced scripts as the base's tokens are cut."""
        (encoding,) = encode(self.trunk.tokenizer, [text])
        cut = [(start, end) for _, start, end in places(pieces(text), encoding.offsets)]
        own = [match.span() for match in self.known.finditer(text)] if self.known else []
        own = [(start, end) for start, end in own if not (_inside_word(text, start) or _inside_word(text, end))]
        rest = [(a, b) for a, b in cut if all(b <= start or end <= a for start, end in own)]
        spans = [(a, b) for a, b in sorted([*rest, *own]) if has_words(text[a:b])]
        ends = [0, *(end for _, end in spans)]
        starts = [*(start for start, _ in spans), len(text)]
        return Parts([text[a:b] for a, b in spans], [text[a:b] for a, b in zip(ends, starts)])

    def _other(self, word: str, rng: np.random.Generator) -> str | None:
        known: Sequence[str] | None = self.table.get(word.casefold())
        if known is None and self.settings.neighbours:
            known = self.near.of(word, self.settings.neighbours)
        return _cased(known[int(rng.integers(len(known)))], word) if known else None

    def _synonym(self, parts: Parts, times: int, rng: np.random.Generator) -> Parts:
        words = list(parts.words)
        for i in rng.permutation(len(words)):
            other = self._other(words[i], rng) if times else None
            if other is not None:
                words[i], times = other, times - 1
        return Parts(words, parts.gaps)

    def _insertion(self, parts: Parts, times: int, rng: np.random.Generator) -> Parts:
        words, gaps = list(parts.words), list(parts.gaps)
        for i in rng.permutation(len(words)):
            other = self._other(parts.words[i], rng) if times else None
            if other is not None:
                at, times = int(rng.integers(len(words) + 1)), times - 1
                space = " " if kind(other[0]) == "word" else ""
                words.insert(at, other)
                gaps[at : at + 1] = [gaps[at], space] if at < len(gaps) - 1 else [space, gaps[at]]
        return Parts(words, gaps)

    def _translated(self, texts: list[str]) -> list[str]:
        if not texts:
            return []
        code = own_code.find(self.settings.translator, "the translator", self.settings.source)
        try:
            said = list(code.call(list(texts)))
        except Exception as error:  # code of others raises what it likes
            raise RunFailed(f"the translator '{code.name}' failed: {type(error).__name__}: {error}") from error
        if len(said) != len(texts) or not all(isinstance(text, str) for text in said):
            raise RunFailed(
                f"the translator '{code.name}' does not translate text by text", expected=f"{len(texts)} texts",
                received=f"{len(said)} answers", do="let it return a list of as many texts as it is given",
            )  # fmt: skip
        empty = next((text for text, other in zip(texts, said) if not has_words(other)), None)
        if empty is not None:
            raise RunFailed(
                f"the translator '{code.name}' leaves nothing of a text", expected="a text with a word",
                received=f"'{empty[:40]}' as ''", do="let it return the text itself where it can't translate",
            )  # fmt: skip
        return said


def has_words(text: str) -> bool:
    """Whether there is a letter or a digit in *text*."""
    return any(sign.isalnum() for sign in text)


def _swap(parts: Parts, times: int, rng: np.random.Generator) -> Parts:
    """Let pairs of words change places; no word twice, so that none comes back."""
    words, order = list(parts.words), rng.permutation(len(parts.words))
    for one, other in zip(order[: 2 * times : 2], order[1 : 2 * times : 2]):
        words[one], words[other] = words[other], words[one]
    return Parts(words, parts.gaps)


def _deletion(parts: Parts, times: int, rng: np.random.Generator) -> Parts:
    """Take words away, each with the space before it; the last one that is left stays."""
    words, gaps = list(parts.words), list(parts.gaps)
    for _ in range(min(times, len(words) - 1)):
        at = int(rng.integers(len(words)))
        del words[at]
        gaps[at : at + 2] = [gaps[at].rstrip() + gaps[at + 1] if at else gaps[at] + gaps[at + 1].lstrip()]
    return Parts(words, gaps)


def _generator(row: Input, number: int, seed: int) -> np.random.Generator:
    digest = hashlib.sha256(repr(row).encode()).digest()
    return np.random.default_rng([seed, number, int.from_bytes(digest[:8], "big")])


def _side(row: Input, side: int | None) -> str:
    return str(row[side] if isinstance(row, tuple) and side is not None else row)


def _with(row: Input, side: int | None, text: str) -> Input:
    if side is None or not isinstance(row, tuple):
        return text
    return (*row[:side], text, *row[side + 1 :])


def _inside_word(text: str, at: int) -> bool:
    """Whether a word of a spaced script goes on over *at*."""
    return 0 < at < len(text) and kind(text[at - 1]) == "word" and kind(text[at]) == "word"


def _cased(word: str, like: str) -> str:
    if len(like) > 1 and like.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if like[:1].isupper() else word
