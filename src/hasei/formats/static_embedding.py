"""A static model as sentence-transformers modules: StaticEmbedding, Dense with ReLU where there is a layer between, Dense.

``SentenceTransformer(folder).encode(texts)`` returns hasei's own outputs; column i is the i-th name in ``labels.json``.
Reading it back needs neither transformers nor the base: ``tokenizer.json``, ``model.safetensors`` (``embedding.weight``), heads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hasei.engine.pooled import linear
from hasei.engine.static import StaticModel, StaticPredictor
from hasei.formats import _folder
from hasei.formats._elsewhere import by_sentence_transformers
from hasei.ground.errors import BaseError
from hasei.ground.files import write_bytes, write_json
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array

LIBRARY = "sentence-transformers"
_WEIGHTS = "model.safetensors"
_TOKENS = "tokenizer.json"
_ACTIVATIONS = {True: "torch.nn.modules.linear.Identity", False: "torch.nn.modules.activation.ReLU"}


def save(predictor: StaticPredictor, folder: Path, base: Any = None) -> None:
    """Write *predictor* into the empty *folder*; *base* is not needed."""
    model = predictor.model
    layers = [layer for layer in (model.middle, model.head) if layer is not None]
    modules = [("", "StaticEmbedding"), *((f"{i}_Dense", "Dense") for i in range(1, len(layers) + 1))]
    write_json(folder / "modules.json", [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(modules)
    ])  # fmt: skip
    write_bytes(folder / _TOKENS, predictor.tokenizer.to_str(pretty=True).encode("utf-8"))
    _folder.write_tensors(folder / _WEIGHTS, {"embedding.weight": model.embedding.weight.detach().numpy()})
    for i, layer in enumerate(layers, 1):
        place = folder / f"{i}_Dense"
        place.mkdir()
        write_json(place / "config.json", {
            "in_features": layer.in_features, "out_features": layer.out_features, "bias": True,
            "activation_function": _ACTIVATIONS[layer is model.head],
        })  # fmt: skip
        tensors = {"linear.weight": layer.weight.detach().numpy(), "linear.bias": layer.bias.detach().numpy()}
        _folder.write_tensors(place / _WEIGHTS, tensors)


def load(folder: Path, open_base: Callable[[], Any] | None = None) -> StaticPredictor:
    """Load what :func:`save` wrote; raises :class:`BaseError` where a part is missing, damaged or does not fit another."""
    from tokenizers import Tokenizer

    table = torch.from_numpy(_folder.read_tensors(folder / _WEIGHTS, ("embedding.weight",))["embedding.weight"])
    layers = [_layer(folder / f"{i}_Dense") for i in (1, 2) if i == 1 or (folder / f"{i}_Dense").is_dir()]
    try:
        tokenizer = Tokenizer.from_str(_folder.read_bytes(folder / _TOKENS).decode("utf-8"))
    except Exception as error:  # the library raises a plain Exception
        raise BaseError(f"'{_TOKENS}' is damaged ({error})", do="derive or download the model again") from error
    tokenizer.no_padding()
    known, wide = tokenizer.get_vocab_size(with_added_tokens=True), table.shape[1:]
    shapes = [tuple(table.shape), *(tuple(layer.weight.shape) for layer in layers)]
    chained = all(layer.in_features == last for layer, last in zip(layers, [*wide, layers[0].out_features]))
    if table.ndim != 2 or known > len(table) or not chained:
        raise BaseError(
            f"the parts of '{folder.name}' do not belong together", expected=f"a table of {known:,} tokens and heads that fit",
            received=f"weights of the shapes {', '.join(map(str, shapes))}", do="derive or download the model again",
        )  # fmt: skip
    return StaticPredictor(StaticModel(table, layers[0] if len(layers) > 1 else None, layers[-1]), tokenizer)


def elsewhere(folder: Path, inputs: Sequence[Input], open_base: Callable[[], Any]) -> Array | None:
    """Return the outputs (n, w) of *inputs* by sentence-transformers alone."""
    return by_sentence_transformers(folder, inputs)


def _layer(place: Path) -> nn.Linear:
    tensors = _folder.read_tensors(place / _WEIGHTS, ("linear.weight", "linear.bias"))
    weight, bias = tensors["linear.weight"], tensors["linear.bias"]
    try:
        said = json.loads((place / "config.json").read_text("utf-8"))["activation_function"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaseError(f"'{place.name}/config.json' is damaged ({error})", do="derive the model again") from error
    if weight.ndim != 2 or bias.shape != weight.shape[:1] or said not in _ACTIVATIONS.values():
        raise BaseError(f"'{place.name}' does not hold a layer of this model", received=str(said), do="derive it again")
    return linear(weight, bias)
