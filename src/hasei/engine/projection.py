"""A model's weights in 32 numbers that add up as the weights do: what was added, twice or not at all, can be told from them.

**Source**: Charikar, Chen & Farach-Colton 2002, "Finding frequent items in data streams" (the count sketch, here of weights).
**Shapes**: a matrix of n numbers -> 32; at most 65,536 of its numbers, evenly spread, take part. The projection is linear: that
of a merged model is that of its base plus that of what was merged.
**Relations**: biases and norms take no part; layers held in few bits take part by what is added to them alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from hasei.engine.quantised import is_held

WIDTH = 32
_MOST = 65_536
_BESIDE = ("base_model.", "model.", "base_layer.", "trunk.", "peft.")
Vector = npt.NDArray[np.float64]


def projected(tensors: Iterable[tuple[str, torch.Tensor]]) -> Vector:
    """Return the projection (32,) of named *tensors*; those that are no matrices are left out."""
    found = np.zeros(WIDTH)
    for name, tensor in tensors:
        if tensor.ndim < 2 or not tensor.is_floating_point():
            continue
        with torch.no_grad():
            flat = tensor.detach().reshape(-1)
            values = flat[:: max(1, flat.numel() // _MOST)][:_MOST].double().numpy()
        seed = zlib.crc32(name.encode())
        places = (np.arange(len(values)) + seed) % WIDTH
        found += np.bincount(places, values * np.roll(_signs(), seed % _MOST)[: len(values)], WIDTH)
    return found


def of_weights(model: nn.Module) -> Vector:
    """Return the projection of the weights by which *model* computes, adapters that add to a layer's weights included."""
    return projected(_whole(model))


def added(model: nn.Module) -> list[tuple[str, torch.Tensor]]:
    """Return what the adapters of *model* add to the weights of each layer, by the layer's name; layers that get nothing too."""
    found = []
    for name, module in model.named_modules():
        delta: Any = getattr(module, "get_delta_weight", None)
        active: Any = getattr(module, "active_adapters", ())
        if delta is None or not getattr(module, "lora_A", None):
            continue
        with torch.no_grad():
            parts = [delta(adapter) for adapter in active if adapter in module.lora_A]
        if parts:
            found.append((plain(f"{name}.weight"), torch.stack(parts).sum(0)))
    return found


def plain(name: str) -> str:
    """Return the *name* of a weight without the wrappings that adapters put around it."""
    parts = name.split(".")
    return ".".join(part for part in parts if f"{part}." not in _BESIDE)


def _whole(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    held = {id(p) for m in model.modules() if is_held(m) for p in m.parameters(recurse=False)}
    for name, parameter in model.named_parameters():
        if id(parameter) not in held and "lora_" not in name and "prompt" not in name:
            yield plain(name), parameter
    yield from added(model)


@cache
def _signs() -> Vector:
    return np.where(np.random.default_rng(20).random(_MOST) < 0.5, -1.0, 1.0)
