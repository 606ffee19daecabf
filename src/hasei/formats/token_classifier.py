"""A whole model with a linear head on single token states: a plain ``AutoModelForTokenClassification`` folder.

``AutoModelForTokenClassification.from_pretrained(folder)(**batch).logits`` are hasei's own outputs at every sub-token;
``id2label`` says what each stands for. Where an architecture's class for that has more than a linear head (ModernBERT), the
folder is a plain ``AutoModel`` and ``head.safetensors``: its last states times ``weight`` (w, h) plus ``bias`` (w,).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hasei.engine.opening import load_model, load_tokenizer, quiet
from hasei.engine.tagged import TaggedModel, TaggedPredictor
from hasei.engine.trunk import TOLERANCE
from hasei.formats._tokens import HEAD, read_head, read_limit, write_head, write_tokenizer
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json
from hasei.inputs.base import Base

LIBRARY = "transformers"


def save(predictor: TaggedPredictor, folder: Path, base: Base | None) -> None:
    """Write *predictor* into the empty *folder*; tokenizer files come from *base*."""
    if base is None:
        raise ValueError("a token classifier is derived from a base")
    whole = _whole(predictor.model)
    with quiet():
        saved: Any = predictor.model.trunk if whole is None else whole
        saved.save_pretrained(folder, max_shard_size="1000GB")
    if whole is None:
        write_head(folder, predictor.model.head)
    write_tokenizer(folder, base.folder, predictor.max_tokens)


def label(folder: Path, names: Sequence[str]) -> None:
    """Write what each output stands for into the model's own config."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config |= {
        "id2label": {str(i): name for i, name in enumerate(names)},
        "label2id": {name: i for i, name in enumerate(names)},
    }
    write_json(folder / "config.json", config)


def load(folder: Path, open_base: Callable[[], Base]) -> TaggedPredictor:
    """Load what :func:`save` wrote; the parent base is not needed."""
    from transformers import AutoModelForTokenClassification

    base = Base.open(folder)
    if (folder / HEAD).is_file():
        return TaggedPredictor(
            TaggedModel(load_model(base), read_head(folder)), load_tokenizer(base), read_limit(folder)
        )
    with quiet(), torch.random.fork_rng():
        try:
            whole, report = AutoModelForTokenClassification.from_pretrained(
                folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False, local_files_only=True,
                output_loading_info=True,
            )  # fmt: skip
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise BaseError(
                f"the model in '{folder.name}' can't be loaded: {str(error).splitlines()[0]}", do="derive it again"
            ) from error
    if report["missing_keys"]:
        missing = min(report["missing_keys"])
        raise BaseError(f"the model in '{folder.name}' lacks weights", received=f"no {missing}", do="derive it again")
    for parameter in whole.parameters():
        parameter.requires_grad_(False)
    return TaggedPredictor(TaggedModel(*_parts(whole)), load_tokenizer(base), read_limit(folder))


def _whole(model: TaggedModel) -> Any:
    """Return the transformers model for token classification with the weights of *model*, None where none answers the same."""
    import copy

    from transformers import AutoModelForTokenClassification

    config: Any = copy.deepcopy(model.trunk.config)
    config.num_labels = model.head.out_features
    try:
        with quiet(), torch.random.fork_rng():
            whole = AutoModelForTokenClassification.from_config(config, trust_remote_code=False).eval()
        trunk, head = _parts(whole)
        kept = trunk.state_dict().keys()
        trunk.load_state_dict({n: t for n, t in model.trunk.state_dict().items() if n in kept})
    except (ValueError, AttributeError, RuntimeError):
        return None
    with torch.no_grad():
        head.weight.copy_(model.head.weight)
        if head.bias is not None:
            head.bias.copy_(model.head.bias)
        ids = torch.tensor([[5, 6, 7]])
        batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        expected = model(batch | {"places": torch.tensor([[0, 0], [0, 1], [0, 2]])})
        difference = float((whole(**batch).logits[0] - expected).abs().max())
        largest = max(1.0, float(expected.abs().max()))
    return whole if difference <= TOLERANCE * largest else None


def _parts(whole: Any) -> tuple[nn.Module, nn.Linear]:
    """Return trunk and head of a transformers model for token classification; raises ValueError where there is more."""
    trunk: nn.Module = getattr(whole, whole.base_model_prefix)
    inside = {id(module) for module in trunk.modules()}
    heads = [m for m in whole.modules() if isinstance(m, nn.Linear) and id(m) not in inside]
    if len(heads) != 1:
        raise ValueError("its class for that has more than a linear head")
    return trunk, heads[0]
