"""The bodies that train the students of a distillation: a static one, one of n-grams, and transformers of some layers.

Relations: what they learn from is :class:`hasei.engine.teaching.Lesson`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from hasei.baselines import _lexical
from hasei.engine.batching import Ints
from hasei.engine.derivation import Context, Derivation
from hasei.engine.splits import inner_split
from hasei.engine.static import Bags, StaticModel, StaticPredictor, StaticSource, bags_of
from hasei.engine.teaching import Lesson, lesson_loss
from hasei.engine.training import Job, train
from hasei.ground.errors import NotSupported
from hasei.methods._static import begin, table_of, tokenizer_of
from hasei.tasks import Floats

UNITS = 512
"""Of the layer between a static student's table and its head."""
TABLE_RATE = 2.5
"""How many times as fast a table is trained as the layers of a transformer."""
PASSES = 3
"""Over the rows in each epoch of a static student: they cost next to nothing, and it needs many steps."""
TOKEN_DROP = 0.1
"""Share of the tokens of a row that a static student does not see in a step: views of a row that cost nothing."""


def static(
    context: Context, lesson: Lesson, params: Any, rows: Ints | None = None
) -> tuple[StaticPredictor, list[Any]]:
    """Train a static student on the rows *rows* of *lesson*, all without; return it and the curve."""
    among = np.arange(len(lesson.inputs)) if rows is None else rows
    texts = [lesson.inputs[i] for i in among]
    tokenizer = tokenizer_of(context.trunk, texts, params.phrases)
    bags = bags_of(tokenizer, texts)
    table = table_of(context.trunk, tokenizer, params.width)
    used = np.unique(bags.ids)
    where = np.zeros(len(table), np.int64)
    where[used] = np.arange(len(used))
    model = begin(context, table[torch.from_numpy(used)], UNITS, params.dropout)
    compact = Bags(where[bags.ids], bags.offsets)
    curve = train(_job(context, lesson, params, model, compact, among), context.watch)
    with torch.no_grad():
        table[torch.from_numpy(used)] = model.embedding.weight
    return StaticPredictor(StaticModel(table, model.middle, model.head), tokenizer), curve


def _job(context: Context, lesson: Lesson, params: Any, model: StaticModel, bags: Bags, rows: Ints) -> Job:
    loss = lesson_loss(context.task, context.space.width, lesson.known, params.temperature, params.labels)
    away = inner_split([lesson.units[i] for i in rows], 0.1, context.seed)[1] if params.patience else rows[:0]
    names = {name for name, _ in model.named_parameters()}
    plan = params.model_copy(update={"epochs": params.epochs * PASSES})
    return Job(
        model, StaticSource(bags, TOKEN_DROP), lesson.targets[rows], loss, plan, seed=context.seed, held=away,
        head=frozenset(names - {"embedding.weight"}), no_decay=frozenset({"embedding.weight"}),
        rates={"embedding.weight": TABLE_RATE},
    )  # fmt: skip


def ngrams(context: Context, lesson: Lesson, params: Any, rows: Ints | None = None) -> Derivation:
    """Fit a linear model over words and n-grams to the softened answers of the rows *rows* of *lesson*."""
    kind = context.task.target_kind
    if kind == "number":
        raise NotSupported(
            "a student of n-grams learns classes and labels", received=context.task.name, do="choose another student"
        )
    among = np.arange(len(lesson.inputs)) if rows is None else rows
    labelled = among[among < len(context.inputs)]
    wanted = _wanted(context, lesson, params)
    loss = _lexical.Loss(
        _of_classes if kind == "category" else _of_labels, rate=60.0, strengths=(30.0, 2.0, 0.3), sharpness=1.0
    )
    settings = _lexical.LinearSettings(sharpness=1.0)
    found = _lexical.fit(_with(context, lesson, wanted, labelled), settings, loss)
    if len(labelled) < len(among):
        found = _lexical.fit(_with(context, lesson, wanted, among), found.frozen, loss)  # type: ignore[arg-type]
    model: Any = found.predictor  # learnt softened answers: its outputs are on the teacher's own scale again
    scale = np.float32(params.temperature)
    return replace(found, predictor=replace(model, weight=model.weight * scale, bias=model.bias * scale))


def _with(context: Context, lesson: Lesson, wanted: Floats, rows: Ints) -> Context:
    known = [int(i) for i in rows if i < len(context.inputs)]
    return replace(
        context, inputs=[lesson.inputs[i] for i in rows], targets=wanted[rows], truth=[context.truth[i] for i in known],
        units=[lesson.units[i] for i in rows],
    )  # fmt: skip


def _wanted(context: Context, lesson: Lesson, params: Any) -> Floats:
    """The probabilities (n, w) that are to be answered: the teacher's, softened, mixed with the labels."""
    said = torch.from_numpy(lesson.soft) / params.temperature
    classes = context.task.target_kind == "category"
    soft = (said.softmax(1) if classes else said.sigmoid()).numpy()
    truth = lesson.targets[:, : lesson.known]
    has = ~np.isnan(truth).any(1)
    hard = np.zeros_like(soft)
    if classes:
        hard[np.flatnonzero(has), truth[has, 0].astype(np.int64)] = 1
    else:
        hard[has] = truth[has]
    share = np.where(has, params.labels, 0.0)[:, None]
    return np.asarray((1 - share) * soft + share * hard, np.float32)


def _of_classes(scores: Floats, wanted: Floats) -> Floats:
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    scores -= wanted
    return scores


def _of_labels(scores: Floats, wanted: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-scores)) - wanted, np.float32)
