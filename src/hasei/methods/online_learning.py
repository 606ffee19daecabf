"""A head on frozen features that next month's rows continue exactly, as if all rows had been learnt at once.

The sums from which the head is solved are kept beside the model, so that ``--base FOLDER`` with new rows alone gives the model
that all rows together would: nothing is forgotten, and no row is kept. Classes that come later get an output as if it had been
there from the start. The layer, the pooling and the strength are chosen once, on the first rows.

Source: recursive least squares: Plackett 1950, Haykin, *Adaptive filter theory*; of classes: Hayes & Kanan 2020, "Lifelong
machine learning with deep streaming linear discriminant analysis".
Trains: the head only (width x hidden weights, width biases), solved.
Shapes: features (n, f), sums (f + 1, f + 1) and (f + 1, w), weight (w, f), outputs (n, w).
Relations: ``feature_extraction`` needs all rows at once and tells classes apart a little better; ``continual_learning`` is for
rows that come in stages within one file. :mod:`hasei.engine.online` is the same row by row.

>>> order(read_steps("online_learning"), "november.csv", task=TASK, base="runs/october", out="runs/now")  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Facts, Settings, Supports
from hasei.engine.moments import Doubles, Moments
from hasei.engine.online_state import FILE, OnlineState, identity_of
from hasei.engine.pooled import linear
from hasei.engine.readings import reading_of
from hasei.ground.errors import NotSupported
from hasei.inputs.data.dataset import Input
from hasei.methods._solved import absent_of, choose, features_of, kind_of, targets_of
from hasei.tasks import Array, Space, Task
from hasei.tasks._set_metrics import parted

SUPPORTS = Supports(inputs=("text", "image"), targets=("category", "categories", "number"))
BY_ROWS = ("l2", "sharpness")
"""Settings whose best value hangs on the number of rows: a learning curve finds them anew at every size."""
_PARTS = 10


class Params(Settings):
    """Settings; what is None is chosen on the first rows, and stays as it is when later ones continue.

    *layer* counts from 0 (the embeddings); *l2* is the penalty, added to the scatter of each feature; *sharpness*
    multiplies the outputs of classes; each row makes all earlier ones count *forget* times as much (1: nothing is forgotten).
    """

    layer: int | None = Field(None, ge=0)
    pooling: Literal["mean", "cls", "max", "last", "own"] | None = None
    l2: float | None = Field(None, gt=0, le=1e9)
    sharpness: float | None = Field(None, gt=0, le=1e4)
    forget: float = Field(1.0, gt=0, le=1)


def proposals(facts: Facts) -> list[Params]:
    """None: it pays where rows go on coming, which no study can see."""
    return []


def check(params: Params, layers: int) -> None:
    """Raise NotSupported when the layer does not exist in a base of *layers* layers."""
    if params.layer is not None and params.layer > layers:
        raise NotSupported(
            f"the base has no layer {params.layer}", expected=f"0 to {layers}",
            do="set layer lower, or leave it out to have it chosen",
        )  # fmt: skip


def space(task: Task, targets: Sequence[str], folder: Path) -> Space:
    """Return what targets can be: what the model in *folder* knows, where it left a state, and what is new in *targets*."""
    earlier = OnlineState.read(folder)
    if earlier is None or earlier.task != task.name:
        return task.space(targets)
    if earlier.extra:
        return Space(1, (), earlier.extra)
    new = set(targets) if task.target_kind == "category" else {label for text in targets for label in parted(text)}
    names = tuple(sorted({*earlier.names, *new}))
    return Space(len(names), names)


def derive(context: Context, params: Params) -> Derivation:
    """Solve the head, from the sums beside the base where there are some and these rows.

    Raises NotSupported where a layer does not exist or can't be a model's last, BaseError where the state beside the base is
    damaged or of other features, RecipeError where a setting is not the one that it was begun with.
    """
    SUPPORTS.refuse("online_learning", context.task)
    trunk, reading = context.trunk, reading_of(context.task)
    earlier = OnlineState.read(trunk.base.folder)
    if earlier is None:
        check(params, trunk.layers)
        state = _begun(context, params)
    else:
        state = _continued(context, params, earlier)
    layer, pooling = state.layer, state.pooling
    model = trunk.truncated(layer)
    if model is None:
        raise NotSupported(
            f"layer {layer} of '{trunk.base.name}' can't be the last one of a model", do="leave layer out"
        )
    curve = _learn(context, state, features_of(context, layer, pooling), targets_of(context))
    weight, bias = (np.asarray(part, np.float32) for part in _head(state))
    for parameter in model.parameters():
        parameter.requires_grad_(False)

    def from_store(inputs: Sequence[Input]) -> Array:
        return reading.rows(trunk, inputs, reading.features(trunk, inputs, layer, pooling) @ weight.T + bias)

    frozen = Params(layer=layer, pooling=pooling, l2=state.l2, sharpness=state.sharpness, forget=state.forget)
    return Derivation(
        predictor=reading.predictor(reading.model(model, pooling, linear(weight, bias)), trunk), format=reading.format,
        frozen=frozen, trainable_parameters=weight.size + bias.size, trained=("head.weight", "head.bias"),
        curve=tuple(curve), from_store=from_store, beside={FILE: state.to_bytes()},
    )  # fmt: skip


def _begun(context: Context, params: Params) -> OnlineState:
    """Return a state without rows, every choice made."""
    trunk, task = context.trunk, context.task
    found = choose(context, np.arange(len(context.inputs)), **params.model_dump(exclude={"forget"}))
    features = features_of(context, found.layer, found.pooling, [0]).shape[1]
    return OnlineState(
        Moments.empty(features, context.space.width, absent_of(task.target_kind)), kind_of(task.target_kind), task.name,
        identity_of(trunk, trunk.truncated(found.layer)), found.layer, found.pooling, found.l2, found.sharpness,
        params.forget, context.space.names, context.space.extra,
    )  # fmt: skip


def _continued(context: Context, params: Params, earlier: OnlineState) -> OnlineState:
    """Return *earlier* with room for the classes of *context*; raises where these rows can't continue it."""
    if earlier.task != context.task.name:
        raise NotSupported(
            f"'{context.trunk.base.name}' was learnt online for another task", expected=earlier.task,
            received=context.task.name, do="give --task, or begin anew from the base",
        )  # fmt: skip
    earlier.refuse_other(context.trunk, params.pooling, params.layer)
    for name in ("l2", "sharpness", "forget"):
        given = getattr(params, name)
        if name in params.model_fields_set and given not in (None, getattr(earlier, name)):
            raise NotSupported(
                f"{name} can't change when a model is continued", expected=f"{getattr(earlier, name):g} as it was begun",
                received=f"{given:g}", do=f"leave {name} out, or learn anew from all rows",
            )  # fmt: skip
    space = context.space
    place = {name: i for i, name in enumerate(space.names)}
    missing = [name for name in earlier.names if name not in place]
    if missing or space.extra != earlier.extra:
        raise NotSupported(
            "these rows alone do not tell what the model answers that they continue",
            expected=f"also the label '{missing[0]}'" if missing else "numbers on the scale of the first rows",
            do="continue with: hasei derive online_learning --base FOLDER --data FILE",
        )  # fmt: skip
    places = [place[name] for name in earlier.names] or [0]
    return replace(earlier, moments=earlier.moments.grown(places, space.width), names=space.names)


def _head(state: OnlineState) -> tuple[Doubles, Doubles]:
    weight, bias = state.moments.solve(state.kind, state.l2)
    return weight * state.sharpness, bias * state.sharpness


def _learn(context: Context, state: OnlineState, features: Any, targets: Doubles) -> list[dict[str, float]]:
    """Add all rows to *state*, a tenth at a time in their order; how well each tenth was answered before it was learnt."""
    curve = []
    for rows in np.array_split(np.arange(len(features)), min(_PARTS, len(features))):
        context.watch.check()
        if state.moments.rows:
            weight, bias = _head(state)
            quality = context.quality(np.asarray(features[rows] @ weight.T + bias, np.float32), rows)
            if np.isfinite(quality):
                curve.append({"rows": state.moments.rows, "before": quality})
        state.moments.learn(features[rows], targets[rows], state.forget)
    return curve
