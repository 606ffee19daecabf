"""A tiny student answers when it is sure, the teacher otherwise: the teacher's quality at a fraction of its work.

The confidences of both are calibrated, each by one temperature, and the threshold is chosen, on rows held out from the rows to
learn from: both are derived without them first, then once more with all rows. The threshold is the smallest at which the
cascade loses surely no more than *max_loss* points against the teacher alone; where so few rows are held out that nothing is
sure, all rows go to the teacher. A teacher that was finished before has learnt from these rows; it looks better on them than it
is, so that the threshold is on the careful side.

Source: Viola & Jones 2001, "Rapid object detection using a boosted cascade of simple features"; for texts Chen et al. 2023,
"FrugalGPT"; the threshold: Angelopoulos et al. 2021, "Learn then test"; confidences: Guo et al. 2017.
Trains: what student and teacher train, each on its own.
Shapes: log probabilities (n, w) of the student, of the teacher for some rows -> (n, w).
Relations: ``ensemble`` asks all its members about every row; here most rows cost one small answer. What the student gets wrong
while it is sure stays wrong: a student that learns from the teacher (``distillation``) is wrong where the teacher is.

>>> hasei.study("tickets.csv", methods=[{"cascade": {"of": {"lora": {}}, "max_loss": 0.5}}])  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from hasei.engine.cascading import NEVER, by_loss, by_share, confidence, log_shares, temperature_of
from hasei.engine.derivation import Context, Derivation, Facts, Settings, Supports
from hasei.engine.splits import inner_split, part
from hasei.formats._cascaded import CascadePredictor
from hasei.ground.language import _
from hasei.inputs.data.dataset import Input
from hasei.methods._finished import Finished, check_before, effort_before, members, opened
from hasei.methods._members import Member, check_members, effort_of, members_of
from hasei.tasks import Floats

SUPPORTS = Supports(inputs=("text", "image"), targets=("category",))
LEAVES = "two models"
_NAME = "cascade"
_CHEAP: dict[str, Member] = {"text": "lexical_linear", "image": "pixel_linear"}


class Params(Settings):
    """Settings. *student* and *of* (the teacher) are each a method or a cheap truth, with settings where wished; None: the cheap
    truth for such rows, and the model that this starts from.

    *max_loss*: points of accuracy that may be lost. *share*: of the rows, to go to the teacher (None: by *max_loss*);
    *threshold*: the calibrated confidence up to which the teacher is asked (None: chosen), and the *temperatures* of student
    and teacher (None: found on the rows held out, *held* of all).
    """

    student: Member | None = None
    of: Member | None = None
    max_loss: float = Field(0.5, ge=0, le=100)
    share: float | None = Field(None, ge=0, le=1)
    threshold: float | None = Field(None, ge=0, le=1)
    temperatures: tuple[float, float] | None = None
    held: float = Field(0.2, gt=0, lt=1)

    @model_validator(mode="after")
    def _one_wish(self) -> Self:
        if self.share is not None and self.threshold is not None and self.temperatures is None:
            raise ValueError("a share of the rows and a threshold can't both be asked for: leave one of them out")
        return self

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # a study keys its trials by it, and settings inside settings have no hash


def proposals(facts: Facts) -> list[Params]:
    """None: which model is worth being asked less often shows when it has been tried alone."""
    return []


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("it makes a good model quicker: name the model to be asked where a small one is not sure")


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row: those of both parts, twice where something is chosen on rows held out."""
    once = effort_before(params.of, facts, _NAME) + effort_of(_student(params, "text"), facts)
    return once if _chosen(params) else (2 - params.held) * once


def check(params: Params, layers: int) -> None:
    """Raise NotSupported where a part can't be derived from a base of *layers* layers."""
    check_before(params.of, layers, _NAME)
    check_members(_student(params, "text"), layers)


