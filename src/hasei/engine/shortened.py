"""Models of some of a model's layers, or narrower ones, made from its configuration."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from hasei.engine.opening import quiet, unset
from hasei.engine.seeds import seeded
from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported
from hasei.ground.files import hash_text
from hasei.inputs.architecture import find_stack

_PER_LAYER = ("layer_types", "mlp_layer_types")


def of_layers(model: nn.Module, chosen: Sequence[int]) -> nn.Module:
    """Return a model of the layers *chosen* of *model*, in that order, with copies of their weights and of all around them.

    Raises NotSupported where the architecture can't be made with so many layers.
    """
    stack = find_stack(model)
    if list(chosen) == list(range(len(stack))):
        return copy.deepcopy(model)

    def fewer(config: Any) -> None:
        config.num_hidden_layers = len(chosen)
        for name in _PER_LAYER:
            if isinstance(getattr(config, name, None), (list, tuple)):
                setattr(config, name, [getattr(config, name)[i] for i in chosen])

    with unset():
        short = _made(model, fewer, f"with {len(chosen)} layers")
    state, start = {}, f"{stack.path}."
    for name, tensor in model.state_dict().items():
        number, _, rest = name.removeprefix(start).partition(".")
        if not name.startswith(start) or not number.isdigit():
            state[name] = tensor
        elif int(number) in chosen:
            state |= {f"{start}{i}.{rest}": tensor for i, one in enumerate(chosen) if one == int(number)}
    if short.load_state_dict(state, strict=False).missing_keys:
        raise NotSupported(
            f"'{type(model).__name__}' can't be made of some of its layers", do="use another student, or all its layers"
        )
    return short


def narrower(model: nn.Module, width: int, layers: int, seed: int) -> nn.Module:
    """Return a model like *model* whose states are *width* wide, of *layers* layers, its weights drawn by *seed*.

    Raises NotSupported where *width* is none of its widths: heads keep their size, so it is a multiple of that.
    """
    config: Any = model.config
    head = config.hidden_size // config.num_attention_heads
    if width % head or width > config.hidden_size:
        raise NotSupported(
            f"no '{type(model).__name__}' can be {width} wide", expected=f"a multiple of {head}, at most {config.hidden_size}",
            received=str(width), do="set width to one of these",
        )  # fmt: skip

    def change(config: Any) -> None:
        share = width / config.hidden_size
        for name in ("intermediate_size", "num_key_value_heads"):
            if isinstance(getattr(config, name, None), int):
                setattr(config, name, max(1, int(getattr(config, name) * share)))
        config.num_attention_heads = width // head
        config.hidden_size, config.num_hidden_layers = width, layers
        for name in _PER_LAYER:
            if isinstance(getattr(config, name, None), (list, tuple)):
                setattr(config, name, list(getattr(config, name))[:layers])

    with seeded(seed):
        return _made(model, change, f"{width} wide")


def _made(model: nn.Module, change: Callable[[Any], None], what: str) -> nn.Module:
    plain: Any = model
    config = copy.deepcopy(plain.config)
    try:
        change(config)
        with quiet():
            made: nn.Module = type(plain)(config).float()
    except (TypeError, ValueError, AttributeError, RuntimeError, KeyError, IndexError, ZeroDivisionError) as error:
        raise NotSupported(
            f"no '{type(plain).__name__}' can be made {what}", received=str(error), do="use another student"
        ) from error
    for parameter in made.parameters():
        parameter.requires_grad_(False)
    return made.eval()


def standing_on(trunk: Trunk, model: nn.Module, called: str) -> Trunk:
    """Return *trunk* opened with *model* in the place of its own: the same tokenizer, nothing kept of the other's states.

    *called* tells the states of *model* from those of other models, where they are kept.
    """
    other = trunk.copy()
    other.base = replace(trunk.base)
    other.base.__dict__.update(trunk.base.__dict__, content_hash=hash_text(f"{trunk.base.content_hash} {called}"))
    other.model, other.stack = model, find_stack(model)
    other._exact, other._notes, other._ends, other._checked = {}, {}, {}, False
    other.__dict__.pop("probe", None)
    return other
