"""Take out of a model what it can do without: neurons, attention heads, layers, single weights; then let the rest recover.

Source: Michel et al. 2019, "Are sixteen heads really better than one?"; Molchanov et al. 2019, "Importance estimation for neural
network pruning"; Kurtic et al. 2023, "ZipLM" (what is left makes up for what is gone, solved); Sanh et al. 2020, "Movement
pruning"; Mishra et al. 2021 (n:m); soft targets of the whole model: Hinton et al. 2015.
Trains: all parameters that are left, and the head; with *epochs* 0 none.
Shapes: kept neurons and heads (k,) of each layer, as many in every one; calibration rows (rows, t).
Relations: starts from what ``of`` derives, or in a chain from the model of the step before; ``distillation`` as the next step
recovers more. With nothing taken out and *epochs* 0 it is the model that it starts from, bit for bit.

>>> hasei.derive("tickets.csv", {"pruning": {"width": 0.5, "heads": 0.33, "of": "full_fine_tuning"}})  # doctest: +SKIP
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
import torch
from pydantic import Field, field_validator, model_validator

from hasei.engine import pruning
from hasei.engine.block_costs import Layout
from hasei.engine.derivation import Context, Derivation, Facts, Supports
from hasei.engine.losses import loss_of
from hasei.engine.readings import reading_of
from hasei.engine.teaching import lesson_loss
from hasei.engine.training import Source
from hasei.engine.unit_scores import Calibration
from hasei.ground.errors import NotSupported
from hasei.ground.language import _
from hasei.inputs.architecture import find_stack
from hasei.methods._answering import say_agreement
from hasei.methods._finished import Finished, check_before, effort_before, finished
from hasei.methods._members import Member
from hasei.methods._pruned import fit, prune_heads, prune_layers, prune_neurons, prune_weights
from hasei.methods._tuning import Part, Tuned, freeze, head_of, passes, train_part

NAME = "pruning"
SUPPORTS = Supports(gradients=True, starts_as_base=False)
SOFT = ("category", "categories", "number")
TEMPERATURE = 2.0
FEW = 128
"""Rows on which layouts are compared."""


class Params(Tuned):
    """Settings. *width*, *heads*, *weights*: which share of neurons, attention heads and single weights is taken out;
    *weights* may be n:m (``2:4``: two of every four in a row stay). *layers*: how many, or which, counted from 0.

    *by*: what is worth least by its own size, by what leaving it out does to the loss (to first order), by how training moves
    it, or by what the others can't make up for. *rows*: how many train rows that is measured on. *of*: what derives the model to
    begin from. *target_ms*: a row takes so long at most on this machine, or such a share (``60%``) of the whole model's time;
    what goes is then found. *labels*: share of the recovery's loss that is of labels, the rest is what the whole model says.
    """

    of: Member | None = None
    width: float = Field(0.5, ge=0, lt=1)
    heads: float = Field(0.0, ge=0, lt=1)
    layers: int | tuple[int, ...] = 0
    weights: float | str = 0.0
    by: Literal["magnitude", "effect", "movement", "reconstruction"] = "reconstruction"
    rows: int = Field(512, ge=1)
    target_ms: float | str | None = None
    labels: float = Field(0.1, ge=0, le=1)
    epochs: int = Field(3, ge=0, le=1000)
    layer_decay: float = Field(1.0, gt=0, le=1)

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # a study keys its trials by it, and settings inside settings have no hash

    @model_validator(mode="after")
    def _one_wish(self) -> Self:
        named = sorted({"width", "heads", "layers"} & self.model_fields_set)
        if self.target_ms is not None and named:
            raise ValueError(f"target_ms finds what goes by itself: leave out {', '.join(named)}")
        return self

    @field_validator("weights")
    @classmethod
    def _share_or_pattern(cls, value: float | str) -> float | str:
        pattern_of(value)
        return value

    @field_validator("target_ms")
    @classmethod
    def _time(cls, value: float | str | None) -> float | str | None:
        share = value.rstrip("% ") if isinstance(value, str) else ""
        if isinstance(value, str) and not (
            value.endswith("%") and share.replace(".", "", 1).isdecimal() and float(share) > 0
        ):
            raise ValueError("milliseconds a row, or a share of the time of the whole model as in 60%")
        if isinstance(value, float) and value <= 0:
            raise ValueError("milliseconds a row, or a share of the time of the whole model as in 60%")
        return value

    @field_validator("layers")
    @classmethod
    def _layers(cls, value: int | tuple[int, ...]) -> int | tuple[int, ...]:
        each = [value] if isinstance(value, int) else value
        if any(one < 0 for one in each) or len(set(each)) < len(each):
            raise ValueError("how many layers, or different ones counted from 0")
        return value


def pattern_of(weights: float | str) -> tuple[int, int] | None:
    """Return (n, m) where *weights* is ``n:m``, None where it is a share; raises ValueError where it is neither."""
    if not isinstance(weights, str):
        if not 0 <= weights < 1:
            raise ValueError("a share from 0 to below 1, or n:m as in 2:4")
        return None
    n, colon, m = weights.partition(":")
    if not colon or not (n.isdecimal() and m.isdecimal()) or not 0 < int(n) < int(m):
        raise ValueError("a share from 0 to below 1, or n:m as in 2:4")
    return int(n), int(m)


def proposals(facts: Facts) -> list[Params]:
    """None: a smaller model is a wish, and what it is made of has to be found first."""
    return []


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("a model is worth making smaller once the best one is known: name what it is made of")


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row."""
    return effort_before(params.of, facts, NAME) + 1.0 + (passes(params, facts, 1.0) if params.epochs else 0.0)


