"""The body that gradient methods share: solve a head, train it together with a part of the trunk, keep the result.

Linear probing, then fine-tuning (Kumar et al. 2022): the solved head is where training starts, so that the first steps do
not distort the features to fit random weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field
from torch import nn

from hasei.engine.activations.probe import Probe
from hasei.engine.checkpoint import Checkpoint
from hasei.engine.derivation import Context, Derivation, Facts
from hasei.engine.pooled import layer_dropout
from hasei.engine.precision import best_precision
from hasei.engine.readings import reading_of
from hasei.engine.source import compact_embedding
from hasei.engine.splits import inner_split
from hasei.engine.training import Job, Plan, Source, train
from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported
from hasei.ground.files import hash_json
from hasei.inputs.architecture import Stack
from hasei.tasks import Array

HEAD_L2 = 0.1
"""Stronger than a head that is to predict: one that fits its rows perfectly leaves the trunk no gradient to learn from."""


class Tuned(Plan):
    """Settings that every gradient method has.

    *min_steps* lengthens the training of small data sets; *dropout* is the share of states dropped between layers.
    """

    min_steps: int = Field(150, ge=0)
    dropout: float = Field(0.1, ge=0, lt=1)
    smoothing: float = Field(0.1, ge=0, lt=1)
    layer_decay: float = Field(0.8, gt=0, le=1)
    rows_per_step: int = Field(64, ge=1, le=4096)
    learning_rate: float = Field(8e-4, gt=0, le=1)
    head_learning_rate: float = Field(2e-3, gt=0, le=10)


@dataclass(frozen=True)
class Part:
    """Which part of a copy of the trunk is trained. *lowest* is the lowest layer that holds a trained parameter.

    *names* are the trained parameters of *trunk*; *stack* its layers; *adapter*: the result is written beside its base;
    *headless*: there is no head above it.
    """

    trunk: nn.Module
    stack: Stack
    names: frozenset[str]
    lowest: int
    adapter: bool = False
    headless: bool = False

    @property
    def trained(self) -> tuple[str, ...]:
        """The parameters of a model of this trunk that may differ from the base's, its head's last."""
        head = () if self.headless else ("head.weight", "head.bias")
        return (*sorted(f"trunk.{n}" for n in self.names), *head)

    def size(self, model: nn.Module) -> int:
        """How many numbers of *model* are trained."""
        sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
        return sum(sizes[name] for name in self.trained)


def epochs_for(params: Tuned, rows: int) -> int:
    """Epochs on *rows* train rows: at least ``min_steps`` optimiser steps, at most 40 epochs for that."""
    steps = max(1, -(-rows // params.rows_per_step))
    return max(params.epochs, min(40, -(-params.min_steps // steps)))


def passes(params: Tuned, facts: Facts, share: float) -> float:
    """Forward passes of the whole base that one row costs in a training: forward and backward of *share* of its layers."""
    return epochs_for(params, facts.rows) * (3.0 * share + 0.1)


def top_layers(trunk: Trunk, count: int, *, headless: bool = False) -> Part:
    """Return the top *count* layers of a copy of *trunk*, or all of it where *count* reaches the embeddings."""
    copy = trunk.fresh()
    lowest = trunk.layers - count if count <= trunk.layers else -1
    stack = Stack(trunk.stack.path, tuple(copy.get_submodule(trunk.stack.path).children()))
    return Part(copy, stack, frozenset(trunk.probe.trainable_from(lowest)), lowest, headless=headless)


def tune(context: Context, name: str, params: Tuned, make: Callable[[Trunk], Part]) -> Derivation:
    """Train the part that *make* chooses; *params* with every choice made are the derivation's ``frozen``."""
    trunk, reading = context.trunk, reading_of(context.task)
    part = make(trunk)
    model = reading.begin(context, part.trunk, HEAD_L2)
    with reading.source(context, part.stack, part.lowest) as source:
        frozen, curve = train_part(
            context, name, model, part, freeze(context, params), source, reading.targets(context)
        )
    return Derivation(
        predictor=reading.predictor(model, trunk),
        format=reading.adapter_format if part.adapter else reading.format,
        frozen=frozen,
        trainable_parameters=part.size(model),
        trained=part.trained,
        curve=tuple(curve),
    )


def check_layers(count: int, layers: int) -> None:
    """Raise NotSupported when a base of *layers* layers has fewer than the *count* that are to be trained."""
    if count > layers:
        raise NotSupported(
            f"the base has no {count} layers to train", expected=f"1 to {layers}", do="set top_layers lower"
        )


def freeze(context: Context, params: Tuned) -> Tuned:
    """Make every choice that depends on rows or machine explicit: epochs for small data, the precision."""
    epochs = epochs_for(params, len(context.inputs))
    precision = machine_precision(context) if params.precision == "auto" else params.precision
    return params.model_copy(update={"epochs": epochs, "min_steps": 0, "precision": precision})


def train_part(
    context: Context, name: str, model: nn.Module, part: Part, plan: Tuned, source: Source, targets: Array,
    loss: Callable[..., torch.Tensor] | None = None,
) -> tuple[Tuned, list[dict[str, float]]]:  # fmt: skip
    """Train *part* of *model* and its head on the rows of *source*; return the plan with the epochs found, and the curve.

    *targets* are those of the rows of *source*, *loss* is the task's where none is given. Early stopping looks only at a tenth
    of the train rows.
    """
    trunk = context.trunk
    held = inner_split(context.units, 0.1, context.seed)[1] if plan.patience else np.empty(0, np.int64)
    names = {f"trunk.{n}" for n in part.names}
    for parameter_name, parameter in model.named_parameters():
        parameter.requires_grad_(parameter_name in names or parameter_name.startswith("head."))
    checkpoint = _checkpoint(context, name, plan)
    with (
        compact_embedding(part.trunk, source.ids),
        layer_dropout(model, part.stack.layers[max(0, part.lowest) :], plan.dropout),
    ):
        job = Job(
            model, source, targets, loss or context.task.loss, plan, context.seed,
            head=frozenset(("head.weight", "head.bias")), depth=_depths(trunk.probe, trunk.layers),
            no_decay=frozenset(n for n in names if "embed" in n), held=held,
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


def _depths(probe: Probe, layers: int) -> dict[str, int]:
    """How many layers lie above each parameter; adapters inside a layer are found by the layer's own path."""
    return {f"trunk.{n}": max(0, layers - 1 - position) for n, position in probe.position.items()}


def _checkpoint(context: Context, name: str, plan: Tuned) -> Checkpoint | None:
    if context.scratch is None:
        return None
    key = hash_json({
        "method": name, "plan": plan.model_dump(), "seed": context.seed, "base": context.trunk.base.content_hash,
        "inputs": [list(i) if isinstance(i, tuple) else i for i in context.inputs], "truth": [str(t) for t in context.truth],
        "threads": torch.get_num_threads(),
    })  # fmt: skip
    return Checkpoint(context.scratch / f"{name}-{key[:12]}.safetensors", key)


def machine_precision(context: Context) -> str:
    """Return the precision that training should use on this machine, measured on some of the rows."""
    trunk = context.trunk
    tokens = trunk.corpus_of(context.inputs).tokens
    batch = tokens.pad(np.arange(min(32, len(tokens))), trunk.pad_id)
    return best_precision(trunk.model, batch, trunk.base.content_hash)
