"""Capture the input of layer k, and run the whole normal model from it.

Replay calls the normal model with the real token ids and mask; layers below k pass their input through (their
``forward`` is replaced on the instance, so attributes that the model reads survive), and a pre-hook on layer k swaps in
the captured states. Masks, rotary tables and biases are rebuilt by the model's own forward.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from hasei.engine.activations.probe import Probe, hidden_of, hooked
from hasei.engine.pooled import last_states
from hasei.inputs.architecture import Stack


class _Captured(Exception):
    """Internal: ends a forward pass once the last wanted layer was reached."""


def capture(
    model: nn.Module, stack: Stack, batch: dict[str, torch.Tensor], layers: set[int]
) -> dict[int, torch.Tensor]:
    """Return the states (b, t, h) that enter each of *layers*; L (the number of layers) means the model's last states."""
    seen: dict[int, torch.Tensor] = {}
    last = max(layers)

    def record(index: int) -> Any:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            seen.setdefault(index, hidden_of(args, kwargs).detach())  # a layer used many times: its first states
            if index == last:
                raise _Captured

        return hook

    wanted = [(i, layer) for i, layer in enumerate(stack.layers) if i in layers]
    handles = [layer.register_forward_pre_hook(record(i), with_kwargs=True) for i, layer in wanted]
    with hooked(handles), torch.no_grad(), contextlib.suppress(_Captured):
        final = last_states(model, batch)
        if last == len(stack):
            seen[last] = final
    return seen


class Replay:
    """Holds the states (b, t, h) that the next forward pass of a model under :func:`replaying` starts from."""

    def __init__(self, layer: int) -> None:
        self.layer = layer
        self.states: torch.Tensor | None = None


@contextlib.contextmanager
def replaying(stack: Stack, probe: Probe, layer: int) -> Iterator[Replay]:
    """Within the block, forward passes of the model that owns *stack* start at *layer* from ``Replay.states``."""
    replay = Replay(layer)

    def swap(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if replay.states is None:
            raise RuntimeError("a replayed forward pass was run without states")
        if args:
            return (replay.states, *args[1:]), kwargs
        return args, kwargs | {"hidden_states": replay.states}

    def passthrough(index: int) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            hidden = hidden_of(args, kwargs)
            if not probe.tuples[index]:
                return hidden
            return hidden, *(args[r] if isinstance(r, int) else kwargs.get(r or "") for r in probe.relays[index])

        return forward

    # A lower layer that makes something else for later ones (a position bias) is run; only its hidden output is discarded.
    skipped = [(i, m) for i, m in enumerate(stack.layers[:layer]) if not probe.side[i]]
    for index, module in skipped:
        module.forward = passthrough(index)
    handles = [stack.layers[layer].register_forward_pre_hook(swap, with_kwargs=True)]
    try:
        with hooked(handles):
            yield replay
    finally:
        for _, module in skipped:
            del module.forward


def self_check(model: nn.Module, stack: Stack, probe: Probe, batch: dict[str, torch.Tensor], layer: int) -> float:
    """Largest difference of the last states, plain against replayed from *layer*, relative to their spread.

    Padded positions do not count. Exact models give about 1e-7; the engine refuses above 1e-5.
    """
    mask = batch["attention_mask"].bool()
    with torch.no_grad():
        plain = last_states(model, batch)[mask]
        states = capture(model, stack, batch, {layer})[layer]
        with replaying(stack, probe, layer) as replay:
            replay.states = states * batch["attention_mask"].unsqueeze(-1)
            again = last_states(model, batch)[mask]
    return float((plain - again).abs().max() / plain.std().clamp(min=1e-12))
