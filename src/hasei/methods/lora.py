"""Low-rank adapters on the linear layers of the top layers, through PEFT, starting from a solved head.

Source: Hu et al. 2022, "LoRA: low-rank adaptation of large language models"; ``rank_stabilised``: Kalajdzievski 2023, "A rank
stabilization scaling factor for fine-tuning with LoRA"; ``dora``: Liu et al. 2024, "DoRA: weight-decomposed low-rank
adaptation"; ``plus``: Hayou et al. 2024, "LoRA+: efficient low rank adaptation of large models".
Trains: two matrices (rank x in, out x rank) beside each adapted linear layer, with ``dora`` also its columns' lengths, and the
head; the base stays as it is.
Shapes: update = (scale / rank) * B A with A (rank, in) and B (out, rank); rank-stabilised: (scale / sqrt(rank)) * B A.
Relations: at full rank on all layers this approaches ``full_fine_tuning``; saved as an adapter that many models can
share one base with. On a CPU it is not faster than fine-tuning the same layers.

>>> hasei.study("tickets.csv", methods=["lora"])  # doctest: +SKIP
"""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Facts
from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported
from hasei.ground.language import _
from hasei.methods._adapting import (
    IN_LAYERS,
    Ranged,
    check_range,
    effort_above,
    layers_of,
    linear_layers,
    reads_first,
    with_peft,
)
from hasei.methods._tuning import BESIDE_ITS_BASE, Part, tune

SUPPORTS = IN_LAYERS
LEAVES = BESIDE_ITS_BASE


class Params(Ranged):
    """Settings. Layers *first_layer* to *last_layer* (counted from 0, both included; None: to the end) are adapted.

    *rank_stabilised* scales by the root of the rank, so that large ranks learn too; *dora* learns how long each column of a
    weight is apart from where it points; *plus* is how many times as fast B learns as A (LoRA+: about 16).
    """

    rank: int = Field(8, ge=1, le=1024)
    scale: float = Field(16.0, gt=0)
    rank_stabilised: bool = False
    dora: bool = False
    plus: float = Field(1.0, gt=0, le=1000)
    learning_rate: float = Field(2e-3, gt=0, le=1)


def proposals(facts: Facts) -> list[Params]:
    """Adapt the upper half: the layers below are then replayed, not run."""
    return [Params(first_layer=facts.layers // 2)]


check = check_range
reads = reads_first


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("small adapters of the upper half, of which many can share one base")


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row; adapters cost more than they save while training on a CPU."""
    return effort_above(params, facts, 2.0 if params.dora else 1.2)


def derive(context: Context, params: Params) -> Derivation:
    """Train the adapters; raises NotSupported when the layer range is empty or out of the base's layers."""
    SUPPORTS.refuse("lora", context.task)
    check(params, context.trunk.layers)
    return tune(context, "lora", params, lambda trunk: _adapted(trunk, params, context.seed))


def _adapted(trunk: Trunk, params: Params, seed: int) -> Part:
    from peft import LoraConfig

    layers = layers_of(params, trunk.layers)
    targets = linear_layers(trunk, layers, "lora")
    experts = [
        f"{trunk.stack.path}.{i}.{name}"
        for i in layers
        for name, parameter in trunk.stack.layers[i].named_parameters()
        if parameter.ndim == 3  # the experts of a layer, held in one tensor
    ]
    if experts and params.dora:
        raise NotSupported(
            f"the experts of '{trunk.base.name}' have no columns whose lengths could be learnt apart",
            do="set dora false",
        )
    model = trunk.fresh(())
    turned = all(type(model.get_submodule(name)).__name__ == "Conv1D" for name in targets)
    config = LoraConfig(
        r=params.rank, lora_alpha=params.scale, lora_dropout=0.0, target_modules=targets, bias="none",
        target_parameters=experts or None, fan_in_fan_out=turned, use_rslora=params.rank_stabilised, use_dora=params.dora,
    )  # fmt: skip
    part = with_peft(trunk, model, config, seed, params.first_layer, "lora_")
    return replace(part, rates={name: params.plus for name in part.names if "lora_B" in name})
