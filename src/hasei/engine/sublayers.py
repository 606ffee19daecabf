"""The attention and feed-forward parts of a model's layers and the linear layers in them, found by one hooked forward pass.

A part is a run of linear layers of one kind in the order in which they are called; a feed-forward part ends where it is again as
wide as where it began. So it is found whatever an architecture calls its modules.

Relations: :mod:`hasei.engine.activations.probe` looks at the layers as wholes; kinds are those of
:mod:`hasei.inputs.architecture`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from hasei.engine.activations.probe import hooked
from hasei.engine.pooled import last_states
from hasei.inputs.architecture import Stack, kind_of

ATTENTION, FEED_FORWARD = "attention", "feed-forward"
_QUERIES = ("query", "query_proj", "q_proj", "q_lin", "q", "wq")


@dataclass(frozen=True)
class Sublayer:
    """A part of layer *layer*: its *kind*, and the *paths* in the model of its linear layers, as they are called."""

    layer: int
    kind: str
    paths: tuple[str, ...]

    @property
    def last(self) -> str:
        """The linear layer whose output is the part's."""
        return self.paths[-1]

    @property
    def keys_and_values(self) -> tuple[str, ...]:
        """What makes the keys and values of an attention (with the queries, where one layer makes all of them)."""
        return tuple(p for p in self.paths[:-1] if p.rpartition(".")[2] not in _QUERIES)


def is_linear(module: nn.Module) -> bool:
    """Whether *module* is a plain linear layer; GPT-2 calls its own Conv1D."""
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def widths(module: Any) -> tuple[int, int]:
    """Return how wide the input and the output of a linear layer are."""
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    return int(module.weight.shape[0]), int(module.weight.shape[1])


def sublayers(model: nn.Module, stack: Stack, batch: dict[str, torch.Tensor]) -> list[Sublayer]:
    """Run *model* on *batch* and return the parts of its layers, in the order of their calls; none where nothing is linear."""
    called: list[tuple[str, nn.Module]] = []
    inside = [(n, m) for n, m in model.named_modules() if n.startswith(f"{stack.path}.") and is_linear(m)]

    def note(path: str) -> Any:
        return lambda module, *_: called.append((path, module))

    with hooked([module.register_forward_pre_hook(note(path)) for path, module in inside]), torch.no_grad():
        last_states(model, batch)
    found: list[Sublayer] = []
    open_part: list[tuple[str, nn.Module]] = []
    experts = any("expert" in path for path, _ in model.named_modules())
    for path, module in dict(called).items():
        kind, layer = kind_of(path, module, stack.path, experts=experts), int(path[len(stack.path) + 1 :].split(".")[0])
        if kind not in (ATTENTION, FEED_FORWARD):
            continue
        if open_part and (found[-1].layer, found[-1].kind) == (layer, kind):
            open_part.append((path, module))
            found[-1] = Sublayer(layer, kind, (*found[-1].paths, path))
        else:
            open_part = [(path, module)]
            found.append(Sublayer(layer, kind, (path,)))
        if kind == FEED_FORWARD and len(open_part) > 1 and widths(module)[1] == widths(open_part[0][1])[0]:
            open_part = []
    return found
