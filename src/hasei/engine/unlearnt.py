"""The architecture of a model with fresh weights: what it would be without anything learnt before.

Relations: :meth:`hasei.engine.trunk.Trunk.fresh` is a copy with the weights as they are.
"""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from hasei.engine.native import NativeTrunk
from hasei.engine.opening import quiet
from hasei.engine.seeds import seeded
from hasei.ground.errors import NotSupported


def unlearnt(model: nn.Module, seed: int) -> nn.Module:
    """Return a model like *model*, float32 and in eval mode, whose weights its architecture draws anew by *seed*.

    Raises NotSupported where its architecture can't be made from its configuration alone.
    """
    plain: Any = model.native if isinstance(model, NativeTrunk) else model
    with quiet(), seeded(seed):
        try:
            made = type(plain)(copy.deepcopy(plain.config)).float()
        except (TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise NotSupported(
                f"no '{type(plain).__name__}' can be made of its configuration alone", received=str(error),
                do="use full_fine_tuning",
            ) from error  # fmt: skip
    if isinstance(model, NativeTrunk):
        made.set_submodule(model.place, nn.Identity())
        made = NativeTrunk(made, model.place)
    for parameter in made.parameters():
        parameter.requires_grad_(False)
    fresh: nn.Module = made.eval()
    return fresh
