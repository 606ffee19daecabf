"""Questions and entries of a study: the base's features of both, read once, and batches for training.

Shapes: n questions, e entries, c entries a question in training (the right one first, then hard negatives), h hidden.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from hasei.engine.batching import Ints, by_length
from hasei.engine.derivation import Context
from hasei.engine.ragged import IGNORED, ragged
from hasei.engine.rankings import entries_of
from hasei.engine.retriever import joined, searched
from hasei.engine.source import TextSource, text_source
from hasei.engine.trunk import Trunk
from hasei.inputs.architecture import Stack
from hasei.inputs.data.corpus import Corpus, Part
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats

PARTS: tuple[Part, ...] = ("title", "whole", "both")


def parts_of(corpus: Corpus) -> tuple[Part, ...]:
    """Return the ways in which the entries of *corpus* can be searched that differ."""
    return PARTS if corpus.titled else ("whole",)


def opened(context: Context) -> Trunk:
    """Return the base with questions and entries as kept rows: the same ones for all contexts of a study."""
    corpus, trunk = entries_of(context), context.trunk
    kept = trunk.corpus_of(context.inputs)
    texts = [*kept.row_of, *(text for part in ("whole", "title") for text in searched(corpus, part)[0])]
    return trunk.aside(f"{kept.fingerprint} {corpus.content_hash}", texts)


def question_features(context: Context, inputs: Sequence[Input]) -> Floats:
    """Return the base's features of *inputs* (n, h), of length one, from kept activations."""
    trunk = context.trunk
    return _unit(trunk.pooled(inputs, trunk.layers, trunk.base.pooling, context.watch))


def entry_features(context: Context, part: Part, head: Floats | None = None) -> Floats:
    """Return the base's features of the entries (e, h), each text's under *head* (h, h) where given, of length one.

    They are read in full precision, once in a study: a model folder may keep them.
    """
    corpus = entries_of(context)
    _, owners = searched(corpus, part)
    features = _read(context, part)
    return joined(_unit(features if head is None else features @ head.T), owners, len(corpus))


def _read(context: Context, part: Part) -> Floats:
    """Return the base's features of the texts of :func:`searched` (t, h), each text read once whatever is searched."""
    corpus, trunk = entries_of(context), context.trunk
    titled = [i for i in range(len(corpus)) if len(corpus.searched(i, "both")) == 2]
    whole = None
    if part != "title" or len(titled) < len(corpus):
        wholes = [corpus.whole(i) for i in range(len(corpus))]
        whole = trunk.exact(f"{corpus.content_hash} whole", wholes, context.watch)
    if whole is not None and (part == "whole" or not titled):
        return whole
    titles = trunk.exact(f"{corpus.content_hash} title", [corpus.titles[i] for i in titled], context.watch)
    if whole is None:
        return titles
    place = {entry: k for k, entry in enumerate(titled)}
    found = []
    for i in range(len(corpus)):
        if i in place:
            found.append(titles[place[i]])
        if i not in place or part == "both":
            found.append(whole[i])
    return np.stack(found)


def _unit(features: Floats) -> Floats:
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)  # type: ignore[no-any-return]


def first_places(scores: Floats, right: Array) -> Ints:
    """Return the place (n,), from 1, of the best right entry in *scores* (n, e); *right* are positions, ragged (n,)."""
    best = np.array([row[own].max() for row, own in zip(scores, right)])
    ahead: Ints = (scores > best[:, None]).sum(1) + 1
    return ahead


def one_right_each(context: Context) -> Context:
    """Return *context* with a row for every right entry of a question, that one first."""
    rows = [(i, k) for i, right in enumerate(context.targets) for k in range(len(right))]
    return replace(
        context, inputs=[context.inputs[i] for i, _ in rows], truth=[context.truth[i] for i, _ in rows],
        units=[context.units[i] for i, _ in rows], targets=ragged([np.roll(context.targets[i], -k) for i, k in rows]),
    )  # fmt: skip


def false_negatives(context: Context) -> list[Ints]:
    """Return what is no wrong answer to each question (n,): its right entries and all that have the very same text."""
    corpus = entries_of(context)
    same: dict[str, list[int]] = defaultdict(list)
    for i, text in enumerate(corpus.texts):
        same[text or corpus.titles[i]].append(i)
    found = []
    for right in context.targets:
        found.append(np.unique([k for i in right for k in same[corpus.texts[i] or corpus.titles[i]]]))
    return found


