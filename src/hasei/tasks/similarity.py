"""Two texts, one number: how alike they are in meaning.

Source: Cer et al. 2017, "SemEval-2017 Task 1: Semantic Textual Similarity" (STS benchmark, Pearson's correlation).

Shapes: an input is a pair of texts; encoded targets (n,) float32 of mean 0 and variance 1; outputs (n, 1) on that scale.

Relations: :mod:`text_regression` with two texts, and numbers on one of the usual scales. The methods read both texts at
once (a cross-encoder: Humeau et al. 2020); the cheap truth ``cosine`` reads each alone (a bi-encoder).

>>> TASK.clean(["0.5", "５"])[0]
['0.5', '5.0']
"""

from __future__ import annotations

from collections.abc import Sequence

from hasei.ground.errors import DataError
from hasei.inputs.data.dataset import Column, Finding
from hasei.tasks import Toy
from hasei.tasks._hints import FIRST_HINTS, SECOND_HINTS
from hasei.tasks._numbers import NumberTask

SCALES: tuple[tuple[float, float], ...] = ((0.0, 1.0), (-1.0, 1.0), (0.0, 5.0), (0.0, 10.0), (0.0, 100.0))
"""Lowest and highest similarity, the usual scales, narrowest first."""
_INSIDE = 0.99
"""Share of rows that must lie on a scale for the others to be called slips."""
_ENOUGH = 20
"""Rows of which a single one off the scale is a slip, whatever its share."""

_TARGET_HINTS = (
    "score",
    "similarity",
    "label",
    "sim",
    "rating",
    "gold",
    "target",
    "y",
    "類似度",
    "スコア",
    "点数",
    "ラベル",
)

_TOY: tuple[tuple[str, str, str], ...] = (
    ("where is my parcel", "my parcel, where is it", "5"),
    ("the parcel is late", "the parcel has not arrived", "4"),
    ("my card was declined", "the card was refused", "4.5"),
    ("reset the password", "change my password", "4"),
    ("please refund the payment", "a refund, please", "4.5"),
    ("the page does not load", "the page is slow", "3"),
    ("where is my parcel", "where is my card", "1.5"),
    ("the parcel is late", "the refund is late", "1.5"),
    ("my card was declined", "my account was closed", "2"),
    ("reset the password", "reset the router", "1"),
    ("please refund the payment", "please reset my password", "0.5"),
    ("the page does not load", "the parcel is wet", "0"),
    ("荷物はどこですか", "荷物はどこにありますか", "5"),
    ("荷物はどこですか", "パスワードを忘れました", "0"),
    ("a short one", "a short one", "5"),
    ("a short one", "this one is somewhat longer than the other one", "0.5"),
    ("how do I pay", "how can I pay by card", "3.5"),
    ("how do I pay", "how do I log in", "1"),
    ("the login fails", "I can't log in", "4.5"),
    ("the login fails", "the parcel fails to arrive", "1"),
    ("cancel my order", "I want to cancel the order", "5"),
    ("cancel my order", "I want to place an order", "1.5"),
    ("is the shop open", "when is the shop open", "3"),
    ("is the shop open", "is the card valid", "0.5"),
)


def _share(text: str) -> bool:
    """Whether *text* is a percentage, in any width."""
    return text.strip().endswith(("%", "％"))


class Similarity(NumberTask):
    """The task: satisfies :class:`hasei.tasks.Task`."""

    name = "similarity"
    input_kind = "text"
    hub_name = "sentence-similarity"
    columns: tuple[Column, ...] = (
        Column("text1", "input", FIRST_HINTS), Column("text2", "input", SECOND_HINTS), Column("label", "target", _TARGET_HINTS),
    )  # fmt: skip

    def clean(self, targets: Sequence[str]) -> tuple[list[str], list[Finding]]:
        """Give each number one spelling; raises :class:`DataError` at one that is off the scale of the others."""
        cleaned, findings = super().clean(targets)
        shares = [text for text in targets if _share(text)]
        if 0 < len(shares) < len(targets):
            raise DataError(
                f"some similarities are percentages and some are not: '{shares[0].strip()[:20]}'", expected="one scale for all",
                do="write them all alike", cell=shares[0],
            )  # fmt: skip
        values = [float(text) for text in cleaned]
        within = next((scale for scale in SCALES if all(scale[0] <= value <= scale[1] for value in values)), None)
        for low, high in SCALES:
            if (low, high) == within or within == SCALES[1]:  # a few cosines below zero are no slips
                return cleaned, findings
            outside = sum(not low <= value <= high for value in values)
            if outside <= (1 - _INSIDE) * len(values) or (outside == 1 and len(values) >= _ENOUGH):
                wrong, cell = next((v, t) for v, t in zip(values, targets) if not low <= v <= high)
                raise DataError(
                    f"a similarity is out of its range: {wrong:g}", expected=f"{low:g} to {high:g} like all the others",
                    do="correct it, or leave the row out with --where", cell=cell,
                )  # fmt: skip
        scales = ", ".join(f"{low:g} to {high:g}" for low, high in SCALES)
        raise DataError(
            "the similarities are on no usual scale", expected=scales, received=f"{min(values):g} to {max(values):g}",
            do="put them on one of these, or use --task text_regression",
        )  # fmt: skip

    def toy(self) -> Toy:
        """Two dozen pairs, from nothing alike to the same."""
        return Toy([(one, other) for one, other, _ in _TOY], [score for _, _, score in _TOY])


TASK = Similarity()
