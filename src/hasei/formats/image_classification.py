"""A native classifier of pictures: ``config.json``, ``model.safetensors`` and ``preprocessor_config.json``.

``AutoModelForImageClassification.from_pretrained(folder)`` and ``AutoImageProcessor.from_pretrained(folder)`` load it; the
labels stand in ``config.json`` (``id2label``). Low-rank adapters are merged into the weights.

Shapes: pixels (b, 3, height, width) -> outputs (b, labels).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hasei.engine.native import PictureModel, load_native, set_labels, with_head
from hasei.engine.opening import quiet
from hasei.engine.pixels import PicturePredictor, Preparer
from hasei.ground.errors import BaseError
from hasei.ground.files import write_json
from hasei.inputs import safety
from hasei.inputs.base import Base

LIBRARY = "transformers"
_PREPARES = "preprocessor_config.json"


def save(predictor: PicturePredictor, folder: Path, base: Base | None) -> None:
    """Write *predictor* into the empty *folder*."""
    if base is None:
        raise ValueError("a classifier of pictures is derived from a base")
    native: Any = with_head(predictor.model.trunk, predictor.model.head)
    with quiet():
        native.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config.pop("_name_or_path", None)
    write_json(folder / "config.json", config)
    shutil.copyfile(base.folder / _PREPARES, folder / _PREPARES)


def label(folder: Path, names: Sequence[str]) -> None:
    """Write *names* as the labels of the outputs into what :func:`save` wrote."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    write_json(folder / "config.json", set_labels(config, names))


def load(folder: Path, open_base: Callable[[], Base] | None = None) -> PicturePredictor:
    """Load what :func:`save` wrote; raises BaseError when a part is missing or damaged."""
    from safetensors.torch import load_file

    from hasei.engine.pooled import linear

    safety.check_folder(folder, folder.name)
    opened = Base(folder.name, folder)
    tensors = load_file(folder / "model.safetensors") if (folder / "model.safetensors").is_file() else {}
    trunk, _ = load_native(opened)
    try:
        head = linear(tensors[f"{trunk.place}.weight"], tensors[f"{trunk.place}.bias"])
    except KeyError as error:
        raise BaseError(f"the model folder '{folder.name}' has no head", expected=f"{error} in its weights") from error
    return PicturePredictor(PictureModel(trunk, "own", head), Preparer(opened))
