"""One text, any number of labels: a message with several intents, an article with several topics.

A cell holds its labels as a JSON list (``["pin", "arrival"]``) or divided by ``;`` or ``|``; ``[]`` stands for none.

Source: binary relevance with a threshold of one half (Tsoumakas & Katakis 2007); metrics as in scikit-learn; the head is one
logistic regression a label (Cox 1958), solved by L-BFGS.

Shapes: encoded targets (n, k) float32 of zeros and ones, in the order of ``Space.names`` (sorted); outputs (n, k) are log
odds. The confidence is that of the whole set, as if labels were independent.

Relations: :mod:`text_classification` where each text has exactly one label.

>>> TASK.clean(['["pin", "arrival"]', "new;pin"])[0]
['arrival; pin', 'new; pin']
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hasei.ground.errors import DataError
from hasei.inputs.data.dataset import Column, Finding
from hasei.tasks import Answers, Array, Metric, Space, Toy
from hasei.tasks._hints import LABEL_HINTS, TEXT_HINTS
from hasei.tasks._labels import nothing_to_tell_apart, readable, unify, unknown_label
from hasei.tasks._set_metrics import METRICS, NONE, joined, parted
from hasei.tasks._softmax import logistic_each

if TYPE_CHECKING:
    import torch

_TOY: tuple[tuple[str, str], ...] = (
    ("where is my parcel", "delivery"),
    ("the parcel has not arrived, please refund it", "delivery; refund"),
    ("a refund for the invoice", "billing; refund"),
    ("the invoice is wrong", "billing"),
    ("parcel and invoice are both missing", "billing; delivery"),
    ("refund the parcel and send the invoice", "billing; delivery; refund"),
    ("the parcel is wet", "delivery"),
    ("charge the invoice to my card", "billing"),
    ("where is my refund", "refund"),
    ("refund please", "refund"),
    ("hello there", "[]"),
    ("good morning", "[]"),
    ("荷物が届かないので返金してください parcel refund", "delivery; refund"),
    ("請求書を送ってください invoice", "billing"),
    ("parcel number 4471", "delivery"),
    ("invoice number 12 and its refund", "billing; refund"),
    ("the courier lost the parcel", "delivery"),
    ("an invoice for the parcel", "billing; delivery"),
    ("thank you", "[]"),
    ("refund for invoice 7", "billing; refund"),
)


class MultiLabelClassification:
    """The task: satisfies :class:`hasei.tasks.Task`."""

    name = "multi_label_classification"
    input_kind = "text"
    hub_name = "text-classification"
    target_kind = "categories"
    columns: tuple[Column, ...] = (Column("text", "input", TEXT_HINTS), Column("label", "target", LABEL_HINTS))
    metrics: dict[str, Metric] = METRICS
    default_metric = "micro_f1"

    def clean(self, targets: Sequence[str]) -> tuple[list[str], list[Finding]]:
        """Part each cell into its labels, give each label one spelling, and join them sorted."""
        cells = [_labels_of(text) for text in targets]
        cleaned, findings = unify([label for cell in cells for label in cell])
        spelt = iter(cleaned)
        return [joined({next(spelt) for _ in cell}) for cell in cells], findings

    def space(self, targets: Sequence[str]) -> Space:
        """Learn the labels; raises :class:`DataError` where all rows have the same ones."""
        if len(set(targets)) < 2:
            raise nothing_to_tell_apart(targets, "rows with different labels")
        names = tuple(sorted({label for text in set(targets) for label in parted(text)}))
        return Space(len(names), names)

    def knows(self, space: Space, targets: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which targets (n,) have only labels of *space*."""
        names = set(space.names)
        return np.fromiter((parted(t) <= names for t in targets), np.bool_, len(targets))

    def encode(self, space: Space, targets: Sequence[str]) -> Array:
        """Turn label sets into zeros and ones (n, k) float32; raises :class:`DataError` on an unknown label."""
        place = {name: i for i, name in enumerate(space.names)}
        found = np.zeros((len(targets), space.width), np.float32)
        for i, text in enumerate(targets):
            for label in parted(text):
                if label not in place:
                    raise unknown_label(label, space.width)
                found[i, place[label]] = 1.0
        return found

    def truth(self, targets: Sequence[str]) -> list[Any]:
        """Label sets are compared as they are joined."""
        return list(targets)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor, *, smoothing: float = 0.0) -> torch.Tensor:
        """Binary cross entropy per row (n,), summed over labels, float32, with label *smoothing* in [0, 1)."""
        from torch.nn.functional import binary_cross_entropy_with_logits

        smooth = targets.float() * (1 - smoothing) + smoothing / outputs.shape[1]
        return binary_cross_entropy_with_logits(outputs.float(), smooth, reduction="none").sum(1)

    def solve(self, features: Array, targets: Array, space: Space, l2: float) -> tuple[Array, Array]:
        """One logistic regression a label: features (n, f) -> weight (k, f), bias (k,); l2 on the mean loss."""
        return logistic_each(features, targets, l2)

    def answers(self, space: Space, outputs: Array) -> Answers:
        """Read outputs (n, k) back: the labels with odds above one, and the probability of just that set (n,)."""
        scores = np.asarray(outputs, np.float64)
        values = [joined({space.names[i] for i in np.flatnonzero(row > 0)}) for row in scores]
        return Answers(values, np.exp(-np.logaddexp(0.0, -np.abs(scores)).sum(1)) if len(scores) else np.zeros(0))

    def describe(self, space: Space) -> list[str]:
        """Label names in words."""
        return [readable(name) for name in space.names]

    def toy(self) -> Toy:
        """Twenty messages with none to three of three labels."""
        return Toy([text for text, _ in _TOY], [labels for _, labels in _TOY])


def _labels_of(text: str) -> list[str]:
    """Return the labels in a cell; raises :class:`DataError` where it looks like a list and is none of texts."""
    bare = text.strip()
    if bare == NONE:
        return []
    if bare.startswith(("[", "{")):
        try:
            value = json.loads(bare)
        except ValueError:
            value = None
        if not isinstance(value, list) or not all(isinstance(label, (str, int, float)) for label in value):
            raise DataError(
                f"a cell of labels can't be read: '{bare[:60]}'", expected='a list such as ["pin", "arrival"], or pin; arrival',
                do="correct it, or leave the row out with --where",
            )  # fmt: skip
        labels = [str(label) for label in value]
        if any(";" in label for label in labels):
            raise DataError(
                f"a label holds a semicolon: '{next(label for label in labels if ';' in label)[:60]}'",
                expected="labels without ;, which divides them in answers", do="rename it",
            )  # fmt: skip
        return [label for label in labels if label.strip()]
    return [label for part in bare.split(";") for label in part.split("|") if label.strip()]


TASK = MultiLabelClassification()
