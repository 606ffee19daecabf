"""The parts that pooled folder formats share: tokenizer files, pooling and dense modules of sentence-transformers.

Their ``modules.json`` uses the class paths that every release of sentence-transformers since 2 understands.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from torch import nn

from hasei.ground.errors import BaseError
from hasei.ground.files import write_json
from hasei.inputs import safety

TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "merges.txt", "tokenizer.model",
              "special_tokens_map.json", "added_tokens.json")  # fmt: skip
_MODES = {"mean": "mean_tokens", "cls": "cls_token", "max": "max_tokens", "last": "lasttoken"}


def write_modules(
    folder: Path, source: Path, pooling: str, head: nn.Linear | None, max_tokens: int, *, width: int = 0
) -> None:
    """Write ``modules.json``, tokenizer files (copied from *source*), pooling and dense head into *folder*.

    Without a *head* the folder ends with the pooled features, *width* wide.
    """
    from safetensors.torch import save_file

    copy_tokenizer(folder, source)
    kinds = ((".", "", "Transformer"), ("1_Pooling", "1_Pooling", "Pooling"), ("2_Dense", "2_Dense", "Dense"))
    write_json(folder / "modules.json", [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (_, path, kind) in enumerate(kinds[: 2 if head is None else 3])
    ])  # fmt: skip
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_tokens, "do_lower_case": False})
    modes = {f"pooling_mode_{mode}": name == pooling for name, mode in _MODES.items()}
    wide = width if head is None else head.in_features
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": wide, **modes})
    if head is None:
        return
    write_json(folder / "2_Dense" / "config.json", {
        "in_features": head.in_features, "out_features": head.out_features, "bias": True,
        "activation_function": "torch.nn.modules.linear.Identity",
    })  # fmt: skip
    tensors = {"linear.weight": head.weight.detach().contiguous(), "linear.bias": head.bias.detach().contiguous()}
    save_file(tensors, folder / "2_Dense" / "model.safetensors")


def copy_tokenizer(folder: Path, source: Path) -> None:
    """Copy the files of the tokenizer in *source* into *folder*, such that every library pads as hasei does."""
    for name in TOKENIZER:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
    _pad_as_here(folder)


def _pad_as_here(folder: Path) -> None:
    """Let every library pad as hasei does: on the right, with the end token where the tokenizer has none to pad with.

    Causal models with positions of their own (GPT-2) give other states where they are padded on the left.
    """
    from transformers import AutoTokenizer

    path, known = folder / "tokenizer_config.json", folder / "special_tokens_map.json"
    config = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    changed = dict(config, padding_side="right") if config.get("padding_side") == "left" else dict(config)
    if not config.get("pad_token") and not (known.is_file() and "pad_token" in json.loads(known.read_text("utf-8"))):
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        if tokenizer.pad_token is None and tokenizer.eos_token is not None:
            changed["pad_token"] = tokenizer.eos_token
    if changed != config:
        write_json(path, changed)


def read_modules(folder: Path) -> tuple[str, nn.Linear, int]:
    """Return (pooling, head, longest input in tokens) from *folder*; raises BaseError when a part is missing or damaged."""
    from safetensors.torch import load_file

    from hasei.engine.pooled import linear

    pooling, limit = read_pooling(folder)
    weights = folder / "2_Dense" / "model.safetensors"
    if not weights.is_file():
        raise BaseError(f"the model folder '{folder.name}' has no head", expected="2_Dense/model.safetensors")
    safety.read_header(weights, folder.name)
    tensors = load_file(weights)
    return pooling, linear(tensors["linear.weight"], tensors["linear.bias"]), limit


def read_pooling(folder: Path) -> tuple[str, int]:
    """Return (pooling, longest input in tokens) from *folder*; raises BaseError when a part is missing or damaged."""
    try:
        config = json.loads((folder / "1_Pooling" / "config.json").read_text("utf-8"))
        limit = json.loads((folder / "sentence_bert_config.json").read_text("utf-8"))["max_seq_length"]
        pooling = next(name for name, mode in _MODES.items() if config.get(f"pooling_mode_{mode}"))
    except (OSError, ValueError, KeyError, StopIteration) as error:
        raise BaseError(f"the model folder '{folder.name}' is incomplete: {error}", do="derive it again") from error
    return pooling, int(limit)
