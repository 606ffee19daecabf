"""What each part of a model costs on this machine, and the cheapest way to a wished time.

A table of measured times: a layer with fewer heads, with fewer neurons, and what is no layer. The time of a layout is the sum of
its parts. Times are the shortest of several turns, in which all layouts are run one after the other.

Source: Kurtic et al. 2023, "ZipLM: inference-aware structured pruning of language models" (a table of measured times).
Shapes: seconds for a batch of b rows.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine import pruning
from hasei.engine.pooled import inner
from hasei.ground.errors import NotSupported
from hasei.inputs.architecture import find_stack

TURNS = 9
EIGHTHS = (0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875)


@dataclass(frozen=True)
class Layout:
    """Shares of neurons and heads that are taken out of each layer, and how many layers."""

    width: float = 0.0
    heads: float = 0.0
    layers: int = 0


@dataclass(frozen=True)
class Costs:
    """Seconds a batch of *rows* rows takes: *beside* the layers, in a whole *layer*, and what a layer saves with a share of its
    neurons (*width*) or of its heads (*heads*) taken out.
    """

    rows: int
    count: int
    beside: float
    layer: float
    width: dict[float, float] = field(default_factory=dict)
    heads: dict[float, float] = field(default_factory=dict)

    def seconds(self, layout: Layout) -> float:
        """Seconds of a batch in *layout*."""
        saved = self.width.get(layout.width, 0.0) + self.heads.get(layout.heads, 0.0)
        return self.beside + (self.count - layout.layers) * max(0.0, self.layer - saved)

    def row_ms(self, layout: Layout) -> float:
        """Milliseconds a row in *layout*."""
        return self.seconds(layout) / self.rows * 1e3

    def layouts(self) -> list[Layout]:
        """All that are measured, and any number of layers but none."""
        return [Layout(w, h, n) for w, h, n in product(sorted(self.width), sorted(self.heads), range(self.count))]


def measure(trunk: nn.Module, batch: Any) -> Costs:
    """Time the parts of *trunk* on *batch*, as they run here."""
    stack = find_stack(trunk)
    path, first = f"{stack.path}.0.", stack.layers[0]
    neurons, heads = pruning.feed_forward(trunk, stack)[0], pruning.heads(trunk, stack)[0]
    sides = {("width", share): _narrow(first, path, neurons, round(neurons.count * (1 - share))) for share in EIGHTHS}
    for count in range(heads.count, 0, -max(1, heads.count // 8)):
        sides["heads", 1 - count / heads.count] = _narrow(first, path, heads, count)
    with torch.inference_mode():
        args, kwargs = _first_call(trunk, batch)
        runs: dict[Any, Callable[[], Any]] = {key: partial(side, *args, **kwargs) for key, side in sides.items()}
        runs["all"] = partial(inner(trunk), **batch)
        best = shortest(runs)
    layer, count = best["width", 0.0], len(stack)
    saved: dict[str, dict[float, float]] = {"width": {}, "heads": {}}
    for what, share in sides:
        saved[what][share] = max(0.0, best[what, 0.0] - best[what, share])
    rows = len(batch["attention_mask"])
    return Costs(rows, count, max(0.0, best["all"] - count * layer), layer, saved["width"], saved["heads"])


def shortest(runs: dict[Any, Callable[[], Any]], turns: int = TURNS) -> dict[Any, float]:
    """Return the shortest time (seconds) of each of *runs*, run in turn; the first turn is not counted."""
    found: dict[Any, list[float]] = {key: [] for key in runs}
    for _ in range(turns + 1):
        for key, run in runs.items():
            start = time.perf_counter()
            run()
            found[key].append(time.perf_counter() - start)
    return {key: min(times[1:]) for key, times in found.items()}


def _first_call(trunk: nn.Module, batch: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """How the first layer of *trunk* is called for *batch*: its arguments."""
    seen: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    handle = (
        find_stack(trunk).layers[0].register_forward_pre_hook(lambda _, a, k: seen.append((a, k)), with_kwargs=True)
    )
    try:
        inner(trunk)(**batch)
    finally:
        handle.remove()
    return seen[0]


def _narrow(layer: nn.Module, path: str, block: pruning.Block, keep: int) -> nn.Module:
    """A copy of *layer*, which stands at *path*, with *keep* units of *block* (its numbers do not matter for its time)."""
    copied = copy.deepcopy(layer)
    if keep < block.count:
        ins = tuple((name.removeprefix(path), *rest) for name, *rest in block.ins)
        inside = pruning.Block(ins, block.out.removeprefix(path), block.size, block.count)  # type: ignore[arg-type]
        pruning.narrow(copied, [inside], [np.arange(max(1, keep))])
    return copied


def best_layout(costs: Costs, target_ms: float, lost: Callable[[Layout], float]) -> Layout:
    """Return the layout of at most *target_ms* a row that loses least by *lost*; raises NotSupported where none is so quick."""
    layouts = costs.layouts()
    possible = [one for one in layouts if costs.row_ms(one) <= target_ms]
    if not possible:
        least = min(map(costs.row_ms, layouts))
        raise NotSupported(
            "this model can't be pruned to be so quick on this machine", expected=f"at least {least:.3g} ms a row",
            received=f"{target_ms:.3g} ms", do="ask for more time, or distil it",
        )  # fmt: skip
    return min(possible, key=lambda one: (lost(one), costs.row_ms(one)))
