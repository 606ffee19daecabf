"""The parts that both folder formats of token classifiers share: tokenizer files, how long an input may be, a head beside.

The longest input stands where transformers looks for it (``model_max_length``), so that nothing else need be known.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from torch import nn

from hasei.formats import _folder
from hasei.formats._modules import TOKENIZER
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json

HEAD = "head.safetensors"
_CONFIG = "tokenizer_config.json"


def write_tokenizer(folder: Path, source: Path, max_tokens: int) -> None:
    """Copy the tokenizer files of *source* into *folder*, with *max_tokens* as the longest input."""
    for name in TOKENIZER:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
    config = json.loads((folder / _CONFIG).read_text("utf-8")) if (folder / _CONFIG).is_file() else {}
    write_json(folder / _CONFIG, config | {"model_max_length": max_tokens})


def read_limit(folder: Path) -> int:
    """Return the longest input in tokens; raises BaseError where the folder does not say it."""
    try:
        return int(json.loads((folder / _CONFIG).read_text("utf-8"))["model_max_length"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaseError(f"the model folder '{folder.name}' is incomplete: {error}", do="derive it again") from error


def write_head(folder: Path, head: nn.Linear) -> None:
    """Write *head* beside a trunk: ``weight`` (w, h) and ``bias`` (w,), float32."""
    tensors = {"weight": head.weight.detach().numpy(), "bias": head.bias.detach().numpy()}
    _folder.write_tensors(folder / HEAD, {name: np.asarray(value, np.float32) for name, value in tensors.items()})


def read_head(folder: Path) -> nn.Linear:
    """Return what :func:`write_head` wrote; raises BaseError when it is missing or damaged."""
    from hasei.engine.pooled import linear

    tensors = _folder.read_tensors(folder / HEAD, ("weight", "bias"))
    return linear(tensors["weight"], tensors["bias"])
