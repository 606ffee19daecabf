"""The body of a distillation whose student is a transformer: of some of its teacher's layers, narrower, or another base.

Relations: it is trained as everything by gradients is (:mod:`hasei.methods._tuning`); what it learns from is a
:class:`hasei.engine.teaching.Lesson`.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import nn

from hasei.engine.derivation import Context, Derivation
from hasei.engine.matching import Matched, plain_attention, spread
from hasei.engine.pooled import PooledModel, linear
from hasei.engine.prediction import PooledPredictor
from hasei.engine.readings import reading_of
from hasei.engine.shortened import narrower, of_layers, standing_on
from hasei.engine.teaching import Lesson, fingerprint, head_on, lesson_loss
from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported
from hasei.ground.language import _
from hasei.inputs.architecture import find_stack
from hasei.inputs.base import Base
from hasei.methods._finished import Finished
from hasei.methods._tuning import HEAD_L2, Part, freeze, train_part

STANDING = ("static", "ngrams")
"""Students without a transformer."""
FROM_TEACHER = ("layers", "narrower")
START = 1.0
"""Strength of the head that a student of some layers begins with: one that fits perfectly leaves its layers nothing to learn."""


@dataclass(frozen=True)
class Student:
    """A *model* to train, on its own *trunk*; *chosen*: which of the teacher's layers its own are compared with."""

    trunk: Trunk
    model: PooledModel
    chosen: tuple[int, ...]
    base: Base | None = None


def check_student(params: Any, layers: int) -> None:
    """Raise NotSupported where a teacher of *layers* layers lacks those of the student, or settings don't belong to it."""
    wanted = (params.layers,) if isinstance(params.layers, int) else params.layers
    if params.student == "layers" and wanted is not None:
        count, most = isinstance(params.layers, int), layers if isinstance(params.layers, int) else layers - 1
        least = 1 if count else 0
        bad = [i for i in wanted if not least <= i <= most]
        if bad or not wanted or len(set(wanted)) < len(wanted) or list(wanted) != sorted(wanted):
            raise NotSupported(
                "the student's layers are none of its teacher's", received=str(params.layers),
                expected=f"a count of 1 to {layers}, or different layers from 0 to {layers - 1} in their order",
                do="set layers to some that the teacher has",
            )  # fmt: skip
    if params.student == "narrower" and (params.width is None or isinstance(params.layers, tuple)):
        raise NotSupported(
            "a narrower student needs its width, and of its layers only how many", expected="width, and layers as a number",
            received=f"width {params.width}, layers {params.layers}", do="set width",
        )  # fmt: skip
    if params.student in STANDING and (params.states_weight or params.attention_weight):
        raise NotSupported(
            f"a student of the kind '{params.student}' has no layers to match", do="leave out what is to be matched"
        )


def taught(rows: Context, params: Any, teacher: Finished, lesson: Lesson) -> Derivation:
    """Train a transformer on *lesson*, whose first inputs are those of *rows* (with views)."""
    student = _student(rows, params, teacher, lesson)
    more = len(lesson.inputs) - len(rows.inputs)
    student.trunk.prepare(lesson.inputs)
    own = replace(
        rows, inputs=lesson.inputs, targets=lesson.targets, truth=[*rows.truth, *[None] * more], units=lesson.units,
        trunks=(student.trunk,), stages=(), also=(),
    )  # fmt: skip
    names = frozenset(name for name, _ in student.model.trunk.named_parameters())
    whole = Part(student.model.trunk, student.trunk.stack, names, -1)
    reading = reading_of(rows.task)
    loss = lesson_loss(rows.task, rows.space.width, lesson.known, params.temperature, params.labels)
    first = len(rows.inputs) if not params.augment.of_texts else len(rows.inputs) // (1 + params.augment.views)
    places = np.arange(len(lesson.inputs))
    views = (places >= first) & (places < len(rows.inputs))
    with _matched(rows, student, params, teacher) as model, reading.source(own, whole.stack, -1) as source:
        frozen, curve = train_part(
            own, "distillation", model, whole, freeze(own, params), source, lesson.targets, loss, views
        )
    predictor = PooledPredictor(student.model, student.trunk.tokenizer, student.trunk.base.max_tokens)
    predictor.base = student.base
    return Derivation(
        predictor, "sentence_transformers", frozen, whole.size(student.model), whole.trained(student.model), tuple(curve),
        opened=() if student.base is None else (student.base,),
    )  # fmt: skip