def hard_negatives(
    context: Context, questions: Floats, entries: Floats, count: int, *, share: float = 0.95
) -> Ints:  # fmt: skip
    """Return the *count* best-ranked wrong entries of each question (n, count) that score below *share* of its right one.

    Wrong ones that score as high as the right one are often right too (Moreira et al. 2024, "NV-Retriever"); where too
    few lie below, the lowest of those above fill up.
    """
    count = max(0, min(count, len(entries) - max(len(r) for r in false_negatives(context))))
    found = np.zeros((len(questions), count), np.int64)
    for i, (question, no) in enumerate(zip(questions, false_negatives(context))):
        scores = entries @ question
        limit = share * scores[context.targets[i][0]]
        scores[no] = -np.inf
        order = np.argsort(-scores, kind="stable")[: len(entries) - len(no)]
        below = order[scores[order] <= limit]
        above = order[scores[order] > limit][::-1]
        found[i] = np.concatenate([below[:count], above[: max(0, count - len(below))]])
    return found


def own_entries(context: Context, negatives: Ints | None = None) -> Ints:
    """Return the entries of each question in training (n, c): its first right one, then *negatives* (n, c - 1)."""
    right = np.array([own[0] for own in context.targets], np.int64)[:, None]
    return right if negatives is None else np.concatenate([right, negatives], axis=1)


def in_batch_targets(context: Context, own: Ints) -> Ints:
    """Return what the loss reads (n, c + r): *own* (n, c), then all that is no wrong answer, filled up."""
    no = false_negatives(context)
    filled = np.full((len(no), max(map(len, no))), IGNORED, np.int64)
    for row, places in zip(filled, no):
        row[: len(places)] = places
    return np.concatenate([own, filled], axis=1)


@dataclass
class EntrySource:
    """Questions with entries of the texts of *texts*: *question* (n,), *entries* (n, c, s), s texts an entry.

    Its loss reads the rows of a step together.
    """

    texts: TextSource
    question: Ints
    entries: Ints
    together: ClassVar[bool] = True

    @property
    def lengths(self) -> Ints:
        """Tokens of all texts of each row (n,)."""
        lengths = self.texts.lengths
        total: Ints = lengths[self.question] + lengths[self.entries].sum((1, 2))
        return total

    @property
    def ids(self) -> Ints:
        """The token ids that occur, each once."""
        return self.texts.ids

    def outputs(self, model: nn.Module, rows: Ints) -> torch.Tensor:
        """Run *model* on the texts of *rows* (b,), each once; features (b, 1 + c, h): the question, then its entries."""
        needed = np.unique(np.concatenate([self.question[rows], self.entries[rows].ravel()]))
        features = self._features(model, needed)
        asked = features[torch.from_numpy(np.searchsorted(needed, self.question[rows]))]
        found = features[torch.from_numpy(np.searchsorted(needed, self.entries[rows]))].mean(2)
        return torch.cat([asked[:, None], nn.functional.normalize(found, dim=2)], dim=1)

    def _features(self, model: nn.Module, needed: Ints) -> torch.Tensor:
        batches = list(by_length(self.texts.lengths[needed]))
        found = torch.cat([self.texts.outputs(model, needed[batch]) for batch in batches])
        order = np.empty(len(needed), np.int64)
        order[np.concatenate(batches)] = np.arange(len(needed))
        return found[torch.from_numpy(order)]


@contextmanager
def entry_source(context: Context, own: Ints, part: Part, stack: Stack, lowest: int) -> Iterator[EntrySource]:
    """Yield the source of *context* with the entries *own* (n, c) for a model of *stack*, replayed from layer *lowest*."""
    corpus, trunk = entries_of(context), opened(context)
    of_entry = [corpus.searched(int(i), part) for i in np.unique(own)]
    wide = max(map(len, of_entry))
    texts = list(dict.fromkeys([*map(str, context.inputs), *(text for several in of_entry for text in several)]))
    place = {text: i for i, text in enumerate(texts)}
    # An entry of one text among others of two has that one twice: the mean is the same.
    table = {int(i): [place[(several * wide)[k]] for k in range(wide)] for i, several in zip(np.unique(own), of_entry)}
    states = trunk.states(texts, lowest, context.watch) if 0 < lowest < trunk.layers else None
    question = np.array([place[str(text)] for text in context.inputs], np.int64)
    entries = np.array([[table[int(i)] for i in row] for row in own], np.int64)
    with text_source(trunk, texts, stack, states, lowest) as source:
        yield EntrySource(source, question, entries)
