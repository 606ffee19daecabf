"""Learn a few tokens that stand before every row, by their vectors in the token table's space, through PEFT.

Source: Lester et al. 2021, "The power of scale for parameter-efficient prompt tuning".
Trains: the vectors of ``length`` learnt tokens, begun as those of tokens drawn from the vocabulary, and the head.
Shapes: learnt vectors (length, h).
Relations: ``p_tuning`` makes the vectors by a small network, ``prefix_tuning`` learns keys and values of every layer. The fewest
numbers of all; no identity at the start, since the rows are read after the learnt tokens from the first step on.

>>> hasei.study("tickets.csv", methods=["prompt_tuning"])  # doctest: +SKIP
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
    """Settings. *length* tokens are learnt and stand before every row."""

    learning_rate: float = Field(3e-2, gt=0, le=1)


def proposals(facts: Facts) -> list[Params]:
    """None: on bases of this size it learns slowly and seldom as well as what changes the layers."""
    return []


effort = prompted_effort


def derive(context: Context, params: Params) -> Derivation:
    """Train it; raises NotSupported where the base's architecture does not take it or has too few positions."""

    def config(trunk: Trunk, shape: dict[str, Any]) -> Any:
        from peft import PromptTuningConfig

        return PromptTuningConfig(prompt_tuning_init="SAMPLE_VOCAB", **shape)

    return prompt(context, "prompt_tuning", params, config)
