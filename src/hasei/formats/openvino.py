"""A model as an OpenVINO graph beside its tokenizer, run by OpenVINO.

``openvino.Core().compile_model(folder / "openvino_model.xml", "CPU")`` on what the tokenizer makes of the texts, cut at
``max_seq_length`` and padded on the right, returns hasei's own outputs; column i is the i-th name in ``labels.json``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hasei.engine.exported import RuntimePredictor
from hasei.formats import _exported
from hasei.inputs.base import Base

LIBRARY = "openvino"


def save(predictor: RuntimePredictor, folder: Path, base: Base | None) -> None:
    """Write *predictor* into the empty *folder*; tokenizer files come from *base*."""
    _exported.save(predictor, folder, base)


def load(folder: Path, open_base: Callable[[], Base]) -> RuntimePredictor:
    """Load what :func:`save` wrote; the parent is not needed."""
    return _exported.load(folder, "openvino")
