"""Several models whose answers are joined: each a whole folder of its own, ``member-1`` and so on, and ``ensemble.json``.

``ensemble.json`` names each member's format and how outputs are joined: ``mean``, or for classes ``probabilities`` (the mean
of the softmax) or ``odds`` (the mean of the sigmoid). Each member loads with the library of its own format. With
``stacking.safetensors`` the outputs are not averaged: a linear head reads them beside each other, all members' log
probabilities (or logits, or numbers), none further from 0 than 12.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hasei.formats._ensemble import EnsemblePredictor
from hasei.formats._folder import read_tensors, write_tensors
from hasei.ground import plugins
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json
from hasei.inputs.base import Base
from hasei.tasks import Floats

LIBRARY = "each member's own"
_FILE = "ensemble.json"
_STACKING, _NAMES = "stacking.safetensors", ("weight", "bias")


def save(predictor: EnsemblePredictor, folder: Path, base: Base | None) -> None:
    """Write every member into a folder of its own inside the empty *folder*."""
    for number, (form, member) in enumerate(predictor.members, 1):
        place = folder / f"member-{number}"
        place.mkdir()
        writer: Any = plugins.load("formats", form)
        writer.save(member, place, base)
    if predictor.head is not None:
        write_tensors(folder / _STACKING, dict(zip(_NAMES, predictor.head)))
    write_json(folder / _FILE, {"join": predictor.how, "formats": [form for form, _ in predictor.members]})


def load(folder: Path, open_base: Callable[[], Base]) -> EnsemblePredictor:
    """Load what :func:`save` wrote. Raises BaseError where a part is missing or damaged."""
    try:
        found = json.loads((folder / _FILE).read_text("utf-8"))
        how, forms = str(found["join"]), [str(form) for form in found["formats"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaseError(f"the model folder '{folder.name}' has no sound '{_FILE}'", do="derive it again") from error
    if how not in ("mean", "probabilities", "odds") or not forms or "joined" in forms:
        raise BaseError(f"the model folder '{folder.name}' has no sound '{_FILE}'", do="derive it again")
    members = []
    for number, form in enumerate(forms, 1):
        reader: Any = plugins.load("formats", form)
        members.append((form, reader.load(folder / f"member-{number}", open_base)))
    return EnsemblePredictor(tuple(members), how, _head(folder, [member.width for _, member in members]))


def _head(folder: Path, widths: list[int]) -> tuple[Floats, Floats] | None:
    if not (folder / _STACKING).is_file():
        return None
    found = read_tensors(folder / _STACKING, _NAMES)
    weight, bias = (found[name] for name in _NAMES)
    if weight.shape != (widths[0], sum(widths)) or bias.shape != (widths[0],):
        raise BaseError(f"'{_STACKING}' in '{folder.name}' does not fit its members", do="derive it again")
    return weight, bias