def derive(context: Context, params: Params) -> Derivation:
    """Choose on rows held out where something is to be chosen, then derive both parts from all rows."""
    SUPPORTS.refuse(_NAME, context.task)
    given = opened(context, _NAME) if params.of is None else None
    found = params if _chosen(params) else _choose(context, params, given)
    small = _derived(context, _student(params, context.task.input_kind))
    large = given or _derived(context, members(params.of, _NAME))
    predictor = CascadePredictor(
        (small.format, small.predictor), (large.format, large.predictor),
        NEVER if found.threshold is None else found.threshold, found.temperatures or (1.0, 1.0), found.share or 0.0,
    )  # fmt: skip
    changes: dict[str, Any] = {"student": _frozen(_student(params, context.task.input_kind), small)}
    trained, size = [f"student.{n}" for n in small.trained], small.trainable_parameters
    if isinstance(large, Derivation):
        changes["of"] = _frozen(members(params.of, _NAME), large)
        trained, size = trained + [f"teacher.{n}" for n in large.trained], size + large.trainable_parameters
    quick = [one.from_store if isinstance(one, Derivation) else None for one in (small, large)]

    def from_store(inputs: Sequence[Input]) -> Floats:
        student, teacher = (one or part.outputs for one, part in zip(quick, (small.predictor, large.predictor)))
        return predictor.joined(inputs, student, teacher)

    return Derivation(
        predictor, "cascaded", found.model_copy(update=changes), trainable_parameters=size, trained=tuple(trained),
        from_store=from_store if any(quick) else None,
    )  # fmt: skip


def _chosen(params: Params) -> bool:
    return params.threshold is not None and params.temperatures is not None


def _choose(context: Context, params: Params, given: Finished | None) -> Params:
    """Return *params* with temperatures, threshold and share as they are best for rows that neither part has learnt from."""
    fit, held = inner_split(context.units, params.held, context.seed)
    rest, aside = part(context, np.sort(fit)), part(context, np.sort(held))
    one = _derived(rest, _student(params, context.task.input_kind)).predictor.outputs(aside.inputs, context.watch)
    teacher = given or _derived(rest, members(params.of, _NAME))
    other = teacher.predictor.outputs(aside.inputs, context.watch)
    classes = np.asarray(aside.targets)
    warm = params.temperatures or (temperature_of(one, classes), temperature_of(other, classes))
    shares = log_shares(one, warm[0])
    sure, threshold = confidence(shares), params.threshold
    if threshold is None and params.share is not None:
        threshold = by_share(sure, params.share)
    elif threshold is None:
        right = [_right(aside, scores) for scores in (shares, log_shares(other, warm[1]))]
        threshold = by_loss(sure, right[0], right[1], aside.units, params.max_loss / 100)
    share = float((sure <= threshold).mean())
    return params.model_copy(update={"temperatures": warm, "threshold": threshold, "share": round(share, 4)})


def _right(context: Context, outputs: Floats) -> Any:
    """Which rows of *context* are answered rightly by *outputs*."""
    said = context.task.answers(context.space, outputs).values
    return np.array([value == true for value, true in zip(said, context.truth)], np.bool_)


def _derived(context: Context, of: list[tuple[str, Any, Any]]) -> Derivation:
    ((name, plugin, settings),) = of
    plugin.SUPPORTS.refuse(name, context.task)
    found: Derivation = plugin.derive(context if plugin.SUPPORTS.bases else replace(context, trunks=()), settings)
    return found


def _frozen(of: list[tuple[str, Any, Any]], done: Derivation) -> Member:
    return {of[0][0]: done.frozen.model_dump(mode="json")}


def _student(params: Params, kind: str) -> list[tuple[str, Any, Any]]:
    """Return (name, plug-in, settings) of the student; one that learns from another model learns from this teacher."""
    member = params.student or _CHEAP[kind]
    ((name, plugin, settings),) = members_of([member], {_NAME: "a cascade can't be the student of another"})
    if params.of is not None and getattr(settings, "of", "none such") is None:
        settings = settings.model_copy(update={"of": params.of})
    return [(name, plugin, settings)]
