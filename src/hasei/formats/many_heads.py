"""One trunk with several heads: sentence-transformers modules for the main one, ``heads/NAME/model.safetensors`` for others.

``SentenceTransformer(folder).encode(texts)`` returns the main head's outputs. ``heads.json`` lists the others: the column they
were learnt from, their task and space, and the folder with ``linear.weight`` and ``linear.bias``, which are applied to what
the modules give before the last one (``Dense``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hasei.engine.multi_head import MultiHeadPredictor, OtherHead
from hasei.engine.opening import load_model, load_tokenizer, quiet
from hasei.engine.pooled import PooledModel, linear
from hasei.formats._folder import read_tensors, write_tensors
from hasei.formats._modules import read_modules, write_modules
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json
from hasei.inputs.base import Base
from hasei.tasks import open_task
from hasei.tasks._spaces import space_from_json, space_to_json

LIBRARY = "sentence-transformers"
_FILE = "heads.json"
_NAMES = ("linear.weight", "linear.bias")
_LONGEST = 60


def save(predictor: MultiHeadPredictor, folder: Path, base: Base | None) -> None:
    """Write trunk, main head and all others into the empty *folder*; tokenizer files come from *base*."""
    if base is None:
        raise ValueError("a pooled model is derived from a base")
    model = predictor.model
    with quiet():
        model.trunk.save_pretrained(folder, max_shard_size="1000GB")  # type: ignore[operator]
    weight, bias = model.head.weight.detach().numpy(), model.head.bias.detach().numpy()
    ends = np.cumsum(predictor.widths)[:-1]
    parts = list(zip(np.split(weight, ends), np.split(bias, ends)))
    write_modules(folder, base.folder, model.pooling, linear(*parts[0]), predictor.max_tokens)
    listed: list[dict[str, Any]] = []
    for other, part in zip(predictor.others, parts[1:], strict=True):
        place = f"heads/{_folder_of(other.name, [entry['folder'] for entry in listed])}"
        (folder / place).mkdir(parents=True)
        write_tensors(folder / place / "model.safetensors", dict(zip(_NAMES, part)))
        listed.append({
            "name": other.name, "folder": place, "task": other.task, "kind": open_task(other.task).target_kind,
            "space": space_to_json(other.space),
        })  # fmt: skip
    write_json(folder / _FILE, listed)


def load(folder: Path, open_base: Callable[[], Base]) -> MultiHeadPredictor:
    """Load what :func:`save` wrote; the parent base is not needed. Raises BaseError where a part is missing or damaged."""
    base = Base.open(folder)
    pooling, main, max_tokens = read_modules(folder)
    weights, biases = [main.weight.detach().numpy()], [main.bias.detach().numpy()]
    others = []
    for entry in _listed(folder):
        other = OtherHead(str(entry["name"]), str(entry["task"]), space_from_json(entry["space"]))
        part = read_tensors(folder / entry["folder"] / "model.safetensors", _NAMES)
        if part[_NAMES[0]].shape != (other.space.width, main.in_features):
            raise BaseError(
                f"the head of '{other.name}' in '{folder.name}' does not fit its labels", do="derive it again"
            )
        others.append(other)
        weights.append(part[_NAMES[0]])
        biases.append(part[_NAMES[1]])
    model = PooledModel(load_model(base), pooling, linear(np.concatenate(weights), np.concatenate(biases)))
    return MultiHeadPredictor(model, load_tokenizer(base), max_tokens, main.out_features, others)


def _listed(folder: Path) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads((folder / _FILE).read_text("utf-8"))
        sound = all(
            isinstance(entry["task"], str)
            and re.fullmatch(r"heads/[\w-]+", entry["folder"])
            and space_from_json(entry["space"]).width >= 1
            for entry in found
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaseError(f"the model folder '{folder.name}' has no sound '{_FILE}'", do="derive it again") from error
    if not sound:
        raise BaseError(f"the model folder '{folder.name}' has no sound '{_FILE}'", do="derive it again")
    return found


def _folder_of(name: str, taken: list[str]) -> str:
    """A folder's name for the column *name*, whatever signs that has: its letters and digits, numbered where one is taken."""
    plain = re.sub(r"[^\w-]+", "_", name)[:_LONGEST].strip("_") or "head"
    folded = {place.removeprefix("heads/").casefold() for place in taken}
    found, number = plain, 2
    while found.casefold() in folded:
        found, number = f"{plain}-{number}", number + 1
    return found
