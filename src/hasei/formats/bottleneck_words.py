"""Bottleneck adapters beside their base for token classification: their two files, and the linear head in ``head.safetensors``.

``AutoModel.from_pretrained(base)`` with the adapters on its layers (see :mod:`hasei.formats._bottleneck`); its last states times
``weight`` (w, h) plus ``bias`` (w,) are hasei's own outputs at every sub-token.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hasei.engine.tagged import TaggedPredictor
from hasei.formats import token_adapter
from hasei.inputs.base import Base

LIBRARY = "transformers"


def save(predictor: TaggedPredictor, folder: Path, base: Base | None) -> None:
    """Write the adapters of *predictor* into the empty *folder*."""
    token_adapter.save(predictor, folder, base)


def load(folder: Path, open_base: Callable[[], Base]) -> TaggedPredictor:
    """Load what :func:`save` wrote onto the parent base; raises BaseError when the adapters do not fit it."""
    return token_adapter.load(folder, open_base)