def _student(rows: Context, params: Any, teacher: Finished, lesson: Lesson) -> Student:
    if params.student not in FROM_TEACHER:
        return _another(rows, params.student)
    trunk = rows.trunk
    if params.student == "narrower":
        rows.watch.report("finding", _("a narrower student begins with weights that are drawn, not with its teacher's"))
        count = params.layers or trunk.layers
        small = narrower(trunk.model, params.width, count, rows.seed)
        head = linear(np.zeros((rows.space.width, params.width)), np.zeros(rows.space.width))
        own = standing_on(trunk, small, f"{count} layers, {params.width} wide, drawn by {rows.seed}")
        return Student(own, PooledModel(small, trunk.base.pooling, head), spread(count, trunk.layers))
    chosen = _chosen(params.layers, trunk.layers)
    model = _model_of(teacher, trunk)
    source, pooling = (trunk.model, trunk.base.pooling) if model is None else (model.trunk, model.pooling)
    small = of_layers(source, chosen)
    own = standing_on(trunk, small, f"layers {chosen} of {fingerprint(teacher.predictor)}")
    if model is not None and len(chosen) == trunk.layers:
        return Student(own, PooledModel(small, pooling, copy.deepcopy(model.head)), chosen)
    begun = PooledModel(small, pooling, linear(np.eye(own.hidden), np.zeros(own.hidden)))
    features = PooledPredictor(begun, own.tokenizer, own.base.max_tokens).outputs(lesson.inputs, rows.watch)
    return Student(own, PooledModel(small, pooling, head_on(features, lesson.soft, START)), chosen)


def _another(rows: Context, name: str) -> Student:
    """The base *name* with a head solved on its own features."""
    base = Base.open(name)
    reading = reading_of(rows.task)
    trunk = reading.open(base, rows.trunk.store)
    model: Any = reading.begin(replace(rows, trunks=(trunk,)), trunk.fresh(), HEAD_L2)
    return Student(
        trunk, model, spread(trunk.layers, rows.trunk.layers) if trunk.layers <= rows.trunk.layers else (), base
    )


def _chosen(layers: int | tuple[int, ...] | None, most: int) -> tuple[int, ...]:
    if isinstance(layers, tuple):
        return layers
    return spread((most + 1) // 2 if layers is None else layers, most)


def _model_of(teacher: Finished, trunk: Trunk) -> PooledModel | None:
    """The teacher as a model whose layers are as the base's, else None."""
    model = getattr(teacher.predictor, "model", None)
    if type(model) is not PooledModel or type(model.trunk) is not type(trunk.model):
        return None
    own, other = model.trunk.state_dict(), trunk.model.state_dict()
    return model if {n: t.shape for n, t in own.items()} == {n: t.shape for n, t in other.items()} else None


@contextlib.contextmanager
def _matched(rows: Context, student: Student, params: Any, teacher: Finished) -> Iterator[nn.Module]:
    """The student's model, made to match its teacher's layers where that is asked for."""
    if not params.states_weight and not params.attention_weight:
        yield student.model
        return
    model = getattr(teacher.predictor, "model", None)
    other = model.trunk if type(model) is PooledModel else None
    if other is None or student.base is not None:
        raise NotSupported(
            "only layers that read the same tokens can be matched", expected="a teacher that is one whole model",
            received=teacher.format if student.base is None else f"the student '{student.base.name}'",
            do="leave out states_weight and attention_weight",
        )  # fmt: skip
    if params.states_weight and other.config.hidden_size != student.model.trunk.config.hidden_size:  # type: ignore[union-attr]
        raise NotSupported(
            "states of different widths can't be matched", do="leave states_weight out, attention_weight can stay"
        )
    depth = len(find_stack(other))
    chosen = student.chosen if depth == len(rows.trunk.stack) else spread(len(student.chosen), depth)
    pairs = list(enumerate(chosen))
    context = plain_attention([student.model.trunk, other]) if params.attention_weight else contextlib.nullcontext()
    with context:
        yield Matched(student.model, other, pairs, params.states_weight, params.attention_weight)
