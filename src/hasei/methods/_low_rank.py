"""What methods with low-rank matrices share: their settings, and the matrices beside some linear layers, through PEFT.

Source: Hu et al. 2022, "LoRA: low-rank adaptation of large language models".
Shapes: update = (scale / rank) * B A with A (rank, in) and B (out, rank); rank-stabilised: (scale / sqrt(rank)) * B A.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pydantic import Field
from torch import nn

from hasei.engine.trunk import Trunk
from hasei.methods._adapting import Ranged, with_peft
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


def low_rank(
    trunk: Trunk, model: nn.Module, params: LowRank, targets: Sequence[str], seed: int, experts: Sequence[str] = ()
) -> Part:
    """Return *model*, a copy of the trunk, with matrices beside *targets*, and beside *experts* held in one tensor."""
    from peft import LoraConfig

    turned = all(type(model.get_submodule(name)).__name__ == "Conv1D" for name in targets)
    config = LoraConfig(
        r=params.rank, lora_alpha=params.scale, lora_dropout=0.0, target_modules=list(targets), bias="none",
        target_parameters=list(experts) or None, fan_in_fan_out=turned, use_rslora=params.rank_stabilised,
        use_dora=params.dora,
    )  # fmt: skip
    part = with_peft(trunk, model, config, seed, params.first_layer, "lora_")
    return replace(part, rates={name: params.plus for name in part.names if "lora_B" in name})
