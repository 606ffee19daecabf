"""What a model folder must satisfy before any library opens it: safetensors only, no remote code, known config keys.

Loading is safe by construction: pickle weights, code that comes with the model, configuration keys that the installed
architecture does not have, and weight files whose header does not fit their size are refused with one line.
"""

from __future__ import annotations

import dataclasses
import json
import struct
from pathlib import Path
from typing import Any

from hasei.ground.errors import BaseError, nearest

_PICKLE = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".h5", ".msgpack")
# Keys that published configs carry although the current classes have no such field; all plain values without effect on code.
_LEGACY_KEYS = frozenset({
    "_name_or_path", "model_type", "gradient_checkpointing", "position_embedding_type", "torch_dtype", "use_cache",
    "output_past", "summary_activation", "summary_first_dropout", "summary_proj_to_labels", "summary_type",
    "summary_use_proj", "task_specific_params", "pretraining_tp", "rope_scaling", "rope_theta", "sliding_window",
    "output_attentions", "output_hidden_states", "tie_weights_", "vocab_type", "finetuning_task", "num_labels",
    "directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head",
    "pooler_type", "tokenizer_class", "reference_compile", "attention_types", "head_dim", "_num_labels", "n_ctx",
    "sequence_parallel", "is_decoder", "type_vocab_size", "resid_pdrop", "max_window_layers", "use_sliding_window",
    "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "cls_token_id", "decoder_start_token_id",
    "prefix", "pruned_heads", "num_beams", "label2id", "id2label", "layer_types", "rope_parameters", "partial_rotary_factor",
})  # fmt: skip
_CONFIGS = (
    "config.json", "tokenizer_config.json", "generation_config.json", "processor_config.json",
    "preprocessor_config.json", "adapter_config.json",
)  # fmt: skip
_REMOTE_CODE = ("auto_map", "trust_remote_code", "custom_pipelines", "custom_generate")


def check_folder(folder: Path, name: str) -> None:
    """Raise :class:`BaseError` unless *folder* is safe and whole. Imports no model library's loading code."""
    config = read_config(folder, name)
    _check_remote_code(folder, name)
    _check_config(config, name)
    headers = _check_weights(folder, name)
    _check_head(config, headers, name)
    if not any((folder / f).is_file() for f in ("tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model")):
        raise BaseError(f"the base '{name}' has no tokenizer", expected="tokenizer.json or a vocabulary file beside it")


def read_config(folder: Path, name: str) -> dict[str, Any]:
    """Return ``config.json`` as a dict; raises :class:`BaseError` when absent or not a JSON object."""
    path = folder / "config.json"
    if not path.is_file():
        raise BaseError(f"the base '{name}' has no config.json", expected="a folder in the transformers format")
    return _read_object(path, name)


def _read_object(path: Path, name: str) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise BaseError(f"'{path.name}' of the base '{name}' is not valid JSON", received=str(error)) from error
    if not isinstance(value, dict):
        raise BaseError(f"'{path.name}' of the base '{name}' must be a JSON object", received=type(value).__name__)
    return value


def _check_remote_code(folder: Path, name: str) -> None:
    for path in (folder / f for f in _CONFIGS if (folder / f).is_file()):
        for key in _REMOTE_CODE:
            if _read_object(path, name).get(key):
                raise BaseError(
                    f"the base '{name}' asks to run code of its own ('{key}' in {path.name}), which hasei never does",
                    do="choose a base whose architecture is part of transformers",
                )
    modules = folder / "modules.json"
    if modules.is_file():
        for module in json.loads(modules.read_text("utf-8")):
            kind = str(module.get("type", "")) if isinstance(module, dict) else ""
            if not kind.startswith("sentence_transformers."):
                raise BaseError(f"the base '{name}' asks to run code of its own ('{kind}' in modules.json)")


def _check_config(config: dict[str, Any], name: str) -> None:
    from transformers import CONFIG_MAPPING, PreTrainedConfig

    kind = config.get("model_type")
    if kind not in CONFIG_MAPPING:
        raise BaseError(
            f"the base '{name}' has an architecture that the installed transformers does not know",
            received=f"model_type {kind!r}", do=nearest(str(kind), CONFIG_MAPPING.keys()) or "choose another base",
        )  # fmt: skip
    cls = CONFIG_MAPPING[kind]
    known = {f.name for c in (cls, PreTrainedConfig) if dataclasses.is_dataclass(c) for f in dataclasses.fields(c)}
    known |= set(cls.attribute_map) | set(cls.attribute_map.values()) | _LEGACY_KEYS
    unknown = sorted(set(config) - known)
    if unknown:
        raise BaseError(
            f"the base '{name}' has a configuration key that its architecture '{kind}' does not have",
            received=", ".join(f"'{k}'" for k in unknown[:5]),
            do="check where the model comes from; remove the key from config.json if it has no meaning",
        )


def _check_weights(folder: Path, name: str) -> dict[str, list[int]]:
    """Return the shape of every tensor, read from the headers alone."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        pickles = sorted(p.name for p in folder.iterdir() if p.suffix in _PICKLE)
        if pickles:
            raise BaseError(
                f"the base '{name}' has its weights only in a format that can run code when opened ({pickles[0]})",
                expected="*.safetensors", do="convert it with the author's or the hub's safetensors converter",
            )  # fmt: skip
        raise BaseError(f"the base '{name}' has no weights", expected="*.safetensors beside config.json")
    shapes: dict[str, list[int]] = {}
    for path in files:
        shapes |= read_header(path, name)
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        missing = sorted(set(_read_object(index, name).get("weight_map", {}).values()) - {p.name for p in files})
        if missing:
            raise BaseError(f"the base '{name}' lacks {len(missing)} of its weight files", received=f"no {missing[0]}")
    return shapes


def read_header(path: Path, name: str) -> dict[str, list[int]]:
    """Return ``{tensor: shape}`` of a safetensors file; raises :class:`BaseError` when it is truncated or damaged."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            if length > min(size - 8, 100_000_000):
                raise ValueError("the header is longer than the file")
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        end = max((t["data_offsets"][1] for t in header.values()), default=0)
        shapes = {key: [int(n) for n in tensor["shape"]] for key, tensor in header.items()}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BaseError(f"'{path.name}' of '{name}' is damaged: {error}", do="fetch it again") from error
    if end + 8 + length != size:
        raise BaseError(
            f"'{path.name}' of '{name}' is truncated", expected=f"{end + 8 + length:,} bytes",
            received=f"{size:,}", do="fetch it again",
        )  # fmt: skip
    return shapes


def _check_head(config: dict[str, Any], shapes: dict[str, list[int]], name: str) -> None:
    """A classification head whose rows are not the labels that the config names would answer with wrong labels."""
    labels = config.get("id2label")
    if not isinstance(labels, dict):
        return
    for key in ("classifier.weight", "classifier.out_proj.weight", "score.weight"):
        if key in shapes and shapes[key][0] != len(labels):
            raise BaseError(
                f"the head of the base '{name}' does not fit its labels", expected=f"{len(labels)} rows (id2label)",
                received=f"{key} with {shapes[key][0]}", do="check where the model comes from",
            )  # fmt: skip
