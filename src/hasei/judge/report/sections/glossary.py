"""The words of this page, for whoever meets them for the first time."""

from __future__ import annotations

from typing import Any

from hasei.ground.language import _
from hasei.judge.report.view import View

PLACE = 190


def title() -> str:
    """Return the heading."""
    return _("The words")


def content(view: View) -> dict[str, Any] | None:
    """Return the words with what they mean; those of sections that are not shown are left out."""
    return {"words": [*_always(), *_sometimes(view), *_verdicts()]}


def _always() -> list[tuple[str, str]]:
    return [
        (_("Base model, derived model"), _(
            "A base model has read a great many texts and knows a language in general, like someone who has finished"
            " school. A derived model is that base after it has learnt your task from your rows."
        )),
        (_("Row, label"), _("A row is one example, such as a message; its label is the right answer to it.")),
        (_("Candidate"), _("One way of answering that was tried: a small model, a rule, or a derived model.")),
        (_("Train, select, confirm"), _(
            "Your rows are divided once. Candidates learn from the train rows and are compared on the select rows. The best"
            " of many always looks better than it is on the rows that chose it, as with exam questions that were practised;"
            " so the verdict rests on the confirm rows, which took part in no choice."
        )),
        (_("Interval"), _(
            "A score on a few hundred rows is partly luck. The interval is where the true value lies, as far as these rows"
            " can tell: a method of this kind is right in the stated share of cases."
        )),
        (_("Cheap truth, reference"), _(
            "Ways that cost almost nothing: always the commonest answer, counting words, the base model as it is. The best"
            " of them is the reference. A derived model is worth having only if it beats that one, too."
        )),
        (_("Gain, points"), _(
            "How much better the chosen candidate is than the reference on the same confirm rows. From 90 % to 93 % are 3"
            " points."
        )),
        (_("Base kept"), _(
            "A training for one task can cost a base skill in others. This is how much of its picture of general texts, or of"
            " its skill at writing them, a candidate has left; 100 % where the base stayed as it was."
        )),
        (_("Accuracy, macro F1"), _(
            "Accuracy is the share of answers that are right. Macro F1 looks at each label by itself and takes the mean, so"
            " that rare labels count as much as common ones."
        )),
        (_("Look, level"), _(
            "Each time the confirm rows are used, there is a small chance of being fooled by luck. So looks are counted, and"
            " each further one is judged more strictly."
        )),
    ]  # fmt: skip


def _sometimes(view: View) -> list[tuple[str, str]]:
    found = [(_("Pareto front"), _(
        "The candidates that no other beats in quality and in cost at once. Anything off the front can be swapped for"
        " something better that is no dearer."
    ))]  # fmt: skip
    if view.get("learning_curve"):
        found.append((_("Learning curve, forecast"), _(
            "How good a candidate gets with more rows to learn from. The forecast continues the curve; its band says how far"
            " it may be off."
        )))  # fmt: skip
    if view.get("automation"):
        found.append((_("Confidence, calibration"), _(
            "How sure a model says it is. Calibrated means that of the answers given with 90 % confidence, 90 % are right; then"
            " a threshold can decide what goes to a person."
        )))  # fmt: skip
    if view.get("out_of_scope"):
        found.append((_("AUROC"), _(
            "How often a text out of scope gets a higher score than one in scope: 1 is always, 0.5 is chance."
        )))  # fmt: skip
    if view.get("slices"):
        found.append((_("Group of rows"), _(
            "Rows that share something, such as one branch or one language. A model can be better on the whole and worse for"
            " some of them."
        )))  # fmt: skip
    if view.get("diagnosis") or any(c.get("curve") for c in view.report["candidates"]):
        found.append((_("Over-fitting, under-fitting, convergence"), _(
            "Over-fitting: the rows are learnt by heart and new ones go wrong. Under-fitting: not even the rows themselves are"
            " learnt. Converged: more training would change nothing."
        )))  # fmt: skip
    if view.report["data"]["findings"]:
        found.append((_("Leak"), _(
            "Something in the rows that gives the answer away, such as the same text in train and confirm rows. Scores then"
            " look better than they are."
        )))  # fmt: skip
    return found


def _verdicts() -> list[tuple[str, str]]:
    return [
        (_("Adopt"), _("The gain is real and worth having, and the goal, where one was given, is surely met.")),
        (_("Do not adopt"), _("The derived model is not worth it; the reason says what to use in its place.")),
        (_("Not enough data"), _("It may be worth it, but these rows can't show it; the reason says how many would.")),
        (_("Rethink"), _("More of the same would not help; the reason says what to change first.")),
    ]
