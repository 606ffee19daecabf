"""Two texts, one label: does the second follow from the first, do they ask the same, do they contradict each other.

Source: Bowman et al. 2015 (SNLI) for entailment; the head is multinomial logistic regression (Cox 1966).

Shapes: an input is a pair of texts, read together (a cross-encoder); everything else as in :mod:`text_classification`.

Relations: :mod:`similarity` for a number instead of a label.

>>> TASK.space(["neutral", "entailment"]).names
('entailment', 'neutral')
"""

from __future__ import annotations

from hasei.inputs.data.dataset import Column
from hasei.tasks import Toy
from hasei.tasks._hints import FIRST_HINTS, SECOND_HINTS
from hasei.tasks.text_classification import TextClassification

_LABEL_HINTS = (
    "label", "gold_label", "relation", "entailment", "class", "judgement", "is_duplicate", "duplicate", "paraphrase", "target",
    "y", "category", "ラベル", "関係", "判定", "正解",
)  # fmt: skip

_TOY: tuple[tuple[str, str, str], ...] = (
    ("the parcel arrived on Monday", "the parcel arrived", "entailment"),
    ("my card was declined", "the card did not work", "entailment"),
    ("the shop opens at nine", "the shop opens in the morning", "entailment"),
    ("all parcels are wet", "this parcel is wet", "entailment"),
    ("she paid by card", "she paid", "entailment"),
    ("荷物は月曜に届きました", "荷物は届きました", "entailment"),
    ("he forgot his password and his name", "he forgot his password", "entailment"),
    ("the page is slow and ugly", "the page is slow", "entailment"),
    ("the parcel arrived on Monday", "the parcel never arrived", "contradiction"),
    ("my card was declined", "my card was accepted", "contradiction"),
    ("the shop opens at nine", "the shop never opens", "contradiction"),
    ("all parcels are wet", "no parcel is wet", "contradiction"),
    ("she paid by card", "she never paid", "contradiction"),
    ("荷物は月曜に届きました", "荷物は届いていません", "contradiction"),
    ("he forgot his password", "he never forgot anything", "contradiction"),
    ("the page is slow", "the page is never slow", "contradiction"),
    ("the parcel arrived on Monday", "the parcel was heavy", "neutral"),
    ("my card was declined", "I was in the shop", "neutral"),
    ("the shop opens at nine", "the shop sells cards", "neutral"),
    ("all parcels are wet", "it rained on Monday", "neutral"),
    ("she paid by card", "the card was blue", "neutral"),
    ("荷物は月曜に届きました", "荷物は重かったです", "neutral"),
    ("he forgot his password", "his account was new", "neutral"),
    ("the page is slow", "the page has ten pictures", "neutral"),
)


class PairClassification(TextClassification):
    """The task: satisfies :class:`hasei.tasks.Task`."""

    name = "pair_classification"
    columns: tuple[Column, ...] = (
        Column("text1", "input", FIRST_HINTS), Column("text2", "input", SECOND_HINTS), Column("label", "target", _LABEL_HINTS),
    )  # fmt: skip

    def toy(self) -> Toy:
        """Two dozen pairs over three relations."""
        return Toy([(one, other) for one, other, _ in _TOY], [label for _, _, label in _TOY])


TASK = PairClassification()
