"""The parts that folder formats of adapters share: PEFT's two files, or a bottleneck's, written and put on a base again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from hasei.engine.opening import load_model, quiet
from hasei.engine.quantised import quantisation_of
from hasei.engine.soft_prompts import Prompted
from hasei.formats import _bottleneck
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json
from hasei.inputs import safety
from hasei.inputs.base import Base
from hasei.inputs.quantisation import read_quantisation


def write_adapter(trunk: nn.Module, folder: Path, base: Base, task_type: str = "") -> None:
    """Write the adapter of *trunk*, a PeftModel on *base* or one with bottlenecks, into the empty *folder*."""
    if hasattr(trunk, "bottleneck"):
        _bottleneck.write(trunk, folder, base)
        return
    with quiet():
        getattr(trunk, "peft", trunk).save_pretrained(folder, save_embedding_layers=False)  # type: ignore[operator]
    (folder / "README.md").unlink(missing_ok=True)  # peft writes an empty card; packaging writes the real one
    config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    lineage = base.to_lineage()
    config = in_order(config) | {"base_model_name_or_path": lineage["name"], "revision": base.commit or None}
    config |= {"task_type": task_type} if task_type else {}
    write_json(folder / "adapter_config.json", config)
    write_quantisation(trunk, folder)


def write_quantisation(trunk: nn.Module, folder: Path) -> None:
    """Write into *folder* how the base under the adapters of *trunk* is held, where not as its own files say."""
    held = quantisation_of(getattr(trunk, "peft", trunk))
    if held is not None:
        held.write(folder)


def as_held(base: Base, folder: Path) -> Base:
    """Return *base* as it is to be held under the adapter in *folder*; raises BaseError where that is not sound."""
    return replace(base, quantisation=read_quantisation(folder))


def in_order(config: dict[str, Any]) -> dict[str, Any]:
    """Return PEFT's *config* with what is a set there sorted, so that equal runs give equal bytes."""
    sets = ("target_modules", "feedforward_modules")
    return config | {name: sorted(config[name]) for name in sets if isinstance(config.get(name), list)}


def read_adapter(folder: Path, base: Base, model: nn.Module | None = None) -> nn.Module:
    """Return the trunk of *base*, or its *model*, with the adapter in *folder*.

    Raises BaseError when the adapter is missing or does not fit.
    """
    import torch
    from peft import PeftConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors.torch import load_file

    if (folder / _bottleneck.CONFIG).is_file():
        return _bottleneck.read(folder, base, load_model(base) if model is None else model)
    weights = folder / "adapter_model.safetensors"
    if not weights.is_file():
        raise BaseError(f"the model folder '{folder.name}' has no adapter", expected="adapter_model.safetensors")
    safety.read_header(weights, folder.name)
    with quiet(), torch.random.fork_rng():
        config = PeftConfig.from_pretrained(str(folder))
        config.base_model_name_or_path = None  # the base is already open, under whatever name it has here
        if not config.is_prompt_learning:
            config.task_type = None
        trunk = get_peft_model(load_model(as_held(base, folder)) if model is None else model, config)
        tensors = load_file(weights)
        result = set_peft_model_state_dict(trunk, tensors)
        wanted = get_peft_model_state_dict(trunk, save_embedding_layers=False)
    if set(result.unexpected_keys) - ({"prompt_embeddings"} if config.is_prompt_learning else set()):  # read apart
        raise BaseError(f"the adapter in '{folder.name}' does not fit its base '{base.name}'")
    missing = sorted(set(wanted) - set(tensors))
    if missing:
        raise BaseError(
            f"the adapter in '{folder.name}' is not whole: {len(missing)} of its {len(wanted)} tensors are missing",
            expected=missing[0], do="copy the folder again",
        )  # fmt: skip
    for parameter in trunk.parameters():
        parameter.requires_grad_(False)
    adapted: nn.Module = Prompted(trunk) if config.is_prompt_learning else trunk
    return adapted.eval()
