"""Rows that come in stages are learnt one stage after the other, each from its own rows and what the method may keep.

``how``: ``solved``, class statistics summed over the stages on frozen features, the same head as from all rows at once;
``replay``, with a few rows kept of each class; ``ewc``, weights that mattered are held; ``lwf``, the model before teaches the
next; ``adapters``, a head of its own for each stage on the frozen base, joined by a solved stage classifier; ``naive``, nothing,
to see what would be forgotten. The curve says after each stage how well every stage so far is known, on a held tenth of its rows.

Source: Hayes & Kanan 2020 (streaming discriminant); Robins 1995, Chaudhry et al. 2019 (replay); Kirkpatrick et al. 2017 (elastic
weights); Li & Hoiem 2018 (learning without forgetting); Rusu et al. 2016, "Progressive neural networks" (parts of its own for
each task); forgetting: Chaudhry et al. 2018.
Trains: the head alone (solved, adapters), or with it the top ``top_layers`` layers.
Shapes: features (n, h), sums (h + 1, h + 1), outputs (n, w); all classes have an output from the start.
Relations: ``online_learning`` is ``solved`` over files and months; ``feature_extraction`` and ``partial_fine_tuning`` see all
rows at once and are what a stream can at best come near to.

>>> hasei.study("stream.csv", stage="month", methods=["continual_learning"])  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from pydantic import Field

from hasei.engine.batching import Ints
from hasei.engine.derivation import Context, Derivation, Facts, Supports
from hasei.engine.heads import solve_head
from hasei.engine.moments import Moments, one_hot
from hasei.engine.pooled import linear
from hasei.engine.readings import reading_of
from hasei.ground.errors import NotSupported, RecipeError
from hasei.methods._sequence import Guard, Sequence
from hasei.methods._solved import absent_of, choose, features_of, kind_of, penalty_of, targets_of
from hasei.methods._stages import Record, Stage, stages_of
from hasei.methods._tuning import HEAD_L2, Tuned, check_layers, epochs_for, freeze, passes, top_layers
from hasei.tasks import Array, Floats

NEEDS = ("stages",)
SUPPORTS = Supports(inputs=("text", "image"), targets=("category", "categories", "number"))
_SOLVED = ("solved", "adapters")
_STRENGTH = {"ewc": 100.0, "lwf": 1.0}
_ROUTING = 0.12


class Params(Tuned):
    """Settings; those of a training count where *how* trains.

    *replay_per_class* rows are kept of each class, of each stage where targets are no classes, by *keep*; *strength* is the
    weight of what ``ewc`` and ``lwf`` add to the loss; *l2* and *sharpness* are as in ``online_learning``, chosen on the first
    stage; *held*, the share of each stage by which the curve judges: what is solved learns from it at the end, what trains never.
    """

    how: Literal["solved", "replay", "ewc", "lwf", "adapters", "naive"] = "solved"
    replay_per_class: int = Field(5, ge=1, le=100_000)
    keep: Literal["herding", "random"] = "herding"
    strength: float | None = Field(None, gt=0, le=1e9)
    top_layers: int = Field(2, ge=1)
    l2: float | None = Field(None, gt=0, le=1e9)
    sharpness: float | None = Field(None, gt=0, le=1e4)
    held: float = Field(0.1, ge=0, le=0.5)
    min_steps: int = Field(0, ge=0)


def proposals(facts: Facts) -> list[Params]:
    """The solved one: it costs next to nothing, and forgets nothing."""
    return [Params()]


def check(params: Params, layers: int) -> None:
    """Raise NotSupported when a base of *layers* layers has fewer than are to be trained."""
    if params.how not in _SOLVED:
        check_layers(params.top_layers, layers)


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row."""
    return 0.1 if params.how in _SOLVED else passes(params, facts, params.top_layers / facts.layers)


def reads(params: Params, layers: int) -> int:
    """The layer whose kept states it starts from, so that a study keeps them while it reads the rows."""
    return layers if params.how in _SOLVED else max(0, layers - params.top_layers)


