"""Teach a small model what a large one says: softened answers of a teacher that is derived first, beside the labels.

Source: Hinton et al. 2015, "Distilling the knowledge in a neural network"; students of some layers: Sanh et al. 2019,
"DistilBERT"; Jiao et al. 2020, "TinyBERT"; a static student: Tang et al. 2019, "Distilling task-specific knowledge from BERT into
simple neural networks"; Tulkens & van Dongen 2024, "Model2Vec".
Trains: all parameters of the student (of a static one the rows of its table that occur).
Shapes: the teacher's outputs (n, w), computed once for each different row; the student's outputs (n, w).
Relations: the teacher is what ``of`` derives, or in a chain the model of the step before. A student of all the layers of its
teacher, at temperature 1 and without labels, is its teacher already.

>>> hasei.derive("tickets.csv", {"distillation": {"student": "static", "of": "full_fine_tuning"}})  # doctest: +SKIP
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Facts, Supports
from hasei.engine.rewriting import with_views
from hasei.engine.splits import inner_split, part
from hasei.engine.teaching import Lesson, lesson_of, size_of
from hasei.ground.errors import NotSupported
from hasei.ground.language import _
from hasei.methods._finished import Finished, check_before, effort_before, finished
from hasei.methods._members import Member, members_of
from hasei.methods._students import PASSES, ngrams, static
from hasei.methods._transformers import STANDING, check_student, taught
from hasei.methods._tuning import Tuned, epochs_for, own_loss, passes

NAME = "distillation"
SUPPORTS = Supports(targets=("category", "categories", "number"), gradients=True, starts_as_base=False)
WORDS = {"category": "lexical_linear", "categories": "lexical_labels", "number": "lexical_ridge"}
"""What a student without a transformer is compared with, by the kind of targets."""


class Params(Tuned):
    """Settings. The *student* is ``static``, ``ngrams``, ``layers`` (of the teacher), ``narrower`` (weights drawn anew), or the
    name of another base. The teacher is what *of* derives, or the base where that answers the task already.

    *layers*: which of the teacher's, counted from 0, or how many of them, evenly spread; half of them where it is None.
    *width*: numbers of a state of a narrower student, or of a token's row in a static one. *phrases*: how many frequent runs of
    two or three words have a row of their own there. *labels*: share of the loss that is of the labels, 0: the teacher's alone.
    *states_weight* and *attention_weight*: what the distance to the teacher's layers adds to the loss, 0: nothing. *compared*: a
    student without a transformer is tried on four fifths of the rows against words alone.
    """

    student: str = "layers"
    of: Member | None = None
    layers: int | tuple[int, ...] | None = None
    width: int | None = Field(None, ge=1, le=8192)
    phrases: int = Field(0, ge=0, le=1_000_000)
    temperature: float = Field(2.0, gt=0, le=100)
    labels: float = Field(0.5, ge=0, le=1)
    states_weight: float = Field(0.0, ge=0, le=1e4)
    attention_weight: float = Field(0.0, ge=0, le=1e4)
    compared: bool = True
    epochs: int = Field(5, ge=1, le=1000)

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # a study keys its trials by it, and settings inside settings have no hash


def proposals(facts: Facts) -> list[Params]:
    """None: a smaller model is a wish, and its teacher has to be found first."""
    return []


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("a smaller model is worth deriving once the best one is known: name what it is to learn from")


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row: those of the teacher, one to ask it, and the student's training."""
    share = 0.5 if params.student not in ("static", "ngrams") else 0.0
    return effort_before(params.of, facts, NAME) + 1.0 + (passes(params, facts, share) if share else 0.0)


def check(params: Params, layers: int) -> None:
    """Raise NotSupported where the teacher can't be derived from a base of *layers* layers, or lacks those of the student."""
    check_before(params.of, layers, NAME)
    check_student(params, layers)


