"""The base with nothing but a prompt: what zero-shot, few-shot and retrieval share."""

from __future__ import annotations

from typing import Any, cast

from pydantic import Field

from hasei.engine.causal import CausalModel, CausalTrunk
from hasei.engine.derivation import Context, Derivation, Settings
from hasei.engine.readings import reading_of
from hasei.engine.writing import Examples, WritingPredictor


class Prompted(Settings):
    """How texts are written; *max_new_tokens* None: a quarter more than the longest train answer. *temperature* 0: greedy."""

    max_new_tokens: int | None = Field(None, ge=1, le=4096)
    temperature: float = Field(0.0, ge=0, le=10)
    top_p: float = Field(1.0, gt=0, le=1)


def rows_of(context: Context) -> tuple[tuple[str, str], ...]:
    """Return (prompt, answer) of the rows of *context*."""
    return tuple((i if isinstance(i, str) else i[0], str(answer)) for i, answer in zip(context.inputs, context.truth))


def prompted(context: Context, params: Prompted, examples: Examples | None = None) -> Derivation:
    """Return the base of *context*, unchanged, as it answers with *examples* before each prompt."""
    trunk, reading = cast(CausalTrunk, context.trunk), cast(Any, reading_of(context.task))
    decoding = reading.decoding(context)
    chosen = {"temperature": params.temperature, "top_p": params.top_p, "seed": context.seed}
    decoding = decoding.model_copy(
        update=chosen | ({"max_new_tokens": params.max_new_tokens} if params.max_new_tokens else {})
    )
    model = CausalModel(trunk.fresh(()), plain=trunk.plain, decoding=decoding)
    if context.task.target_kind == "likelihood":
        frozen = params.model_copy(update={"max_new_tokens": 1})
        return Derivation(reading.predictor(model, trunk), reading.format, frozen, trainable_parameters=0)
    frozen = params.model_copy(update={"max_new_tokens": decoding.max_new_tokens})
    predictor = WritingPredictor(model, trunk.chat, trunk.max_tokens, examples)
    return Derivation(predictor, reading.format, frozen, trainable_parameters=0)