def derive(context: Context, params: Params) -> Derivation:
    """Learn the stages in their order.

    Raises DataError where rows have no stages, or one alone, RecipeError where more rows are to be kept than there are,
    NotSupported where the base has too few layers, or classes come back and each stage is to have a head of its own.
    """
    SUPPORTS.refuse("continual_learning", context.task)
    check(params, context.trunk.layers)
    stages = stages_of(context, params.held)
    if params.how == "solved":
        return _solved(context, params, stages)
    if params.how == "adapters":
        return _adapters(context, params, stages)
    if params.how == "replay":
        _refuse_all(context, params, stages)
    return _trained(context, params, stages)


def _refuse_all(context: Context, params: Params, stages: list[Stage]) -> None:
    classes = context.task.target_kind == "category"
    groups = len(np.unique(context.targets)) if classes else len(stages)
    if params.replay_per_class * groups > len(context.inputs):
        raise RecipeError(
            f"replay_per_class {params.replay_per_class} would keep more rows than there are",
            expected=f"at most {max(1, len(context.inputs) // groups)} of each of {groups} {'classes' if classes else 'stages'}",
            received=f"{len(context.inputs)} rows", do="set replay_per_class lower, or learn from all rows at once",
        )  # fmt: skip


def _solved(context: Context, params: Params, stages: list[Stage]) -> Derivation:
    """Sum up stage by stage, the held rows after those they judge; solve once."""
    trunk, kind = context.trunk, kind_of(context.task.target_kind)
    layer, pooling = trunk.layers, trunk.base.pooling
    found = choose(context, stages[0].rows, layer=layer, pooling=pooling, l2=params.l2, sharpness=params.sharpness)
    features, targets = features_of(context, layer, pooling), targets_of(context)
    moments = Moments.empty(features.shape[1], targets.shape[1], absent_of(context.task.target_kind))
    record = Record(context, stages)
    for stage in stages:
        context.watch.check()
        moments.learn(features[stage.fit], targets[stage.fit])
        if len(stage.held):
            weight, bias = moments.solve(kind, found.l2)
            record.note(_linear(features, weight * found.sharpness, bias * found.sharpness))
    for stage in stages:
        moments.learn(features[stage.held], targets[stage.held])
    weight, bias = moments.solve(kind, found.l2)
    frozen = params.model_copy(update={"l2": found.l2, "sharpness": found.sharpness})
    return _frozen_trunk(context, weight * found.sharpness, bias * found.sharpness, frozen, record)


def _adapters(context: Context, params: Params, stages: list[Stage]) -> Derivation:
    """Solve a head for each stage, and what tells the stages apart; joined they are one linear head."""
    if context.task.target_kind != "category":
        raise NotSupported("targets that are no classes can't be told by stage", do="use how: solved or replay")
    seen: dict[int, str] = {}
    for stage in stages:
        for place in np.unique(context.targets[stage.rows]).tolist():
            if place in seen:
                raise NotSupported(
                    f"the class '{context.space.names[place]}' comes in the stages '{seen[place]}' and '{stage.name}'",
                    expected="classes of one stage each, where each has a head of its own", do="use how: solved or replay",
                )  # fmt: skip
            seen[place] = stage.name
    trunk, record = context.trunk, Record(context, stages)
    features = features_of(context, trunk.layers, trunk.base.pooling)
    sharp = params.sharpness or _ROUTING
    frozen = params.model_copy(
        update={"l2": params.l2 or penalty_of(features[stages[0].rows], 10.0), "sharpness": sharp}
    )
    for share in ("fit", "rows"):  # those that judge are learnt last
        joined = _Joined(context, features, frozen)
        for number, stage in enumerate(stages):
            context.watch.check()
            joined.learn(number, len(stages), getattr(stage, share))
            if share == "fit":
                record.note(_linear(features, *joined.head()))
    return _frozen_trunk(context, *joined.head(), frozen, record)