def as_a_base(params: Params, context: Context) -> Params:
    """The same settings; raises NotSupported where the student is no base that another step can go on from."""
    if params.student in STANDING:
        raise NotSupported(
            f"no step can go on from a student of the kind '{params.student}'", expected="a step that leaves a whole base",
            do="put it last in the chain",
        )  # fmt: skip
    return params


def derive(context: Context, params: Params) -> Derivation:
    """Derive the teacher, ask it, train the student; raises NotSupported where one of them can't be for the task."""
    SUPPORTS.refuse(NAME, context.task)
    check(params, context.trunk.layers)
    if params.student in STANDING and any(not isinstance(row, str) for row in context.inputs):
        raise NotSupported(
            f"a student of the kind '{params.student}' reads one text a row", received="several", do="choose layers"
        )
    teacher = finished(context, params.of, NAME)
    rows = with_views(context, NAME, params.augment)
    lesson = lesson_of(context, teacher.predictor, rows, list(dict.fromkeys(context.unlabeled)))
    done = _standing(context, params, lesson) if params.student in STANDING else taught(rows, params, teacher, lesson)
    _tell_size(context, done, teacher)
    frozen = done.frozen.model_copy(update={"of": teacher.of, "compared": False})
    return replace(done, frozen=frozen)


def _standing(context: Context, params: Params, lesson: Lesson) -> Derivation:
    """A student without a transformer, compared with words alone where that is wanted."""
    frozen = params.model_copy(update={
        "epochs": epochs_for(params, len(lesson.inputs)), "min_steps": 0, "precision": "fp32",
        "augment": params.augment.stated(),
    })  # fmt: skip
    if params.compared and len(set(context.units)) > 1:
        _compare(context, frozen, lesson)
    if params.student == "ngrams":
        found = ngrams(context, lesson, frozen)
        return replace(found, frozen=frozen)
    own_loss(context, NAME, frozen, context.task.loss)
    predictor, curve = static(context, lesson, frozen)
    sizes = {name: p.numel() for name, p in predictor.model.named_parameters()}
    if frozen.patience:
        best = -(-(int(np.argmin([p["held_loss"] for p in curve])) + 1) // PASSES)
        frozen = frozen.model_copy(update={"epochs": best, "patience": None})
    return Derivation(predictor, "static_embedding", frozen, sum(sizes.values()), tuple(sizes), tuple(curve))


def _compare(context: Context, params: Params, lesson: Lesson) -> None:
    """Say how a student of four fifths of the rows answers the rest, against the cheap truth of words."""
    fit, held = inner_split(context.units, 0.2, context.seed)
    ((name, words, settings),) = members_of([WORDS[context.task.target_kind]], {})
    asked = [context.inputs[i] for i in held]
    away = set(np.asarray(context.units, object)[held])
    among = np.array([i for i, unit in enumerate(lesson.units) if unit not in away], np.int64)
    model: Any = ngrams(context, lesson, params, among).predictor if params.student == "ngrams" else None
    model = model or static(context, lesson, params, among)[0]
    own, other = (
        context.quality(one.outputs(asked), held)
        for one in (model, words.derive(part(context, fit), settings).predictor)
    )
    metric = context.task.default_metric
    said = {
        "student": params.student,
        "metric": metric,
        "own": f"{abs(own):.3f}",
        "name": name,
        "other": f"{abs(other):.3f}",
    }
    said |= {"rows": f"{len(held):,}"}
    if own <= other:
        sentence = _(
            "on {rows} rows held out of train the {student} student's {metric} is {own}, not above the {other} of {name}: "
            "it is worth no more than words alone", **said,
        )  # fmt: skip
    else:
        sentence = _(
            "on {rows} rows held out of train the {student} student's {metric} is {own}, that of {name} {other}", **said
        )
    context.watch.report("finding", sentence)


def _tell_size(context: Context, done: Derivation, teacher: Finished) -> None:
    own, other = size_of(done.predictor), size_of(teacher.predictor)
    if own > other:
        sentence = _(
            "the student is larger than its teacher: {own} numbers against {other}", own=f"{own:,}", other=f"{other:,}"
        )
        context.watch.report("finding", sentence)
