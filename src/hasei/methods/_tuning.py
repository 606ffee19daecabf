"""The body that gradient methods share: solve a head, train it together with a part of the trunk, keep the result.

Linear probing, then fine-tuning (Kumar et al. 2022): the solved head is where training starts, so that the first steps do
not distort the features to fit random weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import nn

from hasei.engine.activations.probe import Probe
from hasei.engine.augmentation import Augment
from hasei.engine.batching import Ints
from hasei.engine.checkpoint import Checkpoint
from hasei.engine.derivation import Context, Derivation, Facts
from hasei.engine.losses import Loss, LossOf, loss_of, try_out
from hasei.engine.pacing import ease_of
from hasei.engine.pooled import layer_dropout
from hasei.engine.precision import best_precision
from hasei.engine.ragged import padded
from hasei.engine.readings import Reading, reading_of
from hasei.engine.regularisers import agreement_of
from hasei.engine.rewriting import with_views
from hasei.engine.source import compact_embedding
from hasei.engine.splits import inner_split
from hasei.engine.training import Job, Plan, Source, train
from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported
from hasei.ground.files import hash_json
from hasei.inputs.architecture import Stack
from hasei.tasks import Array

SLOW_ROWS = 16
BESIDE_ITS_BASE = "an adapter beside its base"
"""What an adapter method says that it ``LEAVES``: no step of a chain can go on from it."""
HEAD_L2 = 0.1
"""Stronger than a head that is to predict: one that fits its rows perfectly leaves the trunk no gradient to learn from."""


class Tuned(Plan):
    """Settings that every gradient method has.

    *min_steps* lengthens the training of small data sets; *dropout* is the share of states dropped between layers; *loss* is
    the task's own or another; *augment* changes rows: texts once, before, as rows of their own, pictures at random while
    training (kept states are then of no use: the whole base is run).
    """

    min_steps: int = Field(150, ge=0)
    dropout: float = Field(0.1, ge=0, lt=1)
    smoothing: float = Field(0.1, ge=0, lt=1)
    layer_decay: float = Field(0.8, gt=0, le=1)
    rows_per_step: int = Field(64, ge=1, le=4096)
    learning_rate: float = Field(8e-4, gt=0, le=1)
    head_learning_rate: float = Field(2e-3, gt=0, le=10)
    loss: Loss = Loss()
    augment: Augment = Augment()


@dataclass(frozen=True)
class Part:
    """Which part of a copy of the trunk is trained. *lowest* is the lowest layer that holds a trained parameter.

    *names* are the trained parameters of *trunk*; *stack* its layers; *adapter*: the result is written beside its base, in a
    format of its own where *formats* names one for the reading's. *rates* multiply the learning rate of some of *names*; *only*
    are the rows that are trained of some parameters, by their names in the model (a head's too); *gradual*: one more layer is
    trained in each epoch, from the top; *solved*: the head starts as solved on the base's features, else at zero.
    """

    trunk: nn.Module
    stack: Stack
    names: frozenset[str]
    lowest: int
    adapter: bool = False
    formats: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[str, float] = field(default_factory=dict)
    only: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    gradual: bool = False
    solved: bool = True

    def trained(self, model: nn.Module) -> tuple[str, ...]:
        """The parameters of *model*, which has this trunk, that may differ from the base's, its head's last."""
        return (*sorted(f"trunk.{n}" for n in self.names), *head_of(model))

    def size(self, model: nn.Module) -> int:
        """How many numbers of *model* are trained."""
        sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
        rows = {name: len(parameter) for name, parameter in model.named_parameters() if name in self.only}
        return sum(
            sizes[name] if name not in self.only else sizes[name] // rows[name] * len(self.only[name])
            for name in self.trained(model)
        )

    def format_of(self, reading: Reading) -> str:
        """The file in ``formats/`` that the result is written by."""
        form = reading.adapter_format if self.adapter else reading.format
        return self.formats.get(form, form)


def head_of(model: nn.Module) -> list[str]:
    """Names of the parameters of the head of *model*."""
    return [name for name, _ in model.named_parameters() if name.startswith("head.")]


def rows_for(params: Tuned, slowness: int) -> int:
    """Rows of an optimiser step: fewer where a training needs many steps (see :class:`hasei.engine.readings.Reading`)."""
    return min(params.rows_per_step, SLOW_ROWS) if slowness > 1 else params.rows_per_step


def epochs_for(params: Tuned, rows: int, slowness: int = 1) -> int:
    """Epochs on *rows* train rows: at least ``min_steps`` optimiser steps, at most 40 epochs for that, or *slowness* times so."""
    steps = max(1, -(-rows // rows_for(params, slowness)))
    return max(params.epochs, min(40 * slowness, -(-params.min_steps * slowness // steps)))


def passes(params: Tuned, facts: Facts, share: float) -> float:
    """Forward passes of the whole base that one row costs in a training: forward and backward of *share* of its layers."""
    rows = 1 + (params.augment.views if params.augment.of_texts else 0)
    twice = 2 if params.regularise.r_drop else 1
    return epochs_for(params, rows * facts.rows, facts.slowness) * rows * (twice * 3.0 * share + 0.1)


def top_layers(trunk: Trunk, count: int) -> Part:
    """Return the top *count* layers of a copy of *trunk*, or all of it where *count* reaches the embeddings."""
    lowest = trunk.layers - count if count <= trunk.layers else -1
    names = frozenset(trunk.probe.trainable_from(lowest))
    copy = trunk.fresh(names)
    stack = Stack(trunk.stack.path, tuple(copy.get_submodule(trunk.stack.path).children()))
    return Part(copy, stack, names, lowest)


def tune(context: Context, name: str, params: Tuned, make: Callable[[Trunk], Part]) -> Derivation:
    """Train the part that *make* chooses; *params* with every choice made are the derivation's ``frozen``."""
    trunk, reading = context.trunk, reading_of(context.task)
    own_loss(context, name, params)
    rows = with_views(context, name, params.augment)
    part = make(trunk)
    model = reading.begin(context, part.trunk, HEAD_L2)
    if not part.solved:
        _without_head(model)
    views = np.arange(len(rows.inputs)) >= len(context.inputs)
    with reading.source(rows, part.stack, -1 if params.augment.of_pictures else part.lowest) as plain:
        source = augmented(plain, name, params.augment)
        plan, targets = freeze(rows, params), reading.targets(rows)
        frozen, curve = train_part(rows, name, model, part, plan, source, targets, views=views)
    return Derivation(
        predictor=reading.predictor(model, trunk),
        format=part.format_of(reading),
        frozen=frozen,
        trainable_parameters=part.size(model),
        trained=part.trained(model),
        curve=tuple(curve),
    )


def _without_head(model: nn.Module) -> None:
    with torch.no_grad():
        for name in head_of(model):
            model.get_parameter(name).zero_()


def augmented(source: Source, name: str, settings: Augment) -> Source:
    """Return *source* with its rows changed at random as *settings* say; raises NotSupported where they can't be."""
    if not settings.of_pictures:
        return source
    change = getattr(source, "augmented", None)
    if change is None:
        raise NotSupported(f"'{name}' can't change these rows at random", do="leave augment out")
    rows: Source = change(settings.of_pictures)
    return rows


def own_loss(context: Context, name: str, params: Tuned, given: LossOf | None = None) -> LossOf:
    """Return the loss that *params* ask for; *given* is that of a method which has one of its own, and no other then.

    Raises NotSupported where an option of *params* is none for the task, before anything is trained.
    """
    if params.regularise.r_drop:
        agreement_of(context.task, name)
        if not params.dropout:
            raise NotSupported(
                f"'{name}' can't compare two passes that are the same", expected="dropout above 0 with r_drop",
                received="dropout 0", do="set dropout, or leave r_drop out of regularise",
            )  # fmt: skip
    if given is None:
        return loss_of(params.loss, context.task, reading_of(context.task).targets(context), name)
    if params.loss != Loss() or params.regularise.r_drop:
        received = "r_drop" if params.regularise.r_drop else params.loss.name
        raise NotSupported(f"'{name}' has a loss of its own", received=received, do=f"leave {received} out")
    return given


def check_layers(count: int, layers: int) -> None:
    """Raise NotSupported when a base of *layers* layers has fewer than the *count* that are to be trained."""
    if count > layers:
        raise NotSupported(
            f"the base has no {count} layers to train", expected=f"1 to {layers}", do="set top_layers lower"
        )


def freeze(context: Context, params: Tuned) -> Tuned:
    """Make every choice that depends on rows or machine explicit: epochs for small data, the precision, the code that is used."""
    slowness = reading_of(context.task).slowness
    epochs = epochs_for(params, len(context.inputs), slowness)
    precision = machine_precision(context) if params.precision == "auto" else params.precision
    return params.model_copy(update={
        "epochs": epochs, "min_steps": 0, "precision": precision, "rows_per_step": rows_for(params, slowness),
        "loss": params.loss.stated(), "augment": params.augment.stated(),
    })  # fmt: skip


def train_part(
    context: Context, name: str, model: nn.Module, part: Part, plan: Tuned, source: Source, targets: Array,
    loss: LossOf | None = None, views: Array | None = None,
) -> tuple[Tuned, list[dict[str, float]]]:  # fmt: skip
    """Train *part* of *model* and its head on the rows of *source*; return the plan with the epochs found, and the curve.

    *targets* are those of the rows of *source*, *loss* is that of the plan where none is given. Early stopping looks only at a
    tenth of the train rows, and of those at none of the *views* (n,), which are neither trained on there (:func:`with_views`). A
    method that does not :func:`tune` makes its views itself, or none: changed texts are then refused.
    """
    trunk = context.trunk
    every = np.arange(len(targets))
    away = inner_split(context.units, 0.1, context.seed)[1] if plan.patience else np.empty(0, np.int64)
    held = away if views is None else away[~views[away]]
    names = {f"trunk.{n}" for n in part.names}
    for parameter_name, parameter in model.named_parameters():
        parameter.requires_grad_(parameter_name in names or parameter_name.startswith("head."))
    checkpoint = _checkpoint(context, name, plan)
    options = _options(context, name, model, part, plan, source, targets, own_loss(context, name, plan, loss), views)
    with (
        compact_embedding(part.trunk, source.ids, model) as kept,
        layer_dropout(model, part.stack.layers[max(0, part.lowest) :], plan.dropout),
    ):
        job = Job(
            model, source, targets, plan=plan, seed=context.seed, fit=np.setdiff1d(every, away), held=held,
            head=frozenset(head_of(model)), depth=_depths(trunk.probe, trunk.layers),
            no_decay=frozenset(n for n in names if "embed" in n), **options,
            rates={f"trunk.{n}": rate for n, rate in part.rates.items()}, since=_since(part, trunk, plan.epochs),
            only=_masks(part, model, kept),
        )  # fmt: skip
        curve = train(job, context.watch, checkpoint)
    if checkpoint is not None:
        checkpoint.clear()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    if plan.patience:
        best = int(np.argmin([p["held_loss"] for p in curve])) + 1
        plan = plan.model_copy(update={"epochs": best, "patience": None})
    return plan, curve


def _options(
    context: Context, name: str, model: nn.Module, part: Part, plan: Tuned, source: Source, targets: Array, loss: LossOf,
    views: Array | None,
) -> dict[str, Any]:  # fmt: skip
    """What of a job hangs on the options of *plan*: its loss, tried out, how easy rows are, how two passes are compared."""
    pictures = plan.augment.of_pictures and not getattr(source, "changes", ())
    if pictures or (plan.augment.of_texts and views is None):
        raise NotSupported(
            f"'{name}' can't change rows so", received=" + ".join(plan.augment.changes), do="leave augment out"
        )
    if part.adapter and plan.regularise.l2_to_base:
        raise NotSupported(
            f"'{name}' leaves the base as it is: what it trains begins at nothing", received="l2_to_base",
            do="use weight_decay, which draws it there",
        )  # fmt: skip
    if plan.loss.custom:
        few = np.arange(min(4, len(targets)))
        with torch.no_grad():
            outputs = source.outputs(model.eval(), few)
        try_out(loss, outputs, padded(targets[few]))

    def per_row(outputs: torch.Tensor, rows: Ints) -> torch.Tensor:
        return loss(outputs, padded(targets[rows]), smoothing=plan.smoothing)

    def confidence(outputs: Array) -> Array:
        if context.task.target_kind not in ("category", "categories"):
            raise NotSupported(
                f"'{name}' knows no confidence of such answers before it trains", do="order them by loss"
            )
        sure: Array = context.task.answers(context.space, outputs[:, : context.space.width]).confidence
        return sure

    ease = ease_of(plan.order, source, model, name, per_row, confidence)
    agree = agreement_of(context.task, name) if plan.regularise.r_drop else None
    return {"loss": loss, "ease": ease, "agree": agree}


def _since(part: Part, trunk: Trunk, epochs: int) -> dict[str, int]:
    """From which epoch each parameter of *part* is trained: a layer an epoch, or several where epochs are fewer than layers."""
    if not part.gradual:
        return {}
    depth, count = _depths(trunk.probe, trunk.layers), trunk.layers - part.lowest
    return {
        f"trunk.{name}": below if count <= epochs else below * epochs // count
        for name in part.names if (below := depth[f"trunk.{name}"])
    }  # fmt: skip


def _masks(part: Part, model: nn.Module, kept: Ints | None) -> dict[str, torch.Tensor]:
    """Which rows of the parameters in ``part.only`` are trained (rows,); *kept* are those that the token table has now."""
    masks, table = {}, None if kept is None else part.trunk.get_input_embeddings().weight  # type: ignore[operator]
    for name, parameter in model.named_parameters():
        if name in part.only:
            rows = np.arange(len(parameter)) if kept is None or parameter is not table else kept
            masks[name] = torch.from_numpy(np.isin(rows, part.only[name]))
            if not masks[name].any():
                raise NotSupported("none of the chosen tokens occurs in the rows", do="choose some that do")
    return masks


def _depths(probe: Probe, layers: int) -> dict[str, int]:
    """How many layers lie above each parameter; adapters inside a layer are found by the layer's own path."""
    return {f"trunk.{n}": max(0, layers - 1 - position) for n, position in probe.position.items()}


def _checkpoint(context: Context, name: str, plan: Tuned) -> Checkpoint | None:
    if context.scratch is None:
        return None
    inputs = [list(i) if isinstance(i, tuple) else getattr(i, "content", i) for i in context.inputs]
    key = hash_json({
        "method": name, "plan": plan.model_dump(), "seed": context.seed, "base": context.trunk.base.content_hash,
        "inputs": inputs, "truth": [str(t) for t in context.truth], "threads": torch.get_num_threads(),
    })  # fmt: skip
    return Checkpoint(context.scratch / f"{name}-{key[:12]}.safetensors", key)


def machine_precision(context: Context) -> str:
    """Return the precision that training should use on this machine, measured on some of the rows."""
    trunk = context.trunk
    if trunk.base.quantisation is not None:
        return "fp32"  # its weights are put back in that, and some architectures do not take both in one pass
    return best_precision(trunk.model, trunk.sample(context.inputs), trunk.base.computes)
