"""A base opened once, with other weights: what merged models are worked with, without writing them to disk first."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from torch import nn

from hasei.engine.trunk import Trunk
from hasei.inputs.architecture import Stack

_OF_WEIGHTS = ("probe", "shapes", "widths", "content_hash")


def reweighted(trunk: Trunk, model: nn.Module) -> Trunk:
    """Return *trunk* with *model*, of the same architecture, in the place of its own.

    Activations are kept under the content of the new weights, never taken for those of the old ones.
    """
    other = trunk.copy()
    for name in _OF_WEIGHTS:
        vars(other).pop(name, None)
    other.model = model
    other.stack = Stack(trunk.stack.path, tuple(model.get_submodule(trunk.stack.path).children()))
    other._exact, other._notes, other._ends, other._checked = {}, {}, {}, False
    other.base = replace(trunk.base)
    vars(other.base)["content_hash"] = _digest(model)  # that of its files would be the old weights'
    return other


def _digest(model: nn.Module) -> str:
    found = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        found.update(f"{name}:{tuple(parameter.shape)}:{parameter.dtype}".encode())
        found.update(parameter.detach().contiguous().float().numpy().tobytes())
    return found.hexdigest()
