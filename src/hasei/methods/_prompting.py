"""The body that methods share which put learnt tokens, or keys and values, before every row, through PEFT.

Trains: what stands before the rows, and the head; nothing inside the base.
Shapes: v learnt tokens; tokens of a row and v together have to fit the base's positions.
Relations: :mod:`hasei.engine.soft_prompts` runs it; every state changes, so that the whole base is run in training.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from pydantic import Field
from torch import nn

from hasei.engine.derivation import Context, Derivation, Facts, Supports
from hasei.engine.opening import quiet
from hasei.engine.readings import reading_of
from hasei.engine.seeds import seeded
from hasei.engine.soft_prompts import Prompted, room_beside
from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported
from hasei.inputs.architecture import Stack
from hasei.methods._tuning import Part, Tuned, passes, tune

PROMPTS = Supports(
    targets=("category", "categories", "number", "choice", "spans"), gradients=True, starts_as_base=False
)


class Prompting(Tuned):
    """Settings. *length* tokens are learnt and stand before every row."""

    length: int = Field(20, ge=1, le=1000)
    epochs: int = Field(10, ge=1, le=1000)
    learning_rate: float = Field(1e-2, gt=0, le=1)
    layer_decay: float = Field(1.0, gt=0, le=1)
    weight_decay: float = Field(0.0, ge=0, lt=1)


def prompted_effort(params: Prompting, facts: Facts) -> float:
    """Forward passes of the base per row: gradients go through all layers, the rows are longer."""
    return passes(params, facts, 1.2)


def prompt(
    context: Context, name: str, params: Prompting, config: Callable[[Trunk, dict[str, Any]], Any]
) -> Derivation:  # fmt: skip
    """Train what PEFT's *config* (made of the trunk and what every one needs) puts before the rows; raises NotSupported.

    It does where the base's architecture takes no such thing, or there are no positions left for it.
    """
    PROMPTS.refuse(name, context.task)
    return tune(_with_room(context, name, params), name, params, lambda t: _part(t, name, params, config, context.seed))


def _with_room(context: Context, name: str, params: Prompting) -> Context:
    """Return *context* with rows cut so that the learnt tokens fit beside them, where they else would not."""
    base = context.trunk.base
    room = room_beside(base.positions, params.length)
    if not room:
        raise NotSupported(
            f"'{name}' leaves no positions of '{base.name}' for the rows", expected=f"a length below {base.positions}",
            received=str(params.length), do="set length lower",
        )  # fmt: skip
    if base.max_tokens <= room:
        return context
    shorter = reading_of(context.task).open(base.shortened(room), context.trunk.store)
    return replace(context, trunks=(shorter, *context.trunks[1:]))


def _part(trunk: Trunk, name: str, params: Prompting, config: Any, seed: int) -> Part:
    from peft import get_peft_model

    model: Any = trunk.fresh(())
    table = model.get_input_embeddings()
    shape = {
        "task_type": "FEATURE_EXTRACTION", "num_virtual_tokens": params.length, "num_layers": trunk.layers,
        "token_dim": int(table.embedding_dim),
        "num_attention_heads": int(getattr(model.config, "num_attention_heads", None) or 1),
    }  # fmt: skip
    with quiet(), seeded(seed):
        try:
            adapted = Prompted(get_peft_model(model, config(trunk, shape))).eval()
            _try(adapted, trunk)
        except (ValueError, TypeError, RuntimeError, AttributeError, IndexError, UserWarning) as error:
            raise NotSupported(
                f"'{name}' is not possible for the architecture of '{trunk.base.name}'",
                received=str(error) or type(error).__name__,
                do="use prompt_tuning or p_tuning where this is prefix_tuning, else adapter, lora or ia3",
            ) from error  # fmt: skip
    names = frozenset(n for n, _ in adapted.named_parameters() if ".prompt_encoder." in n)
    stack = Stack(trunk.stack.path, tuple(model.get_submodule(trunk.stack.path).children()))
    return Part(adapted, stack, names, -1, adapter=True)


def _try(model: nn.Module, trunk: Trunk) -> None:
    """Raise ValueError where the last states do not hang on what stands before the rows, what the base raises where it can't.

    What is learnt is moved for that: an architecture that looks tokens up by their vectors knows those alone that it began with.
    """
    batch = trunk.probing_batch()
    learnt = [p for n, p in model.named_parameters() if ".prompt_encoder." in n]
    began = [p.detach().clone() for p in learnt]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("error", message="Prefix tuning injected into layers")  # and not into others
        for p in learnt:
            p.add_(0.01 * torch.randn_like(p))
        found = model(**batch).last_hidden_state
        for p, value in zip(learnt, began):
            p.copy_(value)
        plain = trunk.model(**{n: v for n, v in batch.items() if n != "token_type_ids"}).last_hidden_state
    if found.shape != plain.shape or bool((found == plain).all()):
        raise ValueError("its layers do not read what stands before a row")
