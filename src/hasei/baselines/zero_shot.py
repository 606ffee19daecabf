"""The base as it is: it is given the prompt and nothing else.

Source: Radford et al. 2019, "Language models are unsupervised multitask learners".
Trains: nothing.
Shapes: prompts (n,) -> texts (n,).
Relations: ``few_shot`` shows it some train rows first; ``full_fine_tuning`` and ``lora`` let it learn from all of them.

>>> hasei.study("questions.jsonl", task="text_generation", base="my-language-model")  # doctest: +SKIP
"""

from __future__ import annotations

from hasei.baselines._prompted import Prompted, prompted
from hasei.engine.derivation import Context, Derivation, Supports

SUPPORTS = Supports(targets=("text", "likelihood"))


class Params(Prompted):
    """How texts are written."""


def derive(context: Context, params: Params) -> Derivation:
    """Leave the base as it is; train answers only tell how long a text may become."""
    SUPPORTS.refuse("zero_shot", context.task)
    return prompted(context, params)
