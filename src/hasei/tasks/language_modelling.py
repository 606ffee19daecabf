"""Running text of one kind, to be predicted token after token: continued pretraining, and how well a base knows such text.

A row is a document in a column ``text``; there is nothing to label. What is measured is how few bits a model needs for it.

Source: continued pretraining: Gururangan et al. 2020, "Don't stop pretraining"; bits per byte: Gao et al. 2020, "The Pile".

Shapes: outputs (n, 2): mean negative log likelihood of a document's tokens in nats, and how many tokens it has; an answer is
what the whole document costs, ``"123.4 nats"``. Encoded targets (n,) are the documents.

Relations: bits per byte and perplexity per byte compare models whatever their tokens are; perplexity per token would not.
They are known because a document is both what is read and what is to be said: in ``text_generation`` a predictor does not
see the truth.

>>> round(TASK.metrics["bits_per_byte"].value(["5.545177444479562 nats"], ["abcd"]), 6)
2.0
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hasei.ground.errors import DataError
from hasei.inputs.data.dataset import Column, Finding, Table
from hasei.tasks import Answers, Array, Floats, Metric, Space, Toy
from hasei.tasks._hints import TEXT_HINTS
from hasei.tasks.text_generation import TextGeneration

_NATS = re.compile(r"([0-9][0-9.e+-]*) nats")
_UNKNOWN = 8 * math.log(2)
_TARGET = "document"

_TOY = (
    "The parcel is on its way and will arrive tomorrow morning.", "The parcel was left with a neighbour and is safe.",
    "Your invoice was sent again today; please look at your mail.", "Your invoice has the right amount and was paid.",
    "Please reset your password with the link in the mail.", "Please reset your password again: the link has expired.",
    "The parcel will arrive tomorrow; please be at home.", "Your invoice will be sent again tomorrow morning.",
    "荷物は配送中です。明日の朝に届きます。", "荷物は隣の人に預けました。明日の朝に受け取れます。",
    "請求書は今日もう一度送りました。メールをご覧ください。", "パスワードはメールのリンクで再設定してください。",
    "The link in the mail has expired; please reset it again.",
    "The neighbour has the parcel, and it is safe.",
)  # fmt: skip


def _costs(predicted: Sequence[Any], true: Sequence[Any]) -> tuple[Floats, Floats]:
    """What each document costs in nats, and its bytes; a text given as answer is a bet on just this text."""
    size = np.array([max(1, len(text.encode("utf-8", "surrogatepass"))) for text in true], np.float64)
    nats = np.zeros(len(true))
    for i, (said, text) in enumerate(zip(predicted, true, strict=True)):
        found = _NATS.fullmatch(said)
        nats[i] = float(found[1]) if found else 0.0 if said == text else _UNKNOWN * size[i]
    return nats, size


def _bits(predicted: Sequence[Any], true: Sequence[Any]) -> float:
    nats, size = _costs(predicted, true)
    return float(nats.sum() / size.sum() / math.log(2)) if len(true) else 0.0


def _bits_weighted(predicted: Sequence[Any], true: Sequence[Any], weights: Floats) -> Floats:
    nats, size = _costs(predicted, true)
    bits: Floats = (weights @ nats) / np.maximum(weights @ size, 1.0) / math.log(2)
    return bits


def _cheap(predicted: Sequence[Any], true: Sequence[Any]) -> Floats:
    return -_costs(predicted, true)[0]


class LanguageModelling(TextGeneration):
    """The task: satisfies :class:`hasei.tasks.Task`; the loss is that of the same tokens in ``text_generation``."""

    name = "language_modelling"
    target_kind = "likelihood"
    reading = "running"
    columns: tuple[Column, ...] = (Column("text", "input", TEXT_HINTS), Column(_TARGET, "target", (_TARGET,)))
    metrics: dict[str, Metric] = {  # noqa: RUF012
        "bits_per_byte": Metric("bits_per_byte", -1, _bits, bounds=(0.0, 8.0), weighted=_bits_weighted, nearness=_cheap),
        "byte_perplexity": Metric(
            "byte_perplexity", -1, lambda predicted, true: 2.0 ** _bits(predicted, true), bounds=(1.0, 256.0),
            weighted=lambda predicted, true, weights: 2.0 ** _bits_weighted(predicted, true, weights),
            nearness=_cheap,
        ),
    }  # fmt: skip
    default_metric = "bits_per_byte"

    def arrange(self, table: Table) -> Table:
        """Return *table* with what is to be said beside what is read: the same document."""
        names = [name.strip().lower() for name in table.columns]
        column = next((hint for hint in TEXT_HINTS if hint in names), "" if len(names) > 1 else names[0])
        if not column or _TARGET in names:
            return table
        place = names.index(column)
        cells = [(*row, row[place]) for row in table.cells]
        return replace(table, columns=(*table.columns, _TARGET), cells=cells)

    def clean(self, targets: Sequence[str]) -> tuple[list[str], list[Finding]]:
        """Documents stay as they are."""
        return list(targets), []

    def space(self, targets: Sequence[str]) -> Space:
        """Any text; raises :class:`DataError` where all documents are the same."""
        if len(set(targets)) < 2:
            raise DataError(
                "there is nothing to learn: all documents are the same", expected="at least two different documents",
                received=targets[0][:40] if targets else "no rows", do="check which column was taken as the text",
            )  # fmt: skip
        return Space(2)

    def answers(self, space: Space, outputs: Array) -> Answers:
        """What each document costs, and the geometric mean of its tokens' probabilities as confidence (n,)."""
        found = np.asarray(outputs, np.float64).reshape(-1, 2)
        nats = [f"{max(0.0, float(mean * count)):.9g} nats" for mean, count in found]
        return Answers(nats, np.exp(-np.maximum(found[:, 0], 0.0)))

    def toy(self) -> Toy:
        """Fourteen short notes, some in Japanese."""
        return Toy(list(_TOY), list(_TOY))


TASK = LanguageModelling()
