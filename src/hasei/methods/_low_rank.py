"""What methods with low-rank matrices share: their settings, and the matrices beside the linear layers of some layers, by PEFT.

Source: Hu et al. 2022, "LoRA: low-rank adaptation of large language models".
Shapes: update = (scale / rank) * B A with A (rank, in) and B (out, rank); rank-stabilised: (scale / sqrt(rank)) * B A.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pydantic import Field

from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported
from hasei.methods._adapting import Ranged, layers_of, linear_layers, with_peft
from hasei.methods._tuning import Part


class LowRank(Ranged):
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


def low_rank(trunk: Trunk, params: LowRank, seed: int, name: str) -> Part:
    """Return a copy of *trunk* with matrices beside the linear layers of the chosen layers, and beside their experts.

    Raises NotSupported for the method *name* where there are none, or *params* ask for what experts can't have.
    """
    from peft import LoraConfig

    layers = layers_of(params, trunk.layers)
    targets = linear_layers(trunk, layers, name)
    experts = experts_of(trunk, layers)
    if experts and params.dora:
        raise NotSupported(
            f"the experts of '{trunk.base.name}' have no columns whose lengths could be learnt apart",
            do="set dora false",
        )
    model = trunk.fresh(())
    turned = all(type(model.get_submodule(path)).__name__ == "Conv1D" for path in targets)
    config = LoraConfig(
        r=params.rank, lora_alpha=params.scale, lora_dropout=0.0, target_modules=targets, bias="none",
        target_parameters=experts or None, fan_in_fan_out=turned, use_rslora=params.rank_stabilised, use_dora=params.dora,
    )  # fmt: skip
    part = with_peft(trunk, model, config, seed, params.first_layer, "lora_")
    return replace(part, rates={name: params.plus for name in part.names if "lora_B" in name})


def experts_of(trunk: Trunk, layers: Sequence[int]) -> list[str]:
    """Return the paths of what *layers* hold as the experts of a layer in one tensor."""
    return [
        f"{trunk.stack.path}.{i}.{name}"
        for i in layers
        for name, parameter in trunk.stack.layers[i].named_parameters()
        if parameter.ndim == 3
    ]