def check(params: Params, layers: int) -> None:
    """Raise NotSupported where a base of *layers* layers has no such layers, or none would be left."""
    check_before(params.of, layers, NAME)
    named = isinstance(params.layers, tuple)
    gone = len(params.layers) if isinstance(params.layers, tuple) else params.layers
    if gone >= layers or (named and any(one >= layers for one in params.layers)):  # type: ignore[union-attr]
        raise NotSupported(
            "these layers can't be taken out", expected=f"fewer than the {layers} of the model, counted from 0 to {layers - 1}",
            received=f"layers {params.layers}", do="take out fewer",
        )  # fmt: skip


def derive(context: Context, params: Params) -> Derivation:
    """Take parts out, solve or train what is left; raises NotSupported where the model has no such parts."""
    SUPPORTS.refuse(NAME, context.task)
    check(params, context.trunk.layers)
    start = finished(context, params.of, NAME)
    reading = reading_of(context.task)
    if start.format != reading.format:
        raise NotSupported(
            f"'{NAME}' needs a whole model", received=f"one that is written as {start.format}",
            do="name a method that trains the base itself under 'of'",
        )  # fmt: skip
    model: Any = copy.deepcopy(start.predictor.model)  # type: ignore[attr-defined]
    check(params, len(find_stack(model.trunk)))
    pruning.refuse_experts(model.trunk)
    model.requires_grad_(False)
    with reading.source(context, find_stack(model.trunk), -1) as source:
        params, masks = _prune(context, params, model, source)
        frozen: Params = params
        curve: list[dict[str, float]] = []
        if params.epochs:
            frozen, curve = _recover(context, params, model, masks, source, start)
    trained = _changed(model, context, bool(params.epochs))
    predictor = reading.predictor(model.eval(), context.trunk)
    say_agreement(context, start.predictor, predictor)
    return Derivation(
        predictor, start.format, frozen.model_copy(update={"of": start.of}),
        trained=trained, curve=tuple(curve),
        trainable_parameters=sum(p.numel() for n, p in model.named_parameters() if n in set(trained)),
    )  # fmt: skip


