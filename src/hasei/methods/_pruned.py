"""What is taken out of a model, and what is done so that the rest answers as before: see :mod:`hasei.methods.pruning`."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine import pruning, reconstruction, unit_scores
from hasei.engine.batching import Ints
from hasei.engine.block_costs import Costs, Layout, best_layout, measure
from hasei.engine.pruning import Block
from hasei.engine.unit_scores import Calibration
from hasei.ground.errors import NotSupported
from hasei.inputs.architecture import find_stack
from hasei.tasks import Array

Scores = dict[str, torch.Tensor]


def prune_neurons(model: Any, keep: int, by: str, known: Calibration) -> None:
    """Leave *keep* neurons in each layer of the trunk of *model*, in place."""
    blocks = pruning.feed_forward(model.trunk, find_stack(model.trunk))
    kept = choose(model, blocks, keep, by, known)
    model.trunk = pruning.without_neurons(model.trunk, blocks, kept)


def prune_heads(model: Any, keep: int, by: str, known: Calibration, batch: Any) -> None:
    """Leave *keep* heads in each layer of the trunk of *model* (or groups of heads that read the same keys), in place."""
    blocks = pruning.heads(model.trunk, find_stack(model.trunk))
    kept = choose(model, blocks, keep, by, known)
    model.trunk = pruning.without_heads(model.trunk, blocks, kept, batch)


def prune_layers(model: Any, gone: int | tuple[int, ...], known: Calibration) -> tuple[int, ...]:
    """Take layers out of the trunk of *model*, in place; of a number those, one by one, without which it answers most as before.

    Returns which they were, counted from 0 before any was taken out.
    """
    if not isinstance(gone, int):
        stack = find_stack(model.trunk)
        model.trunk = pruning.without_layers(model.trunk, stack, [i for i in range(len(stack)) if i not in gone])
        return gone
    before, numbers = known.outputs(model), list(range(len(find_stack(model.trunk))))
    taken: list[int] = []
    for _ in range(gone):
        trunk, stack = model.trunk, find_stack(model.trunk)
        tried = {}
        for out in range(len(stack)):
            model.trunk = pruning.without_layers(trunk, stack, [i for i in range(len(stack)) if i != out])
            tried[out] = change(before, known.outputs(model))
        best = min(tried, key=lambda out: tried[out])
        model.trunk = pruning.without_layers(trunk, stack, [i for i in range(len(stack)) if i != best])
        taken.append(numbers.pop(best))
    return tuple(sorted(taken))


def fit(model: Any, target: float | str, known: Calibration, batch: Any) -> tuple[Costs, Layout]:
    """Return what the parts of *model* cost here, and the layout that is quick enough and changes its outputs least.

    *target*: milliseconds a row, or a share of what *model* takes (``"60%"``). What a layout changes is estimated as the sum of
    what its parts change alone, by effect and without making up for it.
    """
    costs = measure(model.trunk, batch)
    wanted = float(target.rstrip("% ")) / 100 * costs.row_ms(Layout()) if isinstance(target, str) else target
    before = known.outputs(model)
    changes: dict[tuple[str, float], float] = {}

    def alone(what: str, amount: float) -> float:
        if amount and (what, amount) not in changes:
            tried = copy.deepcopy(model)
            if what == "layers":
                prune_layers(tried, int(amount), known)
            else:
                find = pruning.feed_forward if what == "width" else pruning.heads
                blocks = find(tried.trunk, find_stack(tried.trunk))
                if what not in scores:
                    scores[what] = _scores(tried, blocks, "effect", known)
                keep = max(1, blocks[0].count - round(blocks[0].count * amount))
                kept = [np.sort(np.argsort(-worth, kind="stable")[:keep]) for worth in scores[what]]
                pruning.narrow(tried.trunk, blocks, kept)
            changes[what, amount] = change(before, known.outputs(tried))
        return changes.get((what, amount), 0.0)

    scores: dict[str, list[Array]] = {}
    found = best_layout(costs, wanted, lambda one: sum(alone(what, amount) for what, amount in vars(one).items()))
    return costs, found


def change(before: Sequence[torch.Tensor], after: Sequence[torch.Tensor]) -> float:
    """Return the squared difference of outputs against how much they vary from row to row: 0 where they are equal."""
    apart = sum(float((a - b).double().square().sum()) for a, b in zip(before, after))
    centre = sum(b.double().sum(0) for b in (x.reshape(len(x), -1) for x in before)) / max(1, sum(map(len, before)))
    spread = sum(float((b.reshape(len(b), -1).double() - centre).square().sum()) for b in before)
    return apart / max(spread, 1e-30)


def choose(model: Any, blocks: list[Block], keep: int, by: str, known: Calibration) -> list[Ints]:
    """Return which *keep* units of each of *blocks* stay; by ``reconstruction`` these make up for the others then, in place."""
    if by == "reconstruction":
        kept = []
        for block in blocks:  # what a layer reads hangs on what was taken out below
            gram = unit_scores.grams(model, [block.out], known)[block.out]
            linear: Any = model.trunk.get_submodule(block.out)
            kept.append(reconstruction.eliminate(linear.weight.detach(), gram, block.size, keep))
            reconstruction.put(linear, gram, block.columns(kept[-1]))
            others = torch.from_numpy(np.setdiff1d(np.arange(linear.in_features), block.columns(kept[-1])))
            with torch.no_grad():
                linear.weight[:, others] = 0.0
        return kept
    return [np.sort(np.argsort(-scores, kind="stable")[:keep]) for scores in _scores(model, blocks, by, known)]


def _scores(model: Any, blocks: list[Block], by: str, known: Calibration) -> list[Array]:
    if by == "magnitude":
        return [unit_scores.by_magnitude(model.trunk, block) for block in blocks]
    if by == "effect":
        return unit_scores.by_effect(model, blocks, known)
    moved = unit_scores.by_movement(copy.deepcopy(model), known)
    return [unit_scores.grouped(moved, block) for block in blocks]


def prune_weights(
    model: Any, share: float, pattern: tuple[int, int] | None, by: str, known: Calibration
) -> dict[str, torch.Tensor]:  # fmt: skip
    """Make single numbers of the linear layers of the trunk of *model* zero, in place; return which stay (bool), by parameter."""
    stack = find_stack(model.trunk)
    names = [
        f"{stack.path}.{n}.weight"
        for n, m in model.trunk.get_submodule(stack.path).named_modules()
        if isinstance(m, nn.Linear)
    ]
    moved = unit_scores.by_movement(copy.deepcopy(model), known) if by == "movement" else {}
    masks = {}
    for name in names:
        weight = model.trunk.get_parameter(name)
        if pattern and weight.shape[1] % pattern[1]:
            raise NotSupported(
                f"{pattern[0]}:{pattern[1]} does not divide the {weight.shape[1]} columns of '{name}'",
                expected=f"a multiple of {pattern[1]}", do="choose another pattern",
            )  # fmt: skip
        scores = moved[name] if moved else weight.detach().abs()
        masks[name] = pruning.smallest(weight, scores, share, pattern)
        with torch.no_grad():
            weight.masked_fill_(~masks[name], 0.0)
    return masks
