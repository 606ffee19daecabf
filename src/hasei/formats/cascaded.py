"""A small model that answers where it is sure and a large one for the rest: whole folders ``student`` and ``teacher``.

``cascade.json`` names the format of each, the *threshold*, and the *temperatures* by which the outputs of each are divided before
the softmax. A row is answered by the student where the largest of its probabilities is above the threshold. Each folder loads
with the library of its own format.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hasei.formats._cascaded import CascadePredictor
from hasei.ground import plugins
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json
from hasei.inputs.base import Base

LIBRARY = "each part's own"
_FILE = "cascade.json"
_PARTS = ("student", "teacher")


def save(predictor: CascadePredictor, folder: Path, base: Base | None) -> None:
    """Write both parts into folders of their own inside the empty *folder*."""
    for part in _PARTS:
        form, one = getattr(predictor, part)
        place = folder / part
        place.mkdir()
        writer: Any = plugins.load("formats", form)
        writer.save(one, place, base)
    write_json(folder / _FILE, {
        "formats": {part: getattr(predictor, part)[0] for part in _PARTS}, "threshold": predictor.threshold,
        "temperatures": dict(zip(_PARTS, predictor.temperatures)), "share": predictor.share,
    })  # fmt: skip


def load(folder: Path, open_base: Callable[[], Base]) -> CascadePredictor:
    """Load what :func:`save` wrote. Raises BaseError where a part is missing or damaged, or they don't fit each other."""
    try:
        found = json.loads((folder / _FILE).read_text("utf-8"))
        forms = {part: str(found["formats"][part]) for part in _PARTS}
        threshold, share = float(found["threshold"]), float(found["share"])
        one, other = (float(found["temperatures"][part]) for part in _PARTS)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaseError(f"the model folder '{folder.name}' has no sound '{_FILE}'", do="derive it again") from error
    if not (0 <= threshold <= 1 and one > 0 and other > 0) or "cascaded" in forms.values():
        raise BaseError(f"the model folder '{folder.name}' has no sound '{_FILE}'", do="derive it again")
    parts = []
    for part in _PARTS:
        reader: Any = plugins.load("formats", forms[part])
        parts.append((forms[part], reader.load(folder / part, open_base)))
    student, teacher = parts
    if student[1].width != teacher[1].width:
        raise BaseError(
            f"the parts of '{folder.name}' do not belong together", expected=f"{teacher[1].width} outputs of the student",
            received=str(student[1].width), do="derive it again",
        )  # fmt: skip
    return CascadePredictor(student, teacher, threshold, (one, other), share)
