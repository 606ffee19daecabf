"""Learn a few tokens that stand before every row, made by a small network that they share, through PEFT.

Source: Liu et al. 2021, "GPT understands, too" (P-tuning).
Trains: ``length`` vectors and three linear layers over them, and the head; what is kept is only what they give.
Shapes: learnt vectors (length, h), by layers h -> width -> width -> h.
Relations: ``prompt_tuning`` learns the vectors themselves; the network lets them move together.

>>> hasei.study("tickets.csv", methods=["p_tuning"])  # doctest: +SKIP
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
    """Settings. *length* tokens are learnt and stand before every row; *width*: of the network inside, None: theirs."""

    width: int | None = Field(None, ge=1, le=8192)
    learning_rate: float = Field(2e-3, gt=0, le=1)


def proposals(facts: Facts) -> list[Params]:
    """None: on bases of this size it learns slowly and seldom as well as what changes the layers."""
    return []


effort = prompted_effort


def derive(context: Context, params: Params) -> Derivation:
    """Train it; raises NotSupported where the base's architecture does not take it or has too few positions."""

    def config(trunk: Trunk, shape: dict[str, Any]) -> Any:
        from peft import PromptEncoderConfig

        return PromptEncoderConfig(
            encoder_reparameterization_type="MLP", encoder_hidden_size=params.width or shape["token_dim"], **shape
        )

    return prompt(context, "p_tuning", params, config)
