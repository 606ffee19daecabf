"""An adapter beside its base: PEFT's ``adapter_config.json`` and ``adapter_model.safetensors``, pooling and dense head.

``PeftModel.from_pretrained(base, folder)`` gives the adapted trunk; pool its last states as ``1_Pooling`` says and apply
``2_Dense``. The base is named by its id and revision, never by a path of the machine it was trained on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from torch import nn

from hasei.engine.pooled import PooledModel
from hasei.engine.prediction import PooledPredictor
from hasei.engine.trunk import load_model, load_tokenizer, quiet
from hasei.formats._modules import read_modules, write_modules
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json
from hasei.inputs import safety
from hasei.inputs.base import Base

LIBRARY = "peft"


def save(predictor: PooledPredictor, folder: Path, base: Base | None) -> None:
    """Write the adapter of *predictor*, whose trunk is a PeftModel, into the empty *folder*."""
    if base is None:
        raise ValueError("an adapter is derived from a base")
    write_adapter(predictor.model.trunk, folder, base)
    write_modules(folder, base.folder, predictor.model.pooling, predictor.model.head, predictor.max_tokens)


def write_adapter(trunk: nn.Module, folder: Path, base: Base, task_type: str = "") -> None:
    """Write PEFT's own files of *trunk*, a PeftModel of *base*, into *folder*."""
    with quiet():
        trunk.save_pretrained(folder, save_embedding_layers=False)  # type: ignore[operator]
    (folder / "README.md").unlink(missing_ok=True)  # peft writes an empty card; packaging writes the real one
    config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    lineage = base.to_lineage()
    config |= {"base_model_name_or_path": lineage["name"], "revision": base.commit or None}
    config |= {"task_type": task_type} if task_type else {}
    config["target_modules"] = sorted(config["target_modules"])  # a set in peft: sorted, equal runs give equal bytes
    write_json(folder / "adapter_config.json", config)


def load(folder: Path, open_base: Callable[[], Base]) -> PooledPredictor:
    """Load what :func:`save` wrote onto the parent base; raises BaseError when the adapter does not fit it."""
    pooling, head, max_tokens = read_modules(folder)
    base = open_base()
    trunk = adapted(folder, load_model(base), base)
    return PooledPredictor(PooledModel(trunk, pooling, head), load_tokenizer(base), max_tokens)


def adapted(folder: Path, model: nn.Module, base: Base) -> nn.Module:
    """Return *model*, of *base*, with the adapter in *folder*; raises BaseError when there is none or it does not fit."""
    import torch
    from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
    from safetensors.torch import load_file

    weights = folder / "adapter_model.safetensors"
    if not weights.is_file():
        raise BaseError(f"the model folder '{folder.name}' has no adapter", expected="adapter_model.safetensors")
    safety.read_header(weights, folder.name)
    with quiet(), torch.random.fork_rng():
        config = LoraConfig.from_pretrained(str(folder))
        config.base_model_name_or_path = None  # the base is already open, under whatever name it has here
        config.task_type = None
        trunk = get_peft_model(model, config)
        result = set_peft_model_state_dict(trunk, load_file(weights))
    if result.unexpected_keys:
        raise BaseError(f"the adapter in '{folder.name}' does not fit its base '{base.name}'")
    for parameter in trunk.parameters():
        parameter.requires_grad_(False)
    return trunk.eval()  # type: ignore[no-any-return]
