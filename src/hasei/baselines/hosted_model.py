"""A hosted model behind an OpenAI-compatible endpoint, with what its answers cost: what renting gives instead of deriving.

It is tried only where it is named with its ``url`` and ``model``; the rows it answers are then sent there. The key is read
from the environment variable ``key_variable`` and never kept.

Source: none; the interface is ``POST /chat/completions`` as in OpenAI's API reference.

Trains: nothing.

Shapes: prompts (n,) -> texts (n,); prices are money for a million tokens, in the currency of the study's prices.

Relations: ``zero_shot`` is the same with a base on this machine.

>>> hasei.study("questions.jsonl", recipes=[{"hosted_model": {"url": "https://...", "model": "..."}}])  # doctest: +SKIP
"""

from __future__ import annotations

from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Facts, Settings, Supports
from hasei.formats._hosted import Endpoint, HostedPredictor

SUPPORTS = Supports(inputs=("text",), targets=("text",), bases=0)


class Params(Settings):
    """Address, model and prices; *input_price* and *output_price* are money for a million tokens."""

    url: str = ""
    model: str = ""
    key_variable: str = "HASEI_HOSTED_KEY"
    input_price: float = Field(0.0, ge=0)
    output_price: float = Field(0.0, ge=0)
    max_new_tokens: int = Field(256, ge=1, le=32768)
    timeout_seconds: float = Field(60.0, gt=0, le=3600)


def proposals(facts: Facts) -> list[Params]:
    """None: no row is sent anywhere unless that is asked for."""
    return []


def derive(context: Context, params: Params) -> Derivation:
    """Ask nothing yet. Raises UserError where url or model are not set."""
    SUPPORTS.refuse("hosted_model", context.task)
    endpoint = Endpoint(**params.model_dump())
    endpoint.check()
    return Derivation(HostedPredictor(endpoint), "hosted", params, 0)
