"""Learn only by how much keys, values and inner activations are scaled: a few numbers a layer, through PEFT.

Source: Liu et al. 2022, "Few-shot parameter-efficient fine-tuning is better and cheaper than in-context learning" ((IA)^3).
Trains: one factor for each output of the linear layers that make keys and values (with the queries, where one layer makes all),
one for each input of the last linear layer of a feed-forward part, and the head; the base stays as it is.
Shapes: factors (out,) and (in,), ones at the start.
Relations: far fewer numbers than ``lora``, and so less that it can learn; for few rows, or very many models of one base.

>>> hasei.study("tickets.csv", methods=["ia3"])  # doctest: +SKIP
"""

from __future__ import annotations

from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Facts
from hasei.engine.sublayers import ATTENTION
from hasei.engine.trunk import Trunk
from hasei.methods._adapting import (
    IN_LAYERS,
    Ranged,
    check_range,
    effort_above,
    layers_of,
    no_linear_layer,
    parts_of,
    reads_first,
    with_peft,
)
from hasei.methods._tuning import BESIDE_ITS_BASE, Part, tune

SUPPORTS = IN_LAYERS
LEAVES = BESIDE_ITS_BASE


class Params(Ranged):
    """Settings. Layers *first_layer* to *last_layer* (counted from 0, both included; None: to the end) are adapted."""

    learning_rate: float = Field(1e-2, gt=0, le=1)
    weight_decay: float = Field(0.0, ge=0, lt=1)


def proposals(facts: Facts) -> list[Params]:
    """None: it is seldom the best where rows suffice for a study."""
    return []


check = check_range
reads = reads_first
effort = effort_above


def derive(context: Context, params: Params) -> Derivation:
    """Train the factors; raises NotSupported when the layer range does not exist or has no linear layers."""
    SUPPORTS.refuse("ia3", context.task)
    check(params, context.trunk.layers)
    return tune(context, "ia3", params, lambda trunk: _scaled(trunk, params, context.seed))


def _scaled(trunk: Trunk, params: Params, seed: int) -> Part:
    from peft import IA3Config

    parts = parts_of(trunk, layers_of(params, trunk.layers), "ia3")
    outputs = [path for part in parts if part.kind == ATTENTION for path in part.keys_and_values]
    inputs = [part.last for part in parts if part.kind != ATTENTION]
    if not outputs + inputs:
        raise no_linear_layer(trunk, "ia3")
    model = trunk.fresh(())
    turned = all(type(model.get_submodule(path)).__name__ == "Conv1D" for path in outputs + inputs)
    config = IA3Config(target_modules=outputs + inputs, feedforward_modules=inputs, fan_in_fan_out=turned)
    return with_peft(trunk, model, config, seed, params.first_layer, "ia3_")
