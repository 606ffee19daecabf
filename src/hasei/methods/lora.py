"""Low-rank adapters on the linear layers of the top layers, through PEFT, starting from a solved head.

Source: Hu et al. 2022, "LoRA: low-rank adaptation of large language models".
Trains: two matrices (rank x in, out x rank) beside each adapted linear layer, and the head; the base stays as it is.
Shapes: update = (scale / rank) * B A with A (rank, in) and B (out, rank).
Relations: at full rank on all layers this approaches ``full_fine_tuning``; saved as an adapter that many models can
share one base with. On a CPU it is not faster than fine-tuning the same layers.

>>> hasei.study("tickets.csv", methods=["lora"])  # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any

from pydantic import Field
from torch import nn

from hasei.engine.derivation import Context, Derivation, Facts, Supports
from hasei.engine.opening import quiet
from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported
from hasei.ground.language import _
from hasei.inputs.architecture import Stack
from hasei.methods._tuning import Part, Tuned, passes, tune

SUPPORTS = Supports(inputs=("text", "image"), targets=(*Supports.targets, "text", "likelihood"), gradients=True)


class Params(Tuned):
    """Settings. Layers *first_layer* to *last_layer* (counted from 0, both included; None: to the end) are adapted."""

    rank: int = Field(8, ge=1, le=1024)
    scale: float = Field(16.0, gt=0)
    first_layer: int = Field(0, ge=0)
    last_layer: int | None = Field(None, ge=0)
    learning_rate: float = Field(2e-3, gt=0, le=1)
    layer_decay: float = Field(1.0, gt=0, le=1)


def proposals(facts: Facts) -> list[Params]:
    """Adapt the upper half: the layers below are then replayed, not run."""
    return [Params(first_layer=facts.layers // 2)]


def check(params: Params, layers: int) -> None:
    """Raise NotSupported when the layer range is empty or not within a base of *layers* layers."""
    last = layers - 1 if params.last_layer is None else params.last_layer
    if not params.first_layer <= last < layers:
        raise NotSupported(
            f"the layer range {params.first_layer} to {last} does not exist in this base",
            expected=f"layers within 0 to {layers - 1}", do="set first_layer and last_layer within it",
        )  # fmt: skip


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("small adapters of the upper half, of which many can share one base")


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row; adapters cost more than they save while training on a CPU."""
    return passes(params, facts, 1.2 * (facts.layers - params.first_layer) / facts.layers)


def reads(params: Params, layers: int) -> int:
    """The layer whose kept states it starts from, so that a study keeps them while it reads the rows."""
    return params.first_layer


def derive(context: Context, params: Params) -> Derivation:
    """Train the adapters; raises NotSupported when the layer range is empty or out of the base's layers."""
    SUPPORTS.refuse("lora", context.task)
    layers = context.trunk.layers
    check(params, layers)
    last = layers - 1 if params.last_layer is None else params.last_layer
    return tune(context, "lora", params, lambda trunk: _adapted(trunk, params, last, context.seed))


def _adapted(trunk: Trunk, params: Params, last: int, seed: int) -> Part:
    import torch
    from peft import LoraConfig, get_peft_model

    model: Any = trunk.fresh(())
    layers = range(params.first_layer, last + 1)
    targets = [
        f"{trunk.stack.path}.{i}.{name}"
        for i in layers
        for name, module in trunk.stack.layers[i].named_modules()
        if isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"  # GPT-2's name for a linear layer
        if not name.endswith("shared_expert_gate")  # a router; others are no linear layers
    ]
    experts = [
        f"{trunk.stack.path}.{i}.{name}"
        for i in layers
        for name, parameter in trunk.stack.layers[i].named_parameters()
        if parameter.ndim == 3  # the experts of a layer, held in one tensor
    ]
    if not targets:
        raise NotSupported(
            "the chosen layers hold no plain linear layer that could be adapted", do="choose another method"
        )
    turned = all(type(model.get_submodule(name)).__name__ == "Conv1D" for name in targets)
    config = LoraConfig(
        r=params.rank, lora_alpha=params.scale, lora_dropout=0.0, target_modules=targets, bias="none",
        target_parameters=experts or None, fan_in_fan_out=turned,
    )  # fmt: skip
    with quiet(), torch.random.fork_rng():
        torch.manual_seed(seed)
        adapted: nn.Module = get_peft_model(model, config)
    names = frozenset(n for n, _ in adapted.named_parameters() if "lora_" in n)
    inner = adapted.get_submodule(f"base_model.model.{trunk.stack.path}")
    return Part(adapted, Stack(trunk.stack.path, tuple(inner.children())), names, params.first_layer, adapter=True)
