"""A detector as transformers has it: ``AutoModelForObjectDetection`` and its image processor, labels in ``config.json``.

``processor.post_process_object_detection`` gives hasei's own boxes: no step suppresses neighbours, the answers are a set.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from hasei.engine.detecting import BoxPredictor
from hasei.engine.detectors import Detector, load_whole, processor_of
from hasei.engine.opening import quiet
from hasei.ground.errors import BaseError
from hasei.inputs.base import Base

LIBRARY = "transformers"


def save(predictor: BoxPredictor, folder: Path, base: Base | None) -> None:
    """Write *predictor* into the empty *folder*; everything is in it."""
    with quiet():
        predictor.model.whole.save_pretrained(folder, max_shard_size="1000GB")
        predictor.processor.save_pretrained(folder)


def load(folder: Path, open_base: Callable[[], Base]) -> BoxPredictor:
    """Load what :func:`save` wrote; the parent base is not needed. Raises BaseError when a part is missing or damaged."""
    if not (folder / "preprocessor_config.json").is_file():
        raise BaseError(f"the model folder '{folder.name}' lacks 'preprocessor_config.json'", do="derive it again")
    base = Base.open(folder)
    with torch.random.fork_rng(devices=[]):
        return BoxPredictor(Detector(load_whole(base)), processor_of(base))
