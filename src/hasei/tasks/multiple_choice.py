"""A question and its choices, one of which is right: exams, common sense, which of these replies fits.

Source: Talmor et al. 2019, "CommonsenseQA"; Kurihara et al. 2022, "JGLUE" (JCommonsenseQA); the head is a conditional logit
(McFadden 1974).

Shapes: an input is (question, its k choices as a JSON list), a target the text of the right choice; each question is read
with each of its choices, outputs of a row are its k choices with their scores, whose softmax is the confidence. k may
differ from row to row.

Relations: :mod:`pair_classification` judges one pair by itself; here the pairs of a row compete. The loss that trains is the
one that ``solve`` minimises (:mod:`hasei.tasks._conditional`).

>>> TASK.answers(TASK.space(["red", "blue"]), outputs_of([[("red", 2.0), ("blue", 0.0)]])).values
['red']
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hasei.ground.errors import DataError
from hasei.ground.files import canonical_json
from hasei.inputs.data.dataset import Column, Finding, Table
from hasei.tasks import Answers, Array, Metric, Space, Toy
from hasei.tasks._choices import LISTS, RIGHT
from hasei.tasks._choices import arrange as arrange_choices
from hasei.tasks._class_metrics import accuracy, same
from hasei.tasks._conditional import conditional, loss
from hasei.tasks._labels import nothing_to_tell_apart

if TYPE_CHECKING:
    import torch

_QUESTION_HINTS = (
    "question", "query", "prompt", "stem", "text", "sentence", "problem", "context", "問題", "質問", "問題文", "質問文", "設問",
    "問",
)  # fmt: skip
_TOY: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("where is my parcel", "ask about a parcel", ("close an account", "reset a password")),
    ("the parcel has not arrived", "ask about a parcel", ("refund a card payment", "close an account")),
    ("my parcel is late", "ask about a parcel", ("reset a password", "refund a card payment", "load the page")),
    ("track the parcel", "ask about a parcel", ("load the page", "close an account")),
    ("荷物はどこですか", "荷物をさがす", ("パスワードをかえる", "カードをとめる")),
    ("荷物はまだですか", "荷物をさがす", ("カードをとめる", "パスワードをかえる")),
    ("I forgot my password", "reset a password", ("ask about a parcel", "refund a card payment")),
    ("the password is refused", "reset a password", ("load the page", "ask about a parcel", "close an account")),
    ("how do I change my password", "reset a password", ("close an account", "load the page")),
    ("パスワードを忘れました", "パスワードをかえる", ("荷物をさがす", "カードをとめる")),
    ("the password does not work", "reset a password", ("refund a card payment", "ask about a parcel")),
    ("my card was charged twice", "refund a card payment", ("reset a password", "load the page")),
    ("please refund the card", "refund a card payment", ("ask about a parcel", "reset a password")),
    ("the card payment was wrong", "refund a card payment", ("close an account", "load the page", "reset a password")),
    ("カードをなくしました", "カードをとめる", ("荷物をさがす", "パスワードをかえる")),
    ("the page does not load", "load the page", ("ask about a parcel", "close an account")),
    ("this page is empty", "load the page", ("refund a card payment", "reset a password")),
    ("I want to leave, delete my account", "close an account", ("load the page", "ask about a parcel")),
    ("delete the account please", "close an account", ("reset a password", "refund a card payment")),
    ("remove my account and all data in it", "close an account", ("ask about a parcel", "load the page")),
)
_METRICS = {"accuracy": Metric("accuracy", 1, accuracy, same)}


def outputs_of(rows: Sequence[Sequence[tuple[str, float]]]) -> Array:
    """Return *rows* of choices with their scores as outputs."""
    found = np.empty(len(rows), object)
    for i, row in enumerate(rows):
        found[i] = [[choice, float(score)] for choice, score in row]
    return found


class MultipleChoice:
    """The task: satisfies :class:`hasei.tasks.Task`."""

    name = "multiple_choice"
    input_kind = "text"
    hub_name = "multiple-choice"
    target_kind = "choice"
    reading = "choices"
    columns: tuple[Column, ...] = (
        Column("question", "input", _QUESTION_HINTS), Column("choices", "input", LISTS), Column("label", "target", RIGHT),
    )  # fmt: skip
    metrics: dict[str, Metric] = _METRICS
    default_metric = "accuracy"

    def arrange(self, table: Table) -> Table:
        """Give *table* its choices as JSON lists and its right choices as texts: see :mod:`hasei.tasks._choices`."""
        return arrange_choices(table, "choices")

    def clean(self, targets: Sequence[str]) -> tuple[list[str], list[Finding]]:
        """Strip the texts of the right choices; raises :class:`DataError` at a blank one."""
        cleaned = [target.strip() for target in targets]
        if "" in cleaned:
            raise DataError("a right choice is blank", expected="one of the row's choices", do="fill it in")
        return cleaned, []

    def space(self, targets: Sequence[str]) -> Space:
        """One score a choice; raises :class:`DataError` where the right choices are all the same text."""
        different = list(dict.fromkeys(targets))
        if len(different) < 2:
            raise nothing_to_tell_apart(different, "different right choices")
        return Space(1)

    def knows(self, space: Space, targets: Sequence[str]) -> npt.NDArray[np.bool_]:
        """All: any text may be a choice."""
        return np.ones(len(targets), np.bool_)

    def encode(self, space: Space, targets: Sequence[str]) -> Array:
        """Texts as they are (n,), objects: the reading finds each among its row's choices."""
        return np.array(list(targets), object)

    def truth(self, targets: Sequence[str]) -> list[Any]:
        """Texts of choices are compared as they are."""
        return list(targets)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """Cross entropy of each row's choices (n,), float32."""
        return loss(outputs, targets, smoothing)

    def solve(self, features: Array, targets: Array, space: Space, l2: float) -> tuple[Array, Array]:
        """Conditional logit: features of pairs (m, f) and their marks (m, 2) -> weight (1, f), bias (1,)."""
        return conditional(features, targets, l2)

    def answers(self, space: Space, outputs: Array) -> Answers:
        """Return the choice with the highest score of each row, and its softmax probability (n,)."""
        values, sure = [], np.zeros(len(outputs))
        for i, row in enumerate(outputs):
            scores = np.array([score for _, score in row], np.float64)
            best = int(scores.argmax())
            values.append(str(row[best][0]))
            sure[i] = 1.0 / np.exp(scores - scores[best]).sum()
        return Answers(values, sure)

    def describe(self, space: Space) -> list[str]:
        """Nothing: choices belong to their rows."""
        return []

    def toy(self) -> Toy:
        """Twenty questions with three or four choices, the right one in any place."""
        inputs: list[Any] = []
        for i, (question, right, others) in enumerate(_TOY):
            place = i % (len(others) + 1)
            inputs.append((question, canonical_json([*others[:place], right, *others[place:]])))
        return Toy(inputs, [right for _, right, _ in _TOY])


TASK = MultipleChoice()
