"""A base whose linear layers are held in 4 or 8 bits, by bitsandbytes: opened, worked with exactly, and told from others.

Source: Dettmers et al. 2023, "QLoRA: efficient finetuning of quantized LLMs".
Shapes: a linear layer (out, in) is held as out * in / 2 bytes and one scale for each 64 of its numbers (4 bits), or as out * in
bytes and one scale for each of its rows (8 bits). It computes by its numbers put back into float32, forwards and backwards.
Relations: :mod:`hasei.inputs.quantisation` says how, :mod:`hasei.engine.opening` loads the files.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from hasei.engine.sublayers import is_linear
from hasei.ground.errors import NotSupported
from hasei.inputs.architecture import empty_model, find_stack
from hasei.inputs.base import Base
from hasei.inputs.quantisation import Quantisation

_HELD = ("Linear4bit", "Linear8bitLt")
_HEADS = ("lm_head", "qa_outputs")
"""Heads that a base without one gets where a standard library opens it for a task."""


def refuse_missing() -> None:
    """Raise NotSupported where bitsandbytes is not installed."""
    if find_spec("bitsandbytes") is None:
        raise NotSupported(
            "a base is held in 4 or 8 bits by bitsandbytes, which is not installed",
            do="pip install 'hasei[quantised]', or use lora",
        )


def arguments(base: Base) -> dict[str, Any]:
    """Return what transformers has to be told beside to load *base* as its ``quantisation`` says; nothing where it has none."""
    held = base.quantisation
    if held is None:
        return {}
    from transformers import BitsAndBytesConfig

    refuse_missing()
    if base.config.get("quantization_config"):  # its files hold them so
        return {"device_map": {"": "cpu"}}
    whole = held.whole or _beside_the_stack(base)
    options = Quantisation(held.bits, held.double, whole).options()
    return {"quantization_config": BitsAndBytesConfig(**options), "device_map": {"": "cpu"}}


def _beside_the_stack(base: Base) -> tuple[str, ...]:
    """The linear layers of *base* that are none of its stack, by the names that its model without a head gives them."""
    model = empty_model(base)
    within = find_stack(model).path + "."
    return (*sorted(n for n, m in model.named_modules() if is_linear(m) and not n.startswith(within)), *_HEADS)


def exactly(model: nn.Module) -> nn.Module:
    """Let the quantised layers of *model* compute by their numbers put back into float32, and return it.

    For answers alone bitsandbytes rounds what enters a layer (to 8 bits, or to bf16 on some processors): a row's answer then
    hangs on the processor and on the rows beside it, and no gradient passes. In training mode, which such a layer has no other
    use for, it does neither.
    """
    for module in model.modules():
        if is_held(module):
            module.register_forward_pre_hook(_in_training_mode)
    return model


def _in_training_mode(module: Any, _: Any) -> None:
    module.training = True
    if getattr(module.weight, "CB", None) is not None and module.weight.SCB is None:
        module.weight.SCB = module.state.SCB  # which are lost where a layer is moved that has been used before


def is_held(module: nn.Module) -> bool:
    """Whether *module* is a linear layer held in 4 or 8 bits, and none of PEFT's around one, which have its name."""
    return type(module).__name__ in _HELD and isinstance(module, nn.Linear)


def shared(model: nn.Module) -> dict[int, Any]:
    """Return the quantised layers of *model* by their ids, for ``copy.deepcopy`` to share: they are never trained."""
    return {id(module): module for module in model.modules() if is_held(module)}


def quantisation_of(model: nn.Module) -> Quantisation | None:
    """Return how the linear layers of *model*, or of the base under its adapters, are held; None where as in its files."""
    plain: Any = model.get_base_model() if hasattr(model, "get_base_model") else model  # type: ignore[operator]
    config = getattr(getattr(plain, "config", None), "quantization_config", None)
    if config is None:
        return None
    return Quantisation(
        4 if config.load_in_4bit else 8,
        bool(config.bnb_4bit_use_double_quant) if config.load_in_4bit else True,
        tuple(config.llm_int8_skip_modules),
    )


def bytes_of(model: nn.Module) -> tuple[int, int]:
    """Return the bytes in which the numbers of *model* are held, scales included, and those that they would be in float32."""
    numbers = {id(p): p.numel() * 4 for p in model.parameters()}
    held = {p.data_ptr(): p.numel() * p.element_size() for p in model.parameters()}
    for module in model.modules():
        if isinstance(module, nn.Linear) and is_held(module):
            numbers[id(module.weight)] = 4 * module.in_features * module.out_features
            held |= {scale.data_ptr(): scale.numel() * scale.element_size() for scale in _scales(module)}
    return sum(held.values()), sum(numbers.values())


def _scales(module: nn.Module) -> list[torch.Tensor]:
    weight: Any = module.weight
    if type(module).__name__ == "Linear4bit":
        return [t for t in weight.quant_state.as_dict().values() if isinstance(t, torch.Tensor)]
    state: Any = module.state
    return [scale for scale in (weight.SCB, state.SCB) if scale is not None]
