"""Learn keys and values that every layer's attention reads before those of a row, through PEFT.

Source: Li & Liang 2021, "Prefix-tuning: optimizing continuous prompts for generation"; Liu et al. 2022, "P-tuning v2".
Trains: keys and values of ``length`` places in every layer (with ``network`` by a small network), and the head.
Shapes: (length, 2 * layers * h).
Relations: ``prompt_tuning`` stands before the first layer alone. Only where attention takes keys and values from before
(BERT, RoBERTa, ELECTRA, GPT-2, Llama, Qwen; not DistilBERT, MPNet, DeBERTa, T5, ModernBERT).

>>> hasei.study("tickets.csv", methods=["prefix_tuning"])  # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Facts
from hasei.engine.trunk import Trunk
from hasei.methods._prompting import PROMPTS, Prompting, prompt, prompted_effort
from hasei.methods._tuning import BESIDE_ITS_BASE

SUPPORTS = PROMPTS
LEAVES = BESIDE_ITS_BASE


class Params(Prompting):
    """Settings. *length* places are learnt in every layer; *network*: they are made by a network that they share."""

    length: int = Field(10, ge=1, le=1000)
    network: bool = False


def proposals(facts: Facts) -> list[Params]:
    """None: on bases of this size it learns slowly and seldom as well as what changes the layers."""
    return []


effort = prompted_effort


def derive(context: Context, params: Params) -> Derivation:
    """Train it; raises NotSupported where the base's architecture does not take it or has too few positions."""

    def config(trunk: Trunk, shape: dict[str, Any]) -> Any:
        from peft import PrefixTuningConfig

        width = int(trunk.hidden)
        return PrefixTuningConfig(
            prefix_projection=params.network, encoder_hidden_size=width, **(shape | {"token_dim": width})
        )

    return prompt(context, "prefix_tuning", params, config)
