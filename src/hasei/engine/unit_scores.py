"""What the units of a model are worth, from its weights alone or from some rows.

Source: by effect: Molchanov et al. 2019, "Importance estimation for neural network pruning", and Michel et al. 2019 (what
leaving a unit out would do to the loss, to first order); by movement: Sanh et al. 2020, "Movement pruning".
Shapes: rows b, tokens t, columns c of a block; scores (units,), or as the weight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.batching import Ints, by_length
from hasei.engine.pruning import Block
from hasei.engine.ragged import padded
from hasei.engine.reconstruction import moments
from hasei.engine.training import Source
from hasei.ground.events import Watch
from hasei.tasks import Array

MOVING_RATE = 1e-4
"""How fast weights are trained while it is seen which move towards zero."""


@dataclass(frozen=True)
class Calibration:
    """Some train rows: *rows* (k,) of *source*, their *targets* (of all rows) and *loss*: outputs and targets to losses (b,)."""

    source: Source
    rows: Ints
    targets: Array
    loss: Callable[..., torch.Tensor]
    watch: Watch

    def batches(self) -> Iterator[Ints]:
        """Rows of similar length together."""
        for batch in by_length(self.source.lengths[self.rows]):
            self.watch.check()
            yield self.rows[batch]

    def outputs(self, model: nn.Module) -> list[torch.Tensor]:
        """Outputs of *model* for each batch."""
        with torch.no_grad():
            return [self.source.outputs(model, rows).float() for rows in self.batches()]

    def losses(self, model: nn.Module, rows: Ints) -> torch.Tensor:
        """Losses (b,) of *rows*."""
        return self.loss(self.source.outputs(model, rows).float(), padded(self.targets[rows]))


@contextmanager
def _inputs(
    trunk: nn.Module, names: Sequence[str], seen: Callable[[str, torch.Tensor, torch.Tensor], Any]
) -> Iterator[None]:
    """While inside, tell *seen* of the inputs (b, t, c) of the modules *names* of *trunk*, and of its mask (b, t)."""
    mask: dict[str, torch.Tensor] = {}

    def note(_: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        mask["now"] = kwargs["attention_mask"]

    def hook(name: str) -> Callable[..., None]:
        def tell(_: nn.Module, args: tuple[torch.Tensor, ...]) -> None:
            seen(name, args[0], mask["now"].bool())

        return tell

    handles = [trunk.register_forward_pre_hook(note, with_kwargs=True)]
    handles += [trunk.get_submodule(name).register_forward_pre_hook(hook(name)) for name in names]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Enough(Exception):
    """A batch has been run as far as is needed."""


def grams(model: Any, names: Sequence[str], known: Calibration) -> dict[str, torch.Tensor]:
    """Return the moments (c + 1, c + 1) of the inputs of the modules *names* of the trunk of *model*, padding left out."""
    found: dict[str, torch.Tensor] = {}

    def seen(name: str, states: torch.Tensor, mask: torch.Tensor) -> None:
        more = moments(states[mask] if states.shape[:2] == mask.shape else states.reshape(-1, states.shape[-1]))
        found[name] = found[name] + more if name in found else more

    last: dict[str, int] = dict.fromkeys(names, 0)

    def until(name: str, states: torch.Tensor, mask: torch.Tensor) -> None:
        seen(name, states, mask)
        last[name] += 1
        if len(set(last.values())) == 1:
            raise _Enough  # all that is asked for is seen: the layers above need not be run

    with _inputs(model.trunk, names, until), torch.no_grad():
        for rows in known.batches():
            with suppress(_Enough):
                known.source.outputs(model, rows)
    return found


def by_magnitude(trunk: nn.Module, block: Block) -> Array:
    """Return the squared length of the weights of each unit."""
    return grouped({n: p.detach().square() for n, p in trunk.named_parameters()}, block)


def grouped(values: dict[str, torch.Tensor], block: Block) -> Array:
    """Return the sums of *values*, one for each number of the parameters of a trunk, of each unit of *block* (units,)."""
    total = values[f"{block.out}.weight"].sum(0).view(block.count, block.size).sum(1)
    for name, each, packed in block.ins:
        total = total + values[f"{name}.weight"].sum(1).view(packed, block.count, each).sum((0, 2))
    found: Array = total.double().numpy()
    return found


def by_effect(model: Any, blocks: Sequence[Block], known: Calibration) -> list[Array]:
    """Return how much the loss of a row changes to first order, up or down, when a unit gives nothing, summed over the rows."""
    totals = {block.out: torch.zeros(block.count, dtype=torch.float64) for block in blocks}
    kept: dict[str, torch.Tensor] = {}

    def seen(name: str, states: torch.Tensor, mask: torch.Tensor) -> None:
        states.retain_grad()
        kept[name] = states

    with _trained(model), _inputs(model.trunk, list(totals), seen):
        for rows in known.batches():
            known.losses(model, rows).sum().backward()  # type: ignore[no-untyped-call]
            for block in blocks:
                states = kept[block.out]
                change = (states.detach() * states.grad).flatten(1, -2).sum(1)  # type: ignore[operator]
                totals[block.out] += change.view(len(change), block.count, block.size).sum(2).abs().sum(0).double()
            kept.clear()
            model.zero_grad(set_to_none=True)
    return [totals[block.out].numpy() for block in blocks]


def by_movement(model: Any, known: Calibration) -> dict[str, torch.Tensor]:
    """Return of each number of the trunk how far it moves away from zero, while *model* (a copy) is trained on the rows once."""
    found = {name: torch.zeros_like(p) for name, p in model.trunk.named_parameters()}
    with _trained(model):
        optimizer = torch.optim.AdamW(model.parameters(), lr=MOVING_RATE, weight_decay=0.0)
        order = np.random.default_rng(0).permutation(len(known.rows))
        for rows in np.array_split(known.rows[order], -(-len(order) // 16)):
            known.watch.check()
            known.losses(model, rows).mean().backward()  # type: ignore[no-untyped-call]
            for name, parameter in model.trunk.named_parameters():
                if parameter.grad is not None:
                    found[name] -= parameter.detach() * parameter.grad
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
    return found


@contextmanager
def _trained(model: nn.Module) -> Iterator[None]:
    before = [(p, p.requires_grad) for p in model.parameters()]
    for parameter, _ in before:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter, was in before:
            parameter.requires_grad_(was)
            parameter.grad = None