class _Joined:
    """A head a stage, each logistic and about its own mean, and a discriminant of the stages whose scores are added."""

    def __init__(self, context: Context, features: Floats, params: Params) -> None:
        width = context.space.width
        self.context, self.features, self.params = context, features, params
        self.weight, self.bias = np.zeros((width, features.shape[1])), np.full(width, -1e3)
        self.stage_of = np.full(width, -1)
        self.moments: Moments | None = None

    def learn(self, number: int, stages: int, rows: Ints) -> None:
        """Solve the head of stage *number* and add its rows to the sums."""
        features, targets = self.features[rows], self.context.targets[rows]
        if self.moments is None:
            self.moments = Moments.empty(features.shape[1], stages)
        self.moments.learn(features, one_hot(np.full(len(rows), number), stages))
        own = np.unique(targets)
        weight, bias = solve_head(self.context.task, self.context.space, features, targets, HEAD_L2 / 10)
        self.weight[own], self.bias[own] = weight[own] - weight[own].mean(0), bias[own] - bias[own].mean()
        self.stage_of[own] = number

    def head(self) -> tuple[Array, Array]:
        """Return weight (w, h) and bias (w,) of the heads so far."""
        if self.moments is None:
            return self.weight, self.bias
        weight, bias = (
            part * (self.params.sharpness or _ROUTING)
            for part in self.moments.solve("discriminant", self.params.l2 or 1.0)
        )
        seen = self.stage_of >= 0
        joined = self.weight.copy(), self.bias.copy()
        joined[0][seen] += weight[self.stage_of[seen]]
        joined[1][seen] += bias[self.stage_of[seen]]
        return joined


def _linear(features: Floats, weight: Array, bias: Array) -> Callable[[Ints], Array]:
    return lambda rows: np.asarray(features[rows] @ weight.T + bias, np.float32)


def _frozen_trunk(context: Context, weight: Array, bias: Array, frozen: Params, record: Record) -> Derivation:
    trunk, reading = context.trunk, reading_of(context.task)
    weight, bias = np.asarray(weight, np.float32), np.asarray(bias, np.float32)
    layer, pooling, model = trunk.layers, trunk.base.pooling, trunk.fresh()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return Derivation(
        predictor=reading.predictor(reading.model(model, pooling, linear(weight, bias)), trunk), format=reading.format,
        frozen=frozen, trainable_parameters=weight.size + bias.size, trained=("head.weight", "head.bias"), curve=record.curve,
        from_store=lambda inputs: reading.rows(
            trunk, inputs, reading.features(trunk, inputs, layer, pooling) @ weight.T + bias
        ),
    )  # fmt: skip


def _trained(context: Context, params: Params, stages: list[Stage]) -> Derivation:
    """Train the top layers and the head through all stages."""
    trunk, reading = context.trunk, reading_of(context.task)
    if not trunk.probe.apart:
        raise NotSupported(
            f"the layers of '{trunk.base.name}' can't be trained apart: {trunk.probe.refusal}", do="use how: solved"
        )
    part = top_layers(trunk, params.top_layers)
    strength = params.strength or _STRENGTH.get(params.how)
    rows = len(context.inputs) // len(stages)
    frozen = freeze(context, params).model_copy(update={
        "epochs": epochs_for(params, rows, reading.slowness), "patience": None, "strength": strength,
    })  # fmt: skip
    guard = Guard(
        rows=params.replay_per_class if params.how == "replay" else 0, herding=params.keep == "herding",
        teacher=float(strength or 0) if params.how == "lwf" else 0.0,
        elastic=float(strength or 0) if params.how == "ewc" else 0.0,
    )  # fmt: skip
    width, hidden = context.space.width, trunk.hidden
    model = reading.model(part.trunk, trunk.base.pooling, linear(np.zeros((width, hidden)), np.zeros(width)))
    with reading.source(context, part.stack, part.lowest) as source:
        record = Sequence(context, model, part, source, frozen, guard).run(stages)
    return Derivation(
        predictor=reading.predictor(model, trunk), format=reading.format, frozen=frozen,
        trainable_parameters=part.size(model), trained=part.trained(model), curve=record.curve,
    )  # fmt: skip
