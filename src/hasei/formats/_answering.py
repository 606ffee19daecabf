"""What the folders of models for question answering share: transformers' own model, and how a context is cut.

``question_answering.json`` holds ``max_tokens`` of a window, the tokens ``overlap`` of two neighbouring windows and the
``longest`` answer in tokens.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hasei.engine.opening import quiet
from hasei.engine.pooled import last_states, linear
from hasei.engine.spans import LONGEST
from hasei.engine.windows import overlap
from hasei.formats._modules import TOKENIZER
from hasei.ground.errors import BaseError, NotSupported
from hasei.ground.files import write_json
from hasei.inputs.base import Base

SETTINGS = "question_answering.json"
_CLOSE = 1e-5


def with_head(trunk: nn.Module, head: nn.Linear) -> Any:
    """Return transformers' own model for question answering with the weights of *trunk* and *head*.

    Raises NotSupported where its architecture has none, or one that reads the states in another way.
    """
    from transformers import AutoModelForQuestionAnswering

    config: Any = trunk.config
    with quiet(), torch.random.fork_rng():
        try:
            model = AutoModelForQuestionAnswering.from_config(config, trust_remote_code=False).float().eval()
            inner = model.base_model
            kept = inner.state_dict().keys()
            inner.load_state_dict({k: v for k, v in trunk.state_dict().items() if k in kept})
            model.qa_outputs.load_state_dict(head.state_dict())
        except (ValueError, AttributeError, RuntimeError) as error:
            raise _unfit(str(config.model_type)) from error
    ids = torch.arange(8)[None] % int(config.vocab_size)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with torch.inference_mode():
        found, expected = model(**batch), head(last_states(trunk, batch))
        said = torch.stack([found.start_logits, found.end_logits], -1)
    if float((said - expected).abs().max()) > _CLOSE * max(1.0, float(expected.abs().max())):
        raise _unfit(str(config.model_type))
    return model


def parted(base: Base) -> tuple[nn.Module, nn.Linear]:
    """Return trunk and head of a folder of transformers' own model; raises BaseError where it is none, or damaged."""
    from transformers import AutoModelForQuestionAnswering

    with quiet(), torch.random.fork_rng():
        try:
            model, report = AutoModelForQuestionAnswering.from_pretrained(
                base.folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False, local_files_only=True,
                output_loading_info=True,
            )  # fmt: skip
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise BaseError(f"the model '{base.name}' can't be loaded: {str(error).splitlines()[0]}") from error
    if report["missing_keys"]:
        raise BaseError(
            f"the model '{base.name}' lacks weights", received=f"no {min(report['missing_keys'])}", do="derive it again"
        )
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    head = linear(model.qa_outputs.weight.detach(), model.qa_outputs.bias.detach())
    return model.base_model.eval(), head


def _unfit(kind: str) -> NotSupported:
    return NotSupported(
        f"transformers has no model for question answering that reads a '{kind}' base as it was trained here",
        expected="an architecture such as BERT, DistilBERT, RoBERTa or ELECTRA", do="use another base",
    )  # fmt: skip


def write_settings(folder: Path, source: Path, max_tokens: int) -> None:
    """Write the tokenizer files (copied from *source*) and how a context is cut into *folder*."""
    for name in TOKENIZER:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
    write_json(folder / SETTINGS, {"max_tokens": max_tokens, "overlap": overlap(max_tokens), "longest": LONGEST})


def read_settings(folder: Path) -> int:
    """Return the tokens of a window; raises BaseError where *folder* does not say, or cuts contexts in another way."""
    try:
        found = json.loads((folder / SETTINGS).read_text("utf-8"))
        max_tokens = int(found["max_tokens"])
        same = (found["overlap"], found["longest"]) == (overlap(max_tokens), LONGEST)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaseError(f"the model folder '{folder.name}' has no sound '{SETTINGS}'", do="derive it again") from error
    if not same:
        raise BaseError(
            f"'{SETTINGS}' in '{folder.name}' was made by another version of hasei or changed by hand",
            do="derive it again",
        )
    return max_tokens


def read_head(tensors: dict[str, torch.Tensor], folder: Path, prefix: str = "") -> nn.Linear:
    """Return the head among *tensors*; raises BaseError where there is none."""
    try:
        return linear(tensors[f"{prefix}qa_outputs.weight"], tensors[f"{prefix}qa_outputs.bias"])
    except KeyError as error:
        raise BaseError(f"the model folder '{folder.name}' has no head", expected=str(error.args[0])) from error
