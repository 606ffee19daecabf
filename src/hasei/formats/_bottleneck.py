"""The parts that folder formats of bottleneck adapters share: ``adapter.safetensors`` and ``adapter.json``, put on a base again.

``adapter.json`` says between which linear layers of the base each adapter stands (``places``: first and last of a part), whether
it reads what the first one reads (``parallel``) or what the last one gives (``serial``), its ``size`` and ``scale``;
``adapter.safetensors`` holds ``down`` (size, h) and ``up`` (h, size), weight and bias, under the last one's name. A standard
library needs about ten lines to add them, which the model card shows.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn

from hasei.engine.bottleneck import Bottleneck, adapters, insert
from hasei.formats import _folder
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json
from hasei.inputs.base import Base

CONFIG, WEIGHTS = "adapter.json", "adapter.safetensors"


def write(trunk: nn.Module, folder: Path, base: Base, inside: str = "") -> None:
    """Write the adapters of *trunk* into *folder*; the base is named by its id and revision, never by a path.

    *inside* is where the standard library's model lies in *trunk*: it has no part in what is written.
    """
    found: Bottleneck = trunk.bottleneck  # type: ignore[assignment]
    write_json(folder / CONFIG, {
        "base_model_name_or_path": base.to_lineage()["name"], "revision": base.commit or None, "placement": found.placement,
        "places": [[path.removeprefix(inside) for path in place] for place in found.places],
        "size": found.size, "scale": found.scale,
    })  # fmt: skip
    _folder.write_tensors(folder / WEIGHTS, {
        n.removeprefix(inside): p.detach().float().numpy() for n, p in adapters(trunk).items()
    })  # fmt: skip


def read(folder: Path, base: Base, model: nn.Module, inside: str = "") -> nn.Module:
    """Return *model*, that of *base*, with the adapters in *folder*; raises BaseError where they are damaged or do not fit."""
    try:
        said = json.loads((folder / CONFIG).read_text("utf-8"))
        places = tuple((f"{inside}{first}", f"{inside}{last}") for first, last in said["places"])
        placement = {"serial": "serial", "parallel": "parallel"}[said["placement"]]
        found = Bottleneck(placement, places, int(said["size"]), float(said["scale"]))  # type: ignore[arg-type]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaseError(f"the model folder '{folder.name}' has no sound '{CONFIG}'", do="derive it again") from error
    tensors = _folder.read_tensors(folder / WEIGHTS, ())
    try:
        insert(model, found)
        own = adapters(model)
        with torch.no_grad():
            for name, parameter in own.items():
                parameter.copy_(torch.from_numpy(tensors.pop(name.removeprefix(inside))))
    except (AttributeError, KeyError, RuntimeError) as error:
        raise BaseError(f"the adapter in '{folder.name}' does not fit its base '{base.name}'") from error
    if tensors:
        raise BaseError(f"the adapter in '{folder.name}' does not fit its base '{base.name}'")
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model.eval()
