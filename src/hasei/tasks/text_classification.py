"""One text, one label out of several: tickets to departments, messages to intents, reviews to feelings.

Source: metrics as in scikit-learn; the head is multinomial logistic regression (Cox 1966), solved by L-BFGS.

Shapes: encoded targets (n,) int64, the position in ``Space.names`` (sorted); outputs (n, k) are unnormalised log
probabilities, whose softmax is the confidence.

Relations: the head that ``solve`` returns minimises the same cross entropy that ``loss`` trains by.

>>> space = TASK.space(["refund", "delivery", "refund"])
>>> space.names, TASK.encode(space, ["refund"]).tolist()
(('delivery', 'refund'), [1])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hasei.ground.language import _
from hasei.inputs.data.dataset import Column, Finding
from hasei.tasks import Answers, Array, Metric, Space, Toy
from hasei.tasks._class_metrics import METRICS
from hasei.tasks._hints import LABEL_HINTS, TEXT_HINTS
from hasei.tasks._labels import is_number, nothing_to_tell_apart, readable, unify, unknown_label
from hasei.tasks._scope import as_read
from hasei.tasks._softmax import logistic

if TYPE_CHECKING:
    import torch

_TOY: tuple[tuple[str, str], ...] = (
    ("where is my parcel", "delivery"),
    ("my parcel has not arrived yet", "delivery"),
    ("the parcel was left in the rain 📦", "delivery"),
    ("the courier took the parcel back", "delivery"),
    ("when will my parcel arrive?", "delivery"),
    ("track the parcel number 4471", "delivery"),
    ("parcel says delivered, nothing here…", "delivery"),
    ("荷物がまだ届きません parcel", "delivery"),
    ("please send the invoice again", "billing"),
    ("the invoice has the wrong amount", "billing"),
    ("I was charged twice on one invoice", "billing"),
    ("invoice for March is missing", "billing"),
    ("can I pay the invoice by card?", "billing"),
    ("a refund for invoice №12, please", "billing"),
    ("VAT is not shown on the invoice", "billing"),
    ("請求書の金額が違います invoice", "billing"),
    ("I forgot my password", "account"),
    ("reset the password for my account", "account"),
    ("the password link has expired", "account"),
    ("can't log in, password refused!!", "account"),
    ("how do I change my password", "account"),
    ("someone else knows my password 😱", "account"),
    ("password rules are confusing", "account"),
    ("パスワードを忘れました password", "account"),
)


class TextClassification:
    """The task: satisfies :class:`hasei.tasks.Task`."""

    name = "text_classification"
    input_kind = "text"
    hub_name = "text-classification"
    target_kind = "category"
    columns: tuple[Column, ...] = (Column("text", "input", TEXT_HINTS), Column("label", "target", LABEL_HINTS))
    metrics: dict[str, Metric] = METRICS
    default_metric = "accuracy"
    heeds_scope = True

    def clean(self, targets: Sequence[str]) -> tuple[list[str], list[Finding]]:
        """Give each class one spelling and say which were unified; cells that are lists are said to be of another task."""
        cleaned, findings = unify(targets)
        lists = sum(text.lstrip().startswith("[") and text.rstrip().endswith("]") for text in cleaned)
        if lists > len(cleaned) / 2:
            message = _("{n} labels are lists, such as {example}: each whole list counts as one class", n=lists,
                        example=next(text for text in cleaned if text.startswith("["))[:60])  # fmt: skip
            do = _("to learn each label by itself, give --task multi_label_classification")
            findings = [*findings, Finding("label_lists", "warning", message, do=do)]
        return cleaned, findings

    def space(self, targets: Sequence[str]) -> Space:
        """Classes are the sorted labels; raises :class:`DataError` when there are fewer than two."""
        names = tuple(sorted(set(targets)))
        if len(names) < 2:
            raise nothing_to_tell_apart(names, "at least two different labels")
        return Space(len(names), names)

    def knows(self, space: Space, targets: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which targets (n,) are classes of *space*, or its label of rows out of scope."""
        names = set(space.said)
        return np.fromiter((t in names for t in targets), np.bool_, len(targets))

    def encode(self, space: Space, targets: Sequence[str]) -> Array:
        """Turn labels into their positions in *space*, (n,) int64; raises :class:`DataError` on an unknown label."""
        position = {name: i for i, name in enumerate(space.names)}
        unknown = next((t for t in targets if t not in position), None)
        if unknown is not None:
            raise unknown_label(unknown, space.width)
        return np.fromiter((position[t] for t in targets), np.int64, len(targets))

    def truth(self, targets: Sequence[str]) -> list[Any]:
        """Labels are compared as they are."""
        return list(targets)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """Cross entropy per row (n,), float32, with label *smoothing* in [0, 1)."""
        from torch.nn.functional import cross_entropy

        return cross_entropy(outputs.float(), targets, reduction="none", label_smoothing=smoothing)

    def solve(self, features: Array, targets: Array, space: Space, l2: float) -> tuple[Array, Array]:
        """Multinomial logistic regression: features (n, f) -> weight (k, f), bias (k,); l2 on the mean loss."""
        return logistic(features, targets, space.width, l2)

    def answers(self, space: Space, outputs: Array) -> Answers:
        """Read outputs (n, k) back: the label of the largest, and its softmax probability as confidence (n,).

        Where *space* has a threshold for what is out of scope, a row above it is given that label.
        """
        scores = np.asarray(as_read(space, outputs), dtype=np.float64)
        if not len(scores):
            return Answers([], np.zeros(0))
        best = scores.argmax(1)
        with np.errstate(invalid="ignore"):
            powers = np.exp(scores - scores.max(1, keepdims=True))
        confidence = powers[np.arange(len(scores)), best] / powers.sum(1)
        return Answers([space.said[i] for i in best], confidence)

    def describe(self, space: Space) -> list[str]:
        """Label names in words; [] when labels are only numbers, which say nothing."""
        return [] if all(is_number(name) for name in space.names) else [readable(name) for name in space.names]

    def toy(self) -> Toy:
        """Twenty-four helpdesk messages over three departments, some with emoji or in Japanese."""
        return Toy([text for text, _ in _TOY], [label for _, label in _TOY])


TASK = TextClassification()
