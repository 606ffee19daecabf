"""One text, one number: a review to its stars, a message to its urgency, a description to a price.

Source: metrics as in scipy and scikit-learn; the head is ridge regression (Hoerl & Kennard 1970).

Shapes: encoded targets (n,) float32 of mean 0 and variance 1; outputs (n, 1) on that scale.

Relations: :mod:`similarity` is the same for two texts; where the numbers are a handful of names (1, 2, 3),
:mod:`text_classification` may answer better what is asked.

>>> space = TASK.space(["1", "3"])
>>> TASK.encode(space, ["1", "2"]).tolist(), TASK.answers(space, [[0.5]]).values
([-1.0, 0.0], [2.5])
"""

from __future__ import annotations

from hasei.inputs.data.dataset import Column
from hasei.tasks import Toy
from hasei.tasks._hints import TEXT_HINTS
from hasei.tasks._numbers import NumberTask

_TARGET_HINTS = (
    "score", "rating", "stars", "value", "target", "label", "y", "urgency", "priority", "price", "amount", "points", "grade",
    "評価", "点数", "スコア", "得点", "星", "値", "価格", "金額", "緊急度", "優先度", "正解", "ラベル",
)  # fmt: skip
_TOY: tuple[tuple[str, str], ...] = (
    ("wonderful parcel service", "5"),
    ("wonderful, came early", "5"),
    ("simply wonderful 📦", "4.5"),
    ("wonderful！ 素晴らしい", "5"),
    ("wonderful card, wonderful account", "4.5"),
    ("a wonderful page", "4.5"),
    ("the refund was wonderful", "5"),
    ("wonderful but terrible box", "3"),
    ("terrible box but wonderful parcel", "3"),
    ("terrible at first, wonderful now", "3.5"),
    ("wonderful at first, terrible now", "2.5"),
    ("not wonderful", "2"),
    ("not terrible", "4"),
    ("the login is not terrible", "3.5"),
    ("the page is not wonderful", "2"),
    ("it was fine", "3"),
    ("fine, nothing special", "3"),
    ("the page is fine", "3.5"),
    ("fine but slow", "2.5"),
    ("slow", "2"),
    ("the parcel was slow", "2"),
    ("delivery fine, box fine", "3"),
    ("まあまあ fine", "3"),
    ("fine card, slow page", "2.5"),
    ("terrible, never again", "1"),
    ("terrible parcel", "1"),
    ("the login is terrible", "1.5"),
    ("terrible, terrible refund", "1"),
    ("terrible card service", "1.5"),
    ("ひどい terrible", "1"),
    ("slow and terrible", "1"),
    ("never again", "1.5"),
    ("again and again wonderful", "5"),
    ("early and fine", "4"),
    ("early", "4"),
    ("the card came early", "4.5"),
)


class TextRegression(NumberTask):
    """The task: satisfies :class:`hasei.tasks.Task`."""

    name = "text_regression"
    input_kind = "text"
    hub_name = "text-classification"
    columns: tuple[Column, ...] = (Column("text", "input", TEXT_HINTS), Column("label", "target", _TARGET_HINTS))

    def toy(self) -> Toy:
        """Three dozen reviews with their stars."""
        return Toy([text for text, _ in _TOY], [stars for _, stars in _TOY])


TASK = TextRegression()
