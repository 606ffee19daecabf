"""A question and a context in which the answer stands: manuals, contracts, messages; what is answered is a piece of it.

Source: Rajpurkar et al. 2016 and 2018, "SQuAD" (pieces of a context; no answer); Kurihara et al. 2022, "JGLUE" (JSQuAD); the
head is two conditional logits, for the start and for the end (McFadden 1974).

Shapes: an input is (question, context), a target the places of the right answers (:mod:`hasei.tasks._spans`), the first of
which is learnt; outputs of a row are its best answers with the log probability of their start and end, "" for none.

Relations: :mod:`multiple_choice` with the tokens of the context as choices, asked twice. The loss that trains is the one that
``solve`` minimises (:mod:`hasei.tasks._conditional`).

>>> TASK.truth(['[{"start":3,"text":"nine"}]', "[]"])
['nine', '[]']
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hasei.ground.errors import DataError
from hasei.inputs.data.dataset import Column, Finding, Table
from hasei.tasks import Answers, Array, Metric, Space, Toy
from hasei.tasks._answer_metrics import METRICS, NONE, value_of
from hasei.tasks._conditional import conditional, loss
from hasei.tasks._labels import nothing_to_tell_apart
from hasei.tasks._spans import ANSWER, CONTEXT, read, write
from hasei.tasks._spans import arrange as arrange_answers

if TYPE_CHECKING:
    import torch

_QUESTION_HINTS = ("question", "query", "prompt", "ask", "質問", "問題", "問い", "質問文", "問題文")
_TOY: tuple[tuple[str, str], ...] = (
    ("what is late", "my [parcel] is late"), ("what is late", "the [card] is late and I wait"),
    ("what is late", "I think that the [refund] is late"), ("what is late", "again the [payment] is late"),
    ("what is late", "my [password page] is late"), ("what is late", "hello the [login] is late today"),
    ("what is late", "you see my [parcel] is late"), ("what is late", "I do not know"),
    ("who waits", "the parcel is late and [my sister] waits"), ("who waits", "[the shop] waits for my card"),
    ("who waits", "so long [my brother] waits"), ("who waits", "at the door [Anna] waits for a parcel"),
    ("who waits", "the card is late and [Ben] waits"), ("who waits", "please help"),
    ("何がとどきませんか", "[荷物]がとどきません"), ("何がとどきませんか", "まだ[カード]がとどきません"),
    ("何がとどきませんか", "きのうの[手紙]がとどきません"), ("何がとどきませんか", "こまっています"),
    ("what is late", "our [invoice] is late"), ("who waits", "for two days [the team] waits"),
)  # fmt: skip


class QuestionAnswering:
    """The task: satisfies :class:`hasei.tasks.Task`."""

    name = "question_answering"
    input_kind = "text"
    hub_name = "question-answering"
    target_kind = "span"
    reading = "spans"
    columns: tuple[Column, ...] = (
        Column("question", "input", _QUESTION_HINTS), Column("context", "input", CONTEXT), Column("answer", "target", ANSWER),
    )  # fmt: skip
    metrics: dict[str, Metric] = METRICS
    default_metric = "f1"

    def arrange(self, table: Table) -> Table:
        """Say of each answer of *table* where it stands in its context: see :mod:`hasei.tasks._spans`."""
        return arrange_answers(table)

    def clean(self, targets: Sequence[str]) -> tuple[list[str], list[Finding]]:
        """Give each target one spelling; raises :class:`DataError` at one that does not say where its answer stands."""
        cleaned = []
        for target in targets:
            found = read(target)
            if found is None:
                raise DataError(
                    "an answer does not say where it stands in its context",
                    expected=f"columns called {', '.join(ANSWER[:3])} and {', '.join(CONTEXT[:3])}, or answers such as "
                    f"{write([(12, 'nine')])}",
                    received=f"'{target[:40]}'", do="call the columns so, and the starts are found",
                )  # fmt: skip
            cleaned.append(write(found))
        return cleaned, []

    def space(self, targets: Sequence[str]) -> Space:
        """Start and end; *extra* says which share has no answer. Raises :class:`DataError` where all targets are the same."""
        different = list(dict.fromkeys(targets))
        if len(different) < 2:
            raise nothing_to_tell_apart(self.truth(different), "different answers")
        nothing = sum(target == NONE for target in targets) / len(targets)
        return Space(2, (), (("no answer", nothing),))

    def knows(self, space: Space, targets: Sequence[str]) -> npt.NDArray[np.bool_]:
        """All: any text may be an answer."""
        return np.ones(len(targets), np.bool_)

    def encode(self, space: Space, targets: Sequence[str]) -> Array:
        """The first right answer of each row as (start, text) or None (n,), objects: the reading finds its tokens."""
        found = np.empty(len(targets), object)
        for i, target in enumerate(targets):
            answers = read(target) or ()
            found[i] = answers[0] if answers else None
        return found

    def truth(self, targets: Sequence[str]) -> list[Any]:
        """The texts of the right answers: one as it is, several as a JSON list."""
        found = []
        for target in targets:
            answers = read(target)
            found.append(target if answers is None else value_of([text for _, text in answers]))
        return found

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """Mean cross entropy of start and end over each row's tokens (n,), float32."""
        return loss(outputs, targets, smoothing)

    def solve(self, features: Array, targets: Array, space: Space, l2: float) -> tuple[Array, Array]:
        """Two conditional logits: features of tokens (m, f) and their marks (m, 3) -> weight (2, f), bias (2,)."""
        return conditional(features, targets, l2)

    def answers(self, space: Space, outputs: Array) -> Answers:
        """Return the most probable answer of each row, as it stands in the context, and its probability (n,).

        No answer, ``[]``, is only given where some train rows had none.
        """
        nothing = dict(space.extra).get("no answer", 0.0) > 0
        values, sure = [], np.zeros(len(outputs))
        for i, row in enumerate(outputs):
            allowed = [one for one in row if one[0] or nothing] or row
            text, score = max(allowed, key=lambda one: one[1])
            values.append(text or NONE)
            sure[i] = min(1.0, np.exp(score))
        return Answers(values, sure)

    def describe(self, space: Space) -> list[str]:
        """Nothing: answers belong to their contexts."""
        return []

    def toy(self) -> Toy:
        """Twenty questions about a message, some without an answer, some in Japanese."""
        inputs: list[Any] = []
        targets = []
        for question, marked in _TOY:
            start = marked.find("[")
            context = marked.replace("[", "").replace("]", "")
            inputs.append((question, context))
            targets.append(write([(start, marked[start + 1 : marked.index("]")])] if start >= 0 else []))
        return Toy(inputs, targets)


TASK = QuestionAnswering()
