"""What a model folder must satisfy before any library opens it: safetensors only, no remote code, known config keys.

Loading is safe by construction: pickle weights, code that comes with the model, configuration keys that the installed
architecture does not have, and weight files whose header does not fit their size are refused with one line.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import struct
import sys
from pathlib import Path
from typing import Any

from hasei.ground.errors import BaseError, nearest
from hasei.inputs.quantisation import stored_quantisation

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
    "cache_implementation", "_sliding_window_pattern", "global_rope_theta", "local_rope_theta", "rope_local_base_freq",
    "repad_logits_with_grad", "n_positions", "net_structure_type", "down_scale_factor", "num_memory_blocks", "gap_size",
    "global_attn_every_n_layers", "layer_norm_eps", "sliding_window_size", "sliding_window_pattern", "use_mrope",
    "hidden_act", "prefix", "pruned_heads", "num_beams",
    "label2id", "id2label", "layer_types", "rope_parameters", "partial_rotary_factor",
    "hidden_size",  # of backbones of pictures
    "out_features", "out_indices", "stage_names",
})  # fmt: skip
_CONFIGS = (
    "config.json", "tokenizer_config.json", "generation_config.json", "processor_config.json",
    "preprocessor_config.json", "adapter_config.json",
)  # fmt: skip
# Read when the base is opened: how states become one vector, and the longest input.
_MODULE_CONFIGS = ("sentence_bert_config.json", "*_Pooling/config.json")
_REMOTE_CODE = ("auto_map", "trust_remote_code", "custom_pipelines", "custom_generate")


def check_folder(folder: Path, name: str, *, rounded: bool = False) -> None:
    """Raise :class:`BaseError` unless *folder* is safe and whole. Imports no model library's loading code.

    *rounded*: its files may hold weights in 4 bits, as hasei writes them.
    """
    config = read_config(folder, name)
    _check_remote_code(folder, name)
    for pattern in _MODULE_CONFIGS:
        for path in sorted(folder.glob(pattern)):
            _read_object(path, name)
    if rounded and stored_quantisation(config.get("quantization_config")):
        config = {key: value for key, value in config.items() if key != "quantization_config"}
    _check_config(config, name)
    headers = _check_weights(folder, name)
    _check_head(config, headers, name)
    if not has_tokenizer(folder) and not prepares_pictures(folder):
        raise BaseError(
            f"the base '{name}' has no tokenizer",
            expected="tokenizer.json or a vocabulary file beside config.json (for pictures: preprocessor_config.json)",
            do="fetch the whole model, or choose another base",
        )


def has_tokenizer(folder: Path) -> bool:
    """Whether the model in *folder* says how texts become tokens."""
    return any((folder / f).is_file() for f in ("tokenizer.json", "vocab.txt", "vocab.json", "tokenizer.model"))


def prepares_pictures(folder: Path) -> bool:
    """Whether the model in *folder* says how pictures become numbers."""
    return (folder / "preprocessor_config.json").is_file()


def read_config(folder: Path, name: str) -> dict[str, Any]:
    """Return ``config.json`` as a dict; raises :class:`BaseError` when absent or not a JSON object."""
    path = folder / "config.json"
    if (folder / "adapter_config.json").is_file() and not path.is_file():
        raise BaseError(
            f"'{name}' is an adapter and no whole model",
            do="merge it into its base first (hasei export ADAPTER --to safetensors --precision fp32), "
            "or give the base that it belongs to",
        )  # fmt: skip
    if not path.is_file():
        raise BaseError(
            f"the base '{name}' has no config.json", expected="a folder in the transformers format",
            do="check the path, or choose another base",
        )  # fmt: skip
    return _read_object(path, name)


def _read_json(path: Path, name: str) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BaseError(
            f"'{path.name}' of the base '{name}' is not valid JSON", received=str(error), do="fetch it again"
        ) from error


def _read_object(path: Path, name: str) -> dict[str, Any]:
    value = _read_json(path, name)
    if not isinstance(value, dict):
        raise BaseError(
            f"'{path.name}' of the base '{name}' is damaged", expected="a JSON object", received=type(value).__name__,
            do="fetch it again",
        )  # fmt: skip
    return value


def _check_remote_code(folder: Path, name: str) -> None:
    for path in (folder / f for f in _CONFIGS if (folder / f).is_file()):
        for key in _REMOTE_CODE:
            if _read_object(path, name).get(key):
                raise _own_code(name, f"'{key}' in {path.name}")
    modules = folder / "modules.json"
    if not modules.is_file():
        return
    listed = _read_json(modules, name)
    if not isinstance(listed, list) or not all(isinstance(m, dict) for m in listed):
        raise BaseError(
            f"'modules.json' of the base '{name}' is damaged", expected="a list of modules", do="fetch it again"
        )
    for module in listed:
        kind = str(module.get("type", ""))
        if not kind.startswith("sentence_transformers."):
            raise _own_code(name, f"'{kind}' in modules.json")


def _own_code(name: str, where: str) -> BaseError:
    return BaseError(
        f"the base '{name}' asks to run code of its own ({where}), which hasei never does",
        do="choose a base whose architecture is part of transformers",
    )


def _check_config(config: dict[str, Any], name: str) -> None:
    from transformers import CONFIG_MAPPING, PreTrainedConfig

    kind = config.get("model_type")
    if kind == "hasei_recurrent":
        importlib.import_module("hasei.inputs.recurrent")  # makes transformers know it
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        raise BaseError(
            f"the base '{name}' has an architecture that the installed transformers does not know",
            received=f"model_type {kind!r}",
            do=nearest(kind, CONFIG_MAPPING) if isinstance(kind, str) else "check where the model comes from",
        )  # fmt: skip
    if config.get("quantization_config"):
        raise BaseError(
            f"the base '{name}' is quantised already", expected="weights of 16 or 32 bits",
            received="a quantization_config in config.json", do="give the base that it was made of",
        )  # fmt: skip
    cls = CONFIG_MAPPING[kind]
    known = {f.name for c in (cls, PreTrainedConfig) if dataclasses.is_dataclass(c) for f in dataclasses.fields(c)}
    known |= set(cls.attribute_map) | set(cls.attribute_map.values()) | _LEGACY_KEYS
    unknown = sorted(set(config) - known)
    unknown = [key for key in unknown if not _is_read(key, cls)] if unknown else []
    if unknown:
        raise BaseError(
            f"the base '{name}' has a configuration key that its architecture '{kind}' does not have",
            received=", ".join(f"'{k}'" for k in unknown[:5]),
            do="check where the model comes from; remove the key from config.json if it has no meaning",
        )
    try:
        cls.from_dict(dict(config))
    except Exception as error:  # whatever its own checks raise: no model could be made of it
        said = str(error.__cause__ or error).strip().splitlines() or [type(error).__name__]
        raise BaseError(
            f"the configuration of the base '{name}' does not fit its architecture '{kind}'", received=said[0],
            do="check where the model comes from",
        ) from error  # fmt: skip


def _is_read(key: str, cls: type) -> bool:
    """Whether the source of the installed architecture of *cls* reads *key*, which its class does not declare.

    Private keys, and those that choose an implementation or a quantisation, can make a library fetch code: never those.
    """
    source = sys.modules[cls.__module__].__file__
    if not re.fullmatch(r"[a-z][a-z0-9_]*", key) or re.search("implementation|quantiz|remote_code|auto_map", key):
        return False
    if source is None:
        return False
    read = re.compile(rf"""config\.{key}\b|config, ["']{key}["']|self\.{key}\b|^    {key}:""", re.M)
    return any(
        read.search(path.read_text("utf-8"))
        for kind in ("configuration", "modeling")
        for path in Path(source).parent.glob(f"{kind}_*.py")
    )


def _check_weights(folder: Path, name: str) -> dict[str, list[int]]:
    """Return the shape of every tensor, read from the headers alone."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        exported = sorted(p.name for p in folder.iterdir() if p.suffix in (".onnx", ".xml"))
        if exported:
            raise BaseError(
                f"the base '{name}' is exported for another engine, or quantised already ({exported[0]})",
                expected="*.safetensors", do="give the model that it was made of",
            )  # fmt: skip
        pickles = sorted(p.name for p in folder.iterdir() if p.suffix in _PICKLE)
        if pickles:
            raise BaseError(
                f"the base '{name}' has its weights only in a format that can run code when opened ({pickles[0]})",
                expected="*.safetensors", do="convert it with the author's or the hub's safetensors converter",
            )  # fmt: skip
        raise BaseError(
            f"the model '{name}' has no weights", expected="*.safetensors beside config.json",
            do="fetch the whole model, or choose another",
        )  # fmt: skip
    shapes: dict[str, list[int]] = {}
    for path in files:
        shapes |= read_header(path, name)
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        placed = _read_object(index, name).get("weight_map")
        named = set(map(str, placed.values())) if isinstance(placed, dict) else set()
        missing = sorted(named - {p.name for p in files})
        if missing:
            raise BaseError(
                f"the base '{name}' lacks {len(missing)} of its weight files", received=f"no {missing[0]}",
                do="fetch it again",
            )  # fmt: skip
    return shapes


def read_header(path: Path, name: str) -> dict[str, list[int]]:
    """Return ``{tensor: shape}`` of a safetensors file; raises :class:`BaseError` when it is truncated or damaged."""
    from safetensors import SafetensorError, safe_open

    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
            if length > min(size - 8, 100_000_000):
                raise ValueError("it ends within its header")
            header = json.loads(file.read(length))
        if not isinstance(header, dict):
            raise ValueError("its header is no JSON object")
        header.pop("__metadata__", None)
        end = max((t["data_offsets"][1] for t in header.values()), default=0)
        shapes = {key: [int(n) for n in tensor["shape"]] for key, tensor in header.items()}
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise BaseError(f"'{path.name}' of '{name}' is damaged: {error}", do="fetch it again") from error
    if end + 8 + length != size:
        raise BaseError(
            f"'{path.name}' of '{name}' is {'truncated' if size < end + 8 + length else 'damaged'}",
            expected=f"{end + 8 + length:,} bytes", received=f"{size:,}", do="fetch it again",
        )  # fmt: skip
    try:
        with safe_open(path, framework="np"):  # maps the file and checks places and types against shapes
            return shapes
    except SafetensorError as error:
        raise BaseError(f"'{path.name}' of '{name}' is damaged: {error}", do="fetch it again") from error


def _check_head(config: dict[str, Any], shapes: dict[str, list[int]], name: str) -> None:
    """A classification head whose rows are not the labels that the config names would answer with wrong labels."""
    labels = config.get("id2label")
    count = len(labels) if isinstance(labels, dict) else config.get("num_labels")
    if count is None:
        return
    for key in ("classifier.weight", "classifier.out_proj.weight", "classifier.1.weight", "score.weight"):
        if key in shapes and shapes[key][:1] != [count]:
            raise BaseError(
                f"the head of the base '{name}' does not fit its labels", expected=f"{count} rows, one for each label",
                received=f"{key} of shape {shapes[key]}", do="check where the model comes from",
            )  # fmt: skip
