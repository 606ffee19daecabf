"""A list of the entities that stand in the train rows: wherever one stands again, it is one again.

The longest entry that fits is taken, from left to right, compared piece by piece without case and width. An entry that is an
entity in less than half of its places in the train rows is left out, so that "May" as a verb is none.

Source: Mikheev, Moens & Grover 1999, "Named entity recognition without gazetteers", whose baseline this is.
Trains: the entries, each with a label and the share of its places in which it is one; no base model.
Shapes: outputs of a row (p, 2 + w) over its p pieces: start, end, logits of its tags.
Relations: what a model gains over it is what it has learnt beyond words that it has seen.

>>> from hasei.engine.derivation import Context
>>> from hasei.tasks import open_task
>>> task = open_task("token_classification")
>>> toy = task.toy()
>>> space = task.space(toy.targets)
>>> context = Context(task, space, toy.inputs, task.encode(space, toy.targets), task.truth(toy.targets), toy.inputs)
>>> task.answers(space, derive(context, Params()).predictor.outputs(["is TOM SMITH there?"])).values
['[{"start": 3, "end": 12, "label": "person"}]']
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import cast

import numpy as np
from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Settings, Supports
from hasei.formats._gazetteer import GazetteerPredictor, entries_at, words_of

SUPPORTS = Supports(inputs=("text",), targets=("spans",), bases=0, texts=(1,))


class Params(Settings):
    """The least share of its places in which an entry must be an entity."""

    least: float = Field(0.5, gt=0, le=1)


def derive(context: Context, params: Params) -> Derivation:
    """Collect the entities, then count how often each stands in the rows."""
    SUPPORTS.refuse("gazetteer", context.task)
    texts = [cast(str, text) for text in context.inputs]
    read = [words_of(text) for text in texts]
    found: dict[tuple[str, ...], Counter[int]] = defaultdict(Counter)
    for (words, at), target in zip(read, context.targets, strict=True):
        for start, end, label in target.tolist():
            entry = tuple(word for word, (low, high) in zip(words, at) if low < end and high > start)
            if entry:
                found[entry][label] += 1
    longest = max(map(len, found), default=0)
    stands: Counter[tuple[str, ...]] = Counter()
    for words, _ in read:
        context.watch.check()
        stands.update(entry for _, entry in entries_at(words, found, longest))
    kept: dict[tuple[str, ...], tuple[int, float]] = {}
    for entry, labels in sorted(found.items()):
        label, count = min(labels.items(), key=lambda item: (-item[1], item[0]))
        share = count / max(count, stands[entry])
        if share >= params.least:
            kept[entry] = (label, min(share, 1 - 0.5 / (count + 1)))
    numbers = np.array(list(kept.values()), np.float32).reshape(-1, 2)
    predictor = GazetteerPredictor(tuple(kept), numbers[:, 0].copy(), numbers[:, 1].copy(), context.space.width)
    return Derivation(predictor, "gazetteer", params, numbers.size, ("label", "share"))
