"""One hooked forward pass that learns how a model runs its stack of layers, or why it can't be replayed.

Position of a parameter: -1 when it is first used before the stack, j inside layer j, L (the number of layers) after it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from hasei.engine.pooled import last_states
from hasei.ground.language import marked
from hasei.inputs.architecture import Stack


@dataclass
class Probe:
    """What one forward pass showed. *refusal* is empty when layers can be replayed, else says why not (to be translated);
    *apart*: each layer is called exactly once, so that upper ones can be trained without lower ones.

    *tuples[j]* tells whether layer j returns a tuple, *relays[j]* what its further items are: the argument (place or name)
    that is handed on, or None; *side[j]* whether it makes something else that is used later; *position* maps a parameter's
    name to where it is first used.
    """

    layers: int
    refusal: str = ""
    apart: bool = True
    tuples: list[bool] = field(default_factory=list)
    relays: list[tuple[int | str | None, ...]] = field(default_factory=list)
    side: list[bool] = field(default_factory=list)
    position: dict[str, int] = field(default_factory=dict)

    def trainable_from(self, layer: int) -> list[str]:
        """Names of the parameters that are first used in *layer* or later: only they may be trained on replay."""
        return sorted(name for name, position in self.position.items() if position >= layer)


def hidden_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor:
    """Return the hidden states that a layer was called with, positional or by name."""
    hidden = args[0] if args else kwargs["hidden_states"]
    if not isinstance(hidden, torch.Tensor):
        raise TypeError("the first argument of a layer is not a tensor")
    return hidden


@contextlib.contextmanager
def hooked(handles: list[Any]) -> Iterator[None]:
    """Remove all *handles* at the end of a ``with`` block, whatever happens."""
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def probe(model: nn.Module, stack: Stack, batch: dict[str, torch.Tensor]) -> Probe:
    """Run *model* once on *batch* and return what was seen. Never raises for an odd architecture: it refuses.

    Of texts (b, t) the states inside must be one vector per token; of pictures they may be of any shape.
    """
    count = len(stack)
    found = Probe(count, tuples=[False] * count, relays=[()] * count, side=[False] * count)
    calls = [0] * len(stack)
    now = {"position": -1}
    names = {id(p): n for n, p in model.named_parameters()}  # shared parameters: one name, the first use counts
    shapes: list[tuple[int, ...]] = []
    shared: list[Mapping[Any, Any]] = []

    def enter(index: int) -> Any:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            calls[index] += 1
            now["position"] = index
            shapes.append(tuple(hidden_of(args, kwargs).shape[:2]))
            shared.extend(v for v in (*args, *kwargs.values()) if isinstance(v, MutableMapping))

        return hook

    def leave(index: int) -> Any:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            found.tuples[index] = isinstance(output, tuple)
            if isinstance(output, tuple):
                given: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
                found.relays[index] = tuple(
                    next((k for k, v in given if v is o and o is not None), None) for o in output[1:]
                )
                new = [o for o, relay in zip(output[1:], found.relays[index]) if o is not None and relay is None]
                found.side[index] = bool(new)
            if index == len(stack) - 1:
                now["position"] = len(stack)

        return hook

    def used(module: nn.Module, _: Any) -> None:
        for parameter in module.parameters(recurse=False):
            found.position.setdefault(names[id(parameter)], now["position"])

    handles = [layer.register_forward_pre_hook(enter(i), with_kwargs=True) for i, layer in enumerate(stack.layers)]
    handles += [layer.register_forward_hook(leave(i), with_kwargs=True) for i, layer in enumerate(stack.layers)]
    handles += [
        m.register_forward_pre_hook(used)
        for m in model.modules()
        if next(m.parameters(recurse=False), None) is not None
    ]
    with hooked(handles), torch.no_grad():
        try:
            last_states(model, batch)
        except (TypeError, KeyError, IndexError, AttributeError):
            found.refusal = marked("its layers are called in an unusual way")
    for name in names.values():  # read without a call of the module that holds it: perhaps already below the stack
        found.position.setdefault(name, -1)
    found.apart = all(count == 1 for count in calls)
    found.refusal = found.refusal or _judge(
        calls, shapes, tuple(batch["input_ids"].shape) if "input_ids" in batch else None, any(map(len, shared))
    )
    return found


def foresee(model: nn.Module, stack: Stack) -> str | None:
    """Return what :func:`probe` would refuse *model* for, "" for nothing; None where it can't be told without its numbers.

    *model* lies on torch's meta device, where nothing is computed: with a mask or without one most architectures run there.
    """
    if getattr(model, "main_input_name", "") != "input_ids":
        return None
    model.to(torch.bfloat16).eval()
    ids = torch.ones(2, 12, dtype=torch.long, device="meta")
    for batch in ({"input_ids": ids, "attention_mask": ids}, {"input_ids": ids}):
        choose = getattr(model, "set_attn_implementation", None)
        if choose is not None and "attention_mask" in batch:
            choose("eager")
        with contextlib.suppress(RuntimeError, ValueError, NotImplementedError):
            return probe(model, stack, batch).refusal
    return None


def _judge(calls: list[int], shapes: list[tuple[int, ...]], expected: tuple[int, ...] | None, shared: bool) -> str:
    if any(count != 1 for count in calls):
        return marked("its layers are shared or not all called exactly once")
    if expected is not None and any(shape != expected for shape in shapes):
        return marked("the states inside it are not one vector per token")
    return marked("its upper layers read keys and values of lower ones") if shared else ""
