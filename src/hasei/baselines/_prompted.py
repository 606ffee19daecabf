"""The base with nothing but a prompt: what zero-shot, few-shot and retrieval share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from pydantic import Field

from hasei.engine.causal import CausalModel, CausalTrunk
from hasei.engine.derivation import Context, Derivation, Settings
from hasei.engine.prompts import PLACE, meanings, text_of
from hasei.engine.readings import reading_of
from hasei.engine.writing import Examples, WritingPredictor
from hasei.ground.errors import NotSupported


class Prompted(Settings):
    """How texts are written; *max_new_tokens* None: a quarter more than the longest train answer. *temperature* 0: greedy."""

    max_new_tokens: int | None = Field(None, ge=1, le=4096)
    temperature: float = Field(0.0, ge=0, le=10)
    top_p: float = Field(1.0, gt=0, le=1)


def rows_of(context: Context, descriptions: Mapping[str, str] | None = None) -> tuple[tuple[str, str], ...]:
    """Return (prompt, answer) of the rows of *context*; a label as its description or its name in words."""
    if context.task.target_kind == "category":
        said = dict(zip(context.space.names, meanings(context.task, context.space, descriptions or {})))
        return tuple((text_of(i), said[str(answer)]) for i, answer in zip(context.inputs, context.truth))
    return tuple((i if isinstance(i, str) else i[0], str(answer)) for i, answer in zip(context.inputs, context.truth))


def _refuse_of_labels(context: Context, params: Settings) -> None:
    """Raise NotSupported where *params* say how labels are asked for, and there are none; documents have no prompt either."""
    wanted = ["descriptions", "by", *(["templates"] if context.task.target_kind == "likelihood" else [])]
    given = [name for name in wanted if getattr(params, name, None)]
    if given:
        raise NotSupported(
            f"the task {context.task.name} has no use for the setting '{given[0]}'", expected="a task with labels",
            do=f"leave {given[0]} out",
        )  # fmt: skip


def template_of(params: Settings) -> str:
    """Return the one template of *params* around what is written, "" without one; raises NotSupported where they are several."""
    templates: tuple[str, ...] = getattr(params, "templates", ())
    if len(templates) > 1:
        raise NotSupported(
            "several templates can't be used where a text is written", expected="one, for answers have no mean",
            received=f"{len(templates)}", do="give one, or let prompt_search find the best",
        )  # fmt: skip
    return templates[0] if templates and templates[0] != PLACE else ""


def prompted(context: Context, params: Prompted, examples: Examples | None = None) -> Derivation:
    """Return the base of *context*, unchanged, as it answers with *examples* before each prompt."""
    _refuse_of_labels(context, params)
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
    template = template_of(params)
    if len(trunk.chat._ids(template)) > trunk.max_tokens // 2:
        raise NotSupported(
            f"the prompt '{template[:40]}' leaves no room: nothing of what it is about would be read",
            expected=f"at most {trunk.max_tokens // 2} tokens with '{trunk.base.name}'",
            received=f"{len(trunk.chat._ids(template))} tokens",
            do="shorten the template",
        )  # fmt: skip
    predictor = WritingPredictor(model, trunk.chat, trunk.max_tokens, examples, template)
    return Derivation(predictor, reading.format, frozen, trainable_parameters=0)
