"""What of a model folder decides its answers, in few numbers: taken when it is made and again when it is verified.

By what differs, ``judge/parity`` names what broke a copy: another tokenizer, a second first token, another side of padding,
another chat template, a head begun anew, labels in another order, an adapter that is not there, one that is there twice, layers
left out of a rounding. A format may add facts of its own: ``facts(folder) -> dict`` of plain JSON in ``formats/NAME.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hasei.ground import plugins
from hasei.ground.files import hash_json, hash_text

if TYPE_CHECKING:
    from torch import nn

    from hasei.derive.derived import DerivedModel

PROBES = (
    "Please refund the card payment; order 48-2231 never arrived.", "Ça va?  Two  spaces, a\ttab, CAPITALS and an emoji 🙂",
    "パスワードを忘れました。ＡＢＣ１２３", "x",
)  # fmt: skip
"""Short texts on which tokenizers differ: cases, accents, spaces, full-width forms, characters of several bytes."""
LONG = " ".join(f"{word} {number}" for number in range(70) for word in ("where is my parcel", "refund", "荷物はどこ"))
"""A text of more than 512 tokens: where it is cut shows."""
_NO_MATTER = {"transformers_version", "dtype", "torch_dtype", "use_cache"}
"""Settings in ``config.json`` that decide no answer."""
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.txt", "vocab.json")


def facts_of(model: DerivedModel, base: nn.Module | None = None) -> dict[str, Any]:
    """Return the facts of the opened *model*; and of *base*, the plain model that its trunk was derived from, where known."""
    form: Any = plugins.load("formats", model.identity["format"])
    found: dict[str, Any] = {
        "labels": _labels(model.folder),
        "space": _order(model.space.names),
        **_read_by(model),
        **_weights(model, base),
    }
    config = _config(model.folder)
    if config:
        found["config"] = config
    stored = stored_in(model.folder)
    if stored:
        found["stored"] = stored
    if hasattr(form, "facts"):
        found["own"] = form.facts(model.folder)
    return {name: value for name, value in found.items() if value is not None}


def tokenizer_facts(tokenizer: Any, max_tokens: int) -> dict[str, Any]:
    """Return what of *tokenizer* decides what a model reads: ids of probe texts, special tokens, padding, words, template."""
    from hasei.engine.batching import tokenize

    try:
        read = tokenize(tokenizer, [*PROBES, LONG], max_tokens)
    except (ValueError, TypeError, AttributeError):
        return {}
    ids = [read.ids[a:b].tolist() for a, b in zip(read.offsets[:-1], read.offsets[1:])]
    template = getattr(tokenizer, "chat_template", None)
    special = {
        n: getattr(tokenizer, f"{n}_id", None)
        for n in ("bos_token", "eos_token", "cls_token", "sep_token", "pad_token")
    }
    return {
        "ids": ids[:-1], "cut_at": len(ids[-1]), "special": {n: i for n, i in special.items() if i is not None},
        "padding_side": getattr(tokenizer, "padding_side", None), "truncation_side": getattr(tokenizer, "truncation_side", None),
        "vocabulary": hash_json(sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1]))[:16],
        "chat_template": hash_text(json.dumps(template, sort_keys=True))[:16] if template else None,
    }  # fmt: skip


def quantised(model: nn.Module) -> dict[str, Any] | None:
    """Return how many linear layers of *model* are held in few bits, and the share of the linear weights in them; None for none.

    A layer counts as held where its weights are of a type with fewer than 16 bits, or where bitsandbytes holds them.
    """
    import torch

    from hasei.engine.quantised import is_held
    from hasei.engine.sublayers import is_linear

    layers, numbers, held = 0, 0, 0
    for module in model.modules():
        weight: Any = getattr(module, "weight", None)
        if not isinstance(weight, torch.Tensor) or not (is_linear(module) or is_held(module)):
            continue
        wide = int(getattr(module, "in_features", 0)) * int(getattr(module, "out_features", 0)) or weight.numel()
        numbers += wide
        if is_held(module) or weight.element_size() < 2:
            layers, held = layers + 1, held + wide
    return {"layers": layers, "share": round(held / numbers, 6)} if layers else None


def stored_in(folder: Path) -> dict[str, int]:
    """Return how many numbers the safetensors files of *folder* hold of each type (``F32``, ``F16``, ``I8``, ``U8``, ...)."""
    found: dict[str, int] = {}
    for path in sorted(folder.rglob("*.safetensors")):
        for tensor in _header(path).values():
            kind = str(tensor["dtype"])
            found[kind] = found.get(kind, 0) + int(np.prod(tensor["shape"], dtype=np.int64))
    return found


def _header(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header: dict[str, Any] = json.loads(file.read(min(length, 100_000_000)))
    return {name: value for name, value in header.items() if name != "__metadata__"}


def _config(folder: Path) -> dict[str, Any]:
    """Return the settings of the architecture, as ``config.json`` states them, that are single numbers and words."""
    try:
        stated = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(stated, dict):
        return {}
    plain = {n: v for n, v in stated.items() if isinstance(v, (str, int, float)) and not n.startswith("_")}
    return {name: value for name, value in sorted(plain.items()) if name not in _NO_MATTER}


def _labels(folder: Path) -> dict[str, Any] | None:
    """Return the hash of the labels beside the model in their order, and of the same in alphabetic order."""
    names = labels_in(folder)
    if names is None:
        return None
    return _order(names)


def _order(names: Sequence[str]) -> dict[str, Any] | None:
    return {"order": hash_json(list(names))[:16], "set": hash_json(sorted(names))[:16]} if names else None


def labels_in(folder: Path) -> tuple[str, ...] | None:
    """Return the labels that *folder* states beside the model, in the order of its outputs; None where it states none."""
    try:
        return tuple(str(name) for name in json.loads((folder / "labels.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _read_by(model: DerivedModel) -> dict[str, Any]:
    """Return the facts of the tokenizer that the model is read with, and of the one that the folder itself holds."""
    predictor = inner(model.predictor)
    tokenizer: Any = getattr(predictor, "tokenizer", None) or getattr(
        getattr(predictor, "chat", None), "tokenizer", None
    )
    if tokenizer is None or not hasattr(tokenizer, "get_vocab"):
        return {}
    most = int(getattr(predictor, "max_tokens", 0) or 0)
    found: dict[str, Any] = {"max_tokens": most, "tokenizer": tokenizer_facts(tokenizer, most or 512)}
    if any((model.folder / name).is_file() for name in _TOKENIZER_FILES):
        own = _tokenizer_in(model.folder)
        said = {} if own is None else tokenizer_facts(own, most or 512)
        if said != found["tokenizer"]:
            found["own_tokenizer"] = said
    return found


def _tokenizer_in(folder: Path) -> Any:
    from transformers import AutoTokenizer

    from hasei.engine.opening import quiet

    try:
        with quiet():
            return AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception:  # a damaged vocabulary raises what the library that reads it likes
        return None


def inner(predictor: Any) -> Any:
    """Return what reads the rows of *predictor*: of one that answers by pairs, what reads a pair."""
    return getattr(predictor, "pairs", predictor)


def _weights(model: DerivedModel, base: nn.Module | None) -> dict[str, Any]:
    from torch import nn

    from hasei.engine.projection import added, of_weights, projected

    whole: Any = getattr(inner(model.predictor), "model", None)
    if not isinstance(whole, nn.Module):
        return {}
    trunk = getattr(whole, "trunk", None)
    if not isinstance(trunk, nn.Module):
        return {"weights": _said(of_weights(whole)), "quantised": quantised(whole)}
    parts = added(trunk)
    found: dict[str, Any] = {
        "head": _said(projected((n, _matrix(p)) for n, p in _heads(whole))), "weights": _said(of_weights(trunk)),
        "quantised": quantised(trunk),
    }  # fmt: skip
    if isinstance(getattr(whole, "pooling", None), str):
        found["pooling"] = whole.pooling
    if parts:
        moved = [name for name, delta in parts if float(delta.abs().max()) > 0]
        found |= {"adapted": {"layers": len(parts), "moved": len(moved)}, "added": _said(projected(parts))}
    elif base is not None:
        found["base"] = _said(of_weights(base))
    return found


def _heads(model: nn.Module) -> Iterator[tuple[str, Any]]:
    return ((name, p) for name, p in model.named_parameters() if not name.startswith("trunk."))


def _matrix(tensor: Any) -> Any:
    return tensor if tensor.ndim > 1 else tensor[None]


def _said(vector: Sequence[float] | np.ndarray) -> list[float]:
    return [float(f"{value:.9g}") for value in vector]


__all__ = ["LONG", "PROBES", "facts_of", "inner", "labels_in", "quantised", "stored_in", "tokenizer_facts"]
