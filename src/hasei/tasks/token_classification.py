r"""One text, any number of entities in it: names, diseases, slots of an order.

Rows are texts with character spans (``text``, ``entities``: a list of start, end, label), or tokens with tags (``tokens``,
``tags`` in IOB2, IOB1, BIOES or BILOU). Entities don't overlap; the answer is their list, as JSON.

Source: Tjong Kim Sang & De Meulder 2003 (CoNLL-2003); the head is multinomial logistic regression (Cox 1958) on the first
sub-token of each piece of the text, solved by L-BFGS; answers are the likeliest legal tags (Viterbi 1967).

Shapes: k labels; ``Space.names`` are the tags O, B-x, I-x, ...; encoded targets an object array (n,) of int64 (m, 3): start, end,
label; marked (p,), the tag of each place. Outputs of a row (p, 2 + 2k + 1): start, end, logits; (n, 2k + 1) without places hold
no entity. The confidence is that of all tags of the row, as if they were independent.

Relations: :mod:`multi_label_classification` says which labels a text has, this where.

>>> TASK.clean(['[{"begin": 0, "stop": 2, "type": "city"}]', '[[0, 2, "City"], [3, 5, "city"]]'])[0][0]
'[{"start": 0, "end": 2, "label": "city"}]'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hasei.ground.errors import DataError
from hasei.inputs.data.dataset import Column, Finding, Table
from hasei.tasks import Answers, Array, Metric, Space, Toy, _named, _span_rows
from hasei.tasks._hints import TEXT_HINTS
from hasei.tasks._labels import nothing_to_tell_apart, readable, unify
from hasei.tasks._softmax import logistic
from hasei.tasks._span_metrics import METRICS

if TYPE_CHECKING:
    import torch

WORDS = 16.0
"""The loss of a row is the sum over its places, divided by this: about a sentence, and the same however rows are packed."""

_TOY: tuple[str, ...] = (
    "send the parcel to [Berlin|city]",
    "from [Paris|city] to [Rome|city], please",
    "[Anna|person] has not paid",
    "is [Tom Smith|person] in [Berlin|city]?",
    "where is my parcel",
    "my card was declined",
    "[Tom|person] and [Anna|person] live in [Rome|city].",
    "the login page does not load",
    "a letter for [Anna Smith|person], [Paris|city]",
    "荷物は[東京|city]に着きましたか",
    "[東京|city]の[田中|person]さんです",
    "パスワードを忘れました",
    "call [Tom|person] (in [Rome|city])",
    "please refund the card payment to [Tom Smith|person]",
    "the train to [Rome|city] is late and so is the one to [Berlin|city], as they said to [Anna|person]",
    "a short one",
)


class TokenClassification:
    """The task: satisfies :class:`hasei.tasks.Task`."""

    name = "token_classification"
    input_kind = "text"
    hub_name = "token-classification"
    target_kind = "spans"
    reading = "words"
    columns: tuple[Column, ...] = (Column("text", "input", TEXT_HINTS), Column("entities", "target", _span_rows.SPANS))
    metrics: dict[str, Metric] = METRICS
    default_metric = "f1"

    def arrange(self, table: Table) -> Table:
        """Make ``text`` and ``entities`` of tokens with tags, or of spans in other spellings; DataError names the line."""
        return _span_rows.arrange(table)

    def clean(self, targets: Sequence[str]) -> tuple[list[str], list[Finding]]:
        """Write each cell as canonical JSON, one spelling for each label; raises :class:`DataError` where entities overlap."""
        cells = [_named.parted(text) for text in targets]
        for cell in cells:
            wrong = _named.check(cell)
            if wrong:
                raise DataError(
                    wrong, expected="entities that don't overlap", do="correct the row, or leave it out with --where"
                )
        cleaned, findings = unify([label for cell in cells for *_, label in cell])
        spelt = iter(cleaned)
        return [_named.joined([(start, end, next(spelt)) for start, end, _ in cell]) for cell in cells], findings

    def known(self, space: Space, targets: Sequence[str]) -> tuple[list[str], list[Finding]]:
        """Clean *targets* that come from elsewhere, with labels spelt as *space* spells them."""
        cells = [_named.parted(text) for text in targets]
        names = list(_labels(space))
        cleaned, findings = unify([*names, *(label for cell in cells for *_, label in cell)])
        own = dict(zip(cleaned, names))
        spelt = iter(own.get(label, label) for label in cleaned[len(names) :])
        return [_named.joined([(start, end, next(spelt)) for start, end, _ in cell]) for cell in cells], findings

    def space(self, targets: Sequence[str]) -> Space:
        """Learn the labels; raises :class:`DataError` where there is no entity, or all rows have the same."""
        labels = sorted({label for text in set(targets) for *_, label in _named.parted(text)})
        if not labels or len(set(targets)) < 2:
            raise nothing_to_tell_apart(targets, "rows with and without entities")
        names = _named.tag_names(labels)
        return Space(len(names), names)

    def knows(self, space: Space, targets: Sequence[str]) -> npt.NDArray[np.bool_]:
        """All of them (n,): an entity of a label that was never learnt is one that is missed, and counts as such."""
        return np.ones(len(targets), np.bool_)

    def encode(self, space: Space, targets: Sequence[str]) -> Array:
        """Turn entities into start, end, label: an object array (n,) of int64 (m, 3), labels out of *space* left out."""
        number = {label: i for i, label in enumerate(_labels(space))}
        found = np.empty(len(targets), object)
        for i, text in enumerate(targets):
            rows = [(start, end, number[label]) for start, end, label in _named.parted(text) if label in number]
            found[i] = np.array(rows, np.int64).reshape(-1, 3)
        return found

    def mark(self, space: Space, target: Array, at: Array) -> tuple[npt.NDArray[np.int64], int]:
        """Return the tag (p,) of each place *at* (p, 2) under an encoded *target*, and how many entities they can't show."""
        tags, exact = _named.marked(target, at)
        return tags, int((~exact).sum())

    def truth(self, targets: Sequence[str]) -> list[Any]:
        """Entities are compared as they are written."""
        return list(targets)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """Cross entropy per row (n,), float32, over :data:`WORDS`: outputs (n, p, w), tags (n, p), IGNORED ones left out."""
        from torch.nn.functional import cross_entropy

        flat = outputs.float().flatten(0, 1)
        losses = cross_entropy(flat, targets.long().flatten(), reduction="none", label_smoothing=smoothing)
        return losses.view(targets.shape).sum(1) / WORDS

    def solve(self, features: Array, targets: Array, space: Space, l2: float) -> tuple[Array, Array]:
        """Multinomial logistic regression: features of places (m, f), tags (m,) -> weight (w, f), bias (w,)."""
        return logistic(features, targets, space.width, l2)

    def answers(self, space: Space, outputs: Array) -> Answers:
        """Read outputs back: entities by the likeliest legal tags, and the probability of the row's tags (n,)."""
        if outputs.dtype != object:
            return Answers([_named.joined([])] * len(outputs), np.full(len(outputs), np.nan))
        labels, values, sure = _labels(space), [], np.ones(len(outputs))
        for i, row in enumerate(outputs):
            if not len(row):
                values.append(_named.joined([]))
                continue
            at, logits = row[:, :2].astype(np.int64), row[:, 2:].astype(np.float64)
            tags = _named.best_tags(logits)
            top = logits.max(1, keepdims=True)
            log_p = logits - top - np.log(np.exp(logits - top).sum(1, keepdims=True))
            sure[i] = np.exp(log_p[np.arange(len(tags)), tags].sum())
            values.append(_named.joined(_named.spans_of(tags, at, labels)))
        return Answers(values, sure)

    def describe(self, space: Space) -> list[str]:
        """Labels in words, none for O."""
        return ["", *(readable(name[2:]) for name in space.names[1:])]

    def toy(self) -> Toy:
        """Sixteen messages with cities and persons in them, or none."""
        rows = [_read(text) for text in _TOY]
        return Toy([text for text, _ in rows], [_named.joined(spans) for _, spans in rows])


def _labels(space: Space) -> tuple[str, ...]:
    return tuple(name[2:] for name in space.names[1::2])


def _read(marked: str) -> tuple[str, list[tuple[int, int, str]]]:
    """Read ``to [Rome|city]``."""
    text, spans = "", []
    for part in marked.replace("]", "[").split("["):
        word, _, label = part.partition("|")
        if label:
            spans.append((len(text), len(text) + len(word), label))
        text += word
    return text, spans


TASK = TokenClassification()