def _prune(context: Context, params: Params, model: Any, source: Source) -> tuple[Params, dict[str, torch.Tensor]]:
    """Take out of *model* what *params* say, in place; return them with the layers named, and which single weights stay."""
    reading, count = reading_of(context.task), len(context.inputs)
    rows = np.sort(np.random.default_rng(context.seed).permutation(count)[: params.rows])
    targets = reading.targets(context)
    known = Calibration(source, rows, targets, loss_of(params.loss, context.task, targets, NAME), context.watch)
    if params.target_ms is not None:
        params = _fitted(context, params, model, known)
    if params.layers:
        params = params.model_copy(update={"layers": prune_layers(model, params.layers, known)})
    if params.heads:
        blocks = pruning.heads(model.trunk, find_stack(model.trunk))
        prune_heads(
            model, _left(blocks[0].count, params.heads, "heads"), params.by, known, context.trunk.probing_batch()
        )
    if params.width:
        pruning.feed_forward(model.trunk, find_stack(model.trunk))
        width = pruning.width_of(model.trunk.config)[1]
        prune_neurons(model, _left(width, params.width, "width"), params.by, known)
    pattern = pattern_of(params.weights)
    if not params.weights:
        return params, {}
    return params, prune_weights(model, 0.0 if pattern else float(params.weights), pattern, params.by, known)


def _fitted(context: Context, params: Params, model: Any, known: Calibration) -> Params:
    """Return *params* with what has to go so that a row takes at most their target on this machine, and say so."""
    few = replace(known, rows=known.rows[:: max(1, len(known.rows) // FEW)])
    target: Any = params.target_ms
    costs, layout = fit(model, target, few, context.trunk.sample(context.inputs))
    context.watch.report("finding", _(
        "a row takes {before} ms on this machine, and about {after} ms without {width} of the neurons, {heads} of the heads and "
        "{layers} layers", before=f"{costs.row_ms(Layout()):.3g}", after=f"{costs.row_ms(layout):.3g}",
        width=f"{layout.width:.0%}", heads=f"{layout.heads:.0%}", layers=layout.layers,
    ))  # fmt: skip
    chosen = {"width": layout.width, "heads": layout.heads, "layers": layout.layers, "target_ms": None}
    return params.model_copy(update=chosen)


def _left(count: int, share: float, what: str) -> int:
    left = count - round(count * share)
    if left < 1:
        raise NotSupported(
            f"nothing would be left with {what} {share:g}", expected=f"1 of {count} at least", do="take out less"
        )
    return left


def _recover(
    context: Context, params: Params, model: Any, masks: dict[str, torch.Tensor], source: Source, start: Finished
) -> tuple[Params, list[dict[str, float]]]:  # fmt: skip
    """Train what is left of *model* in place, by what the whole model says of the rows and by their labels."""
    reading, stack = reading_of(context.task), find_stack(model.trunk)
    names = frozenset(n for n, _ in model.trunk.named_parameters())
    targets, loss = reading.targets(context), None
    if context.task.target_kind in SOFT and getattr(context.task, "reading", "whole") == "whole":
        said = np.asarray(start.predictor.outputs(context.inputs, context.watch), np.float32)
        labels = np.asarray(targets, np.float32).reshape(len(said), -1)
        own = loss_of(params.loss, context.task, targets, NAME)
        loss = lesson_loss(context.task, said.shape[1], labels.shape[1], TEMPERATURE, params.labels, own)
        targets = np.concatenate([labels, said], 1)
    handles = [
        model.trunk.get_parameter(n).register_hook(lambda g, m=m: g * m) for n, m in masks.items()
        if model.trunk.get_parameter(n).requires_grad_(True) is not None
    ]  # fmt: skip
    plan: Any = freeze(context, params)
    frozen, curve = train_part(
        context, NAME, model, Part(model.trunk, stack, names, -1), plan, source, targets, loss=loss
    )
    for handle in handles:
        handle.remove()
    return frozen, curve  # type: ignore[return-value]


def _changed(model: Any, context: Context, trained: bool) -> tuple[str, ...]:
    """Names of parameters of *model* that are not the base's own, its head's last."""
    base = {f"trunk.{n}": p for n, p in context.trunk.model.named_parameters()}
    inside = [
        n for n, p in model.named_parameters()
        if n.startswith("trunk.") and (trained or n not in base or not torch.equal(base[n], p))
    ]  # fmt: skip
    return (*sorted(inside), *head_of(model))
