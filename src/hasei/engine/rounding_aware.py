"""What 8 bits do to a model, seen in torch: its linear layers and tables computing as they will once they are rounded.

Source: Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only inference"; the
gradient passes a rounding as if it were none (straight-through: Bengio et al. 2013).

Shapes: weights (out, in) with a scale for each of the rows, symmetric, of 7 bits and a sign less (what sums of products of AVX2
without VNNI hold); what enters a layer with one scale and one zero a batch, of 8 bits; tables (v, h) with a scale a row.

Relations: :mod:`hasei.engine.rounding_onnx` rounds so for good.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.activations.probe import hooked
from hasei.engine.rounding_onnx import SMALL_TABLE
from hasei.engine.sublayers import is_linear
from hasei.tasks import Floats

_WEIGHT, _TABLE, _INPUT = 64.0, 127.0, 255.0


def linear_paths(trunk: nn.Module, answer: Callable[[], object]) -> list[str]:
    """Return the paths of the linear layers in *trunk* that *answer()* computes with, in the order of the model."""
    called: set[str] = set()

    def note(path: str) -> Any:
        return lambda *_: called.add(path)

    layers = [(path, module) for path, module in trunk.named_modules() if is_linear(module)]
    with hooked([module.register_forward_pre_hook(note(path)) for path, module in layers]):
        answer()
    return [path for path, _ in layers if path in called]


@contextmanager
def rounding(trunk: nn.Module, paths: Collection[str], *, tables: bool = True) -> Iterator[None]:
    """Let the linear layers *paths* of *trunk* compute in 8 bits inside the block, its large *tables* too; gradients pass."""
    changed: list[Any] = []
    listed: list[tuple[str, Any]] = list(trunk.named_modules())
    for path, module in listed:
        large = tables and isinstance(module, nn.Embedding) and module.weight.numel() >= SMALL_TABLE
        if path in paths or large:
            changed.append(module)
    for module in changed:
        module.forward = partial(_table if isinstance(module, nn.Embedding) else _linear, module)
    try:
        yield
    finally:
        for module in changed:
            del module.forward


def _linear(module: Any, x: torch.Tensor) -> torch.Tensor:
    x = _rounded_input(x)
    if isinstance(module, nn.Linear):
        return nn.functional.linear(x, _rounded_rows(module.weight, _WEIGHT), module.bias)
    weight = _rounded_rows(module.weight.T, _WEIGHT)  # GPT-2's lie the other way
    return nn.functional.linear(x, weight, module.bias)


def _table(module: nn.Embedding, ids: torch.Tensor) -> torch.Tensor:
    return _rounded_rows(nn.functional.embedding(ids, module.weight, module.padding_idx), _TABLE)


def _rounded_rows(weight: torch.Tensor, most: float) -> torch.Tensor:
    """Round the vectors (..., h) of *weight*, each by its own largest number; the gradient is that of *weight* as it is."""
    with torch.no_grad():
        scale = weight.abs().amax(-1, keepdim=True).clamp(min=1e-12) / most
        rest = (weight / scale).round() * scale - weight
    return weight + rest


def _rounded_input(x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        low, high = x.amin().clamp(max=0), x.amax().clamp(min=0)
        scale = ((high - low) / _INPUT).clamp(min=1e-12)
        zero = (-low / scale).round()
        rest = (((x / scale).round() + zero).clamp(0, _INPUT) - zero) * scale - x
    return x + rest


def apart(found: Floats, expected: Floats) -> float:
    """Return how far outputs (n, w) lie from those *expected*, as a share of how these differ from row to row."""
    spread = float(np.linalg.norm(expected - expected.mean(0)))
    return float(np.linalg.norm(found - expected)) / max(spread, 1e-12)


def sensitive(
    trunk: nn.Module, answer: Callable[[], Floats], sizes: dict[str, int], most: int, enough: float
) -> tuple[tuple[str, ...], Sequence[float]]:
    """Return which linear layers of *trunk* to leave whole, and how far *answer()* lies apart with none and with these whole.

    None where all can be rounded and answers lie at most *enough* apart. Else the layers of largest effect, each rounded alone,
    as long as together they have at most *most* numbers of *sizes*, and no more than are needed.
    """
    paths = list(sizes)
    expected = answer()

    def with_rounded(some: Collection[str]) -> float:
        with rounding(trunk, some, tables=False):
            return apart(answer(), expected)

    before = with_rounded(paths)
    if before <= enough:
        return (), (before, before)
    effect = {path: with_rounded([path]) for path in paths}
    whole: list[str] = []
    after = before
    for path in sorted(paths, key=lambda p: (-effect[p], p)):
        if sum(sizes[p] for p in (*whole, path)) <= most:
            now = with_rounded(set(paths) - {*whole, path})
            if now < after:
                whole, after = [*whole, path], now
            if after <= enough:
                break
    return tuple(sorted(whole)), (before, after)
