"""What methods share that add small parts to some layers of a base: the layer range, and PEFT's model around a copy of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field
from torch import nn

from hasei.engine.derivation import Facts, Supports
from hasei.engine.opening import quiet
from hasei.engine.seeds import seeded
from hasei.engine.sublayers import Sublayer, is_linear, sublayers
from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported
from hasei.inputs.architecture import Stack
from hasei.methods._tuning import Part, Tuned, passes

IN_LAYERS = Supports(inputs=("text", "image"), targets=(*Supports.targets, "text", "likelihood"), gradients=True)


class Ranged(Tuned):
    """Settings. Layers *first_layer* to *last_layer* (counted from 0, both included; None: to the end) are adapted."""

    first_layer: int = Field(0, ge=0)
    last_layer: int | None = Field(None, ge=0)
    layer_decay: float = Field(1.0, gt=0, le=1)


def check_range(params: Ranged, layers: int) -> None:
    """Raise NotSupported when the layer range is empty or not within a base of *layers* layers."""
    last = layers - 1 if params.last_layer is None else params.last_layer
    if not params.first_layer <= last < layers:
        raise NotSupported(
            f"the layer range {params.first_layer} to {last} does not exist in this base",
            expected=f"layers within 0 to {layers - 1}", do="set first_layer and last_layer within it",
        )  # fmt: skip


def layers_of(params: Ranged, layers: int) -> range:
    """Return the layers of a base of *layers* that are adapted; raises NotSupported as :func:`check_range` does."""
    check_range(params, layers)
    return range(params.first_layer, layers if params.last_layer is None else params.last_layer + 1)


def effort_above(params: Ranged, facts: Facts, cost: float = 1.2) -> float:
    """Forward passes of the base per row; *cost*: what a layer with its adapters costs, a layer alone being 1."""
    return passes(params, facts, cost * (facts.layers - params.first_layer) / facts.layers)


def reads_first(params: Ranged, layers: int) -> int:
    """The layer whose kept states a training starts from, so that a study keeps them while it reads the rows."""
    return params.first_layer


def linear_layers(trunk: Trunk, layers: Sequence[int], name: str) -> list[str]:
    """Return the paths of the linear layers in *layers* of *trunk*; raises NotSupported for the method *name* where none is."""
    found = [
        f"{trunk.stack.path}.{i}.{path}"
        for i in layers
        for path, module in trunk.stack.layers[i].named_modules()
        if is_linear(module) and not path.endswith("shared_expert_gate")  # a router; others are no linear layers
    ]
    if not found:
        raise no_linear_layer(trunk, name)
    return found


def parts_of(trunk: Trunk, layers: Sequence[int], name: str) -> list[Sublayer]:
    """Return the attention and feed-forward parts of *layers*; raises NotSupported for the method *name* where there is none."""
    found = [part for part in sublayers(trunk.model, trunk.stack, trunk.probing_batch()) if part.layer in layers]
    if not found:
        raise no_linear_layer(trunk, name)
    return found


def no_linear_layer(trunk: Trunk, name: str) -> NotSupported:
    """Return the error for a base in whose chosen layers the method *name* finds nothing to adapt."""
    return NotSupported(
        f"'{name}' finds no plain linear layer to adapt in the chosen layers of '{trunk.base.name}'",
        do="use partial_fine_tuning, full_fine_tuning or feature_extraction, or a base such as a transformer",
    )


def with_peft(trunk: Trunk, model: nn.Module, config: Any, seed: int, first: int, mark: str) -> Part:
    """Return *model*, a copy of the trunk, under PEFT's *config*; the trained parameters are those with *mark* in their name."""
    from peft import get_peft_model

    with quiet(), seeded(seed):
        adapted: nn.Module = get_peft_model(model, config)
    names = frozenset(n for n, _ in adapted.named_parameters() if mark in n)
    inner = adapted.get_submodule(f"base_model.model.{trunk.stack.path}")
    return Part(adapted, Stack(trunk.stack.path, tuple(inner.children())), names, first, adapter=True)
