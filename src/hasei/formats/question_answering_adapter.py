"""An adapter that says where an answer starts and ends, beside its base: PEFT's files, the head among its saved modules.

``PeftModel.from_pretrained(AutoModelForQuestionAnswering.from_pretrained(base), folder)`` gives hasei's own start and end
outputs of every token. The base is named by its id and revision, never by a path of the machine it was trained on.

Relations: :mod:`hasei.formats.question_answering` writes the whole model; ``question_answering.json`` is the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hasei.engine.opening import load_model, load_tokenizer, quiet
from hasei.engine.spans import SpanModel, SpanPredictor
from hasei.formats._adapter import as_held, in_order, write_quantisation
from hasei.formats._answering import read_head, read_settings, with_head, write_settings
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json
from hasei.inputs import safety
from hasei.inputs.base import Base

LIBRARY = "peft"
_WEIGHTS, _CONFIG, _OUTER, _HEAD = "adapter_model.safetensors", "adapter_config.json", "base_model.model.", "qa_outputs"


def save(predictor: SpanPredictor, folder: Path, base: Base | None) -> None:
    """Write the adapter of *predictor*, whose trunk is a PeftModel, and its head into the empty *folder*."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    if base is None:
        raise ValueError("an adapter is derived from a base")
    trunk: Any = predictor.model.trunk
    with quiet():
        trunk.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # peft writes an empty card; packaging writes the real one
    prefix = with_head(load_model(replace(base, quantisation=None)), predictor.model.head).base_model_prefix
    inside = f"{_OUTER}{prefix}."
    tensors = {
        inside + name.removeprefix(_OUTER): value.contiguous()
        for name, value in get_peft_model_state_dict(trunk).items()
    }
    head = {f"{_OUTER}{_HEAD}.{name}": value.contiguous() for name, value in predictor.model.head.state_dict().items()}
    save_file(tensors | head, folder / _WEIGHTS, metadata={"format": "pt"})
    config = json.loads((folder / _CONFIG).read_text("utf-8"))
    config = in_order(config) | {
        "base_model_name_or_path": base.to_lineage()["name"], "revision": base.commit or None, "task_type": "QUESTION_ANS",
        "modules_to_save": [_HEAD], "auto_mapping": None,
    }  # fmt: skip
    write_json(folder / _CONFIG, config)
    write_quantisation(trunk, folder)
    write_settings(folder, base.folder, predictor.max_tokens)


def load(folder: Path, open_base: Callable[[], Base]) -> SpanPredictor:
    """Load what :func:`save` wrote onto the parent base; raises BaseError when the adapter does not fit it."""
    import torch
    from peft import PeftConfig, get_peft_model, set_peft_model_state_dict
    from safetensors.torch import load_file

    weights = folder / _WEIGHTS
    if not weights.is_file():
        raise BaseError(f"the model folder '{folder.name}' has no adapter", expected=_WEIGHTS)
    safety.read_header(weights, folder.name)
    tensors, max_tokens = load_file(weights), read_settings(folder)
    head = read_head(tensors, folder, _OUTER)
    base = open_base()
    with quiet(), torch.random.fork_rng():
        config = PeftConfig.from_pretrained(str(folder))
        # The base is already open, under whatever name it has here, and without a head.
        config.base_model_name_or_path, config.task_type, config.modules_to_save = None, None, None
        trunk = get_peft_model(load_model(as_held(base, folder)), config)
        own = {name: value for name, value in tensors.items() if not name.startswith(f"{_OUTER}{_HEAD}.")}
        result = set_peft_model_state_dict(trunk, {_without_prefix(name): value for name, value in own.items()})
    if result.unexpected_keys:
        raise BaseError(f"the adapter in '{folder.name}' does not fit its base '{base.name}'")
    for parameter in trunk.parameters():
        parameter.requires_grad_(False)
    return SpanPredictor(SpanModel(trunk.eval(), head), load_tokenizer(base), max_tokens)


def _without_prefix(name: str) -> str:
    """Return a tensor's name without the place that the trunk has inside a model for question answering."""
    return _OUTER + name.removeprefix(_OUTER).partition(".")[2]
