"""Bottleneck adapters: two small layers beside a part of a model's layers, whose sum with the part's output goes on.

Source: Houlsby et al. 2019, "Parameter-efficient transfer learning for NLP" (serial); He et al. 2022, "Towards a unified view
of parameter-efficient transfer learning" (parallel).

Shapes: part output y (..., h), adapted y + scale * up(act(down(x))), down (size, h), up (h, size) and zero at the start; x is y
itself (serial) or what the part's first linear layer read (parallel).

Relations: :mod:`hasei.engine.sublayers` finds the parts; :mod:`hasei.formats._bottleneck` writes the adapters alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from hasei.engine.seeds import seeded
from hasei.engine.sublayers import widths

Placement = Literal["serial", "parallel"]


@dataclass(frozen=True)
class Bottleneck:
    """What adapters are: the paths (first, last) of the linear layers of each adapted part, how they read, sizes and scale."""

    placement: Placement
    places: tuple[tuple[str, str], ...]
    size: int
    scale: float


class Heard(nn.Module):
    """A linear layer that keeps what it last read, for the adapter parallel to the part that it begins."""

    def __init__(self, base_layer: nn.Module) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.heard: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The layer's own output."""
        self.heard = x
        output: torch.Tensor = self.base_layer(x)
        return output

    def __getattr__(self, name: str) -> Any:
        """What a model asks of the layer (its weight's type): the layer's own."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("base_layer"), name)


class Adapted(Heard):
    """A linear layer with an adapter on its output; it reads what *begin* heard (parallel), or that output itself (serial)."""

    def __init__(self, base_layer: nn.Module, size: int, scale: float, begin: Heard | None) -> None:
        super().__init__(base_layer)
        width = widths(base_layer)[1]
        self.down, self.up, self.scale = nn.Linear(width, size), nn.Linear(size, width), scale
        self.begin = (begin,)  # in a tuple: not a part of this module, but copied with it
        nn.init.normal_(self.down.weight, std=0.02)
        nn.init.zeros_(self.down.bias)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The layer's output and what the adapter adds to it."""
        output: torch.Tensor = self.base_layer(x)
        begin = self.begin[0]
        read = output if begin is None else begin.heard
        if read is None:
            raise RuntimeError("a part with a parallel adapter ended before it began")
        adapted: torch.Tensor = output + self.scale * self.up(torch.relu(self.down(read)))
        return adapted


def insert(model: nn.Module, found: Bottleneck, seed: int = 0) -> nn.Module:
    """Put fresh adapters into *model*, drawn by *seed*, and return it; ``model.bottleneck`` then says what they are."""
    with seeded(seed):
        for first, last in found.places:
            begin = None
            if found.placement == "parallel":
                begin = Heard(model.get_submodule(first))
                model.set_submodule(first, begin)
            model.set_submodule(last, Adapted(model.get_submodule(last), found.size, found.scale, begin))
    model.bottleneck = found  # type: ignore[assignment]
    return model


def adapters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters of the adapters in *model*, by their names in it."""
    places = [f"{last}." for _, last in model.bottleneck.places]  # type: ignore[union-attr]
    return {
        name: parameter for name, parameter in model.named_parameters()
        if any(name.startswith(place) and ".base_layer." not in name[len(place) - 1 :] for place in places)
    }  # fmt: skip
