"""Bottleneck adapters beside their base: ``adapter.safetensors`` and ``adapter.json``, pooling and dense head.

``AutoModel.from_pretrained(base)`` with the adapters on its layers (:mod:`hasei.formats._bottleneck`; the model card shows
how they are put there) gives the adapted trunk; pool its last states as ``1_Pooling`` says and apply ``2_Dense``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hasei.engine.prediction import PooledPredictor
from hasei.formats import peft_adapter
from hasei.inputs.base import Base

LIBRARY = "transformers"


def save(predictor: PooledPredictor, folder: Path, base: Base | None) -> None:
    """Write the adapters of *predictor* into the empty *folder*."""
    peft_adapter.save(predictor, folder, base)


def load(folder: Path, open_base: Callable[[], Base]) -> PooledPredictor:
    """Load what :func:`save` wrote onto the parent base; raises BaseError when the adapters do not fit it."""
    return peft_adapter.load(folder, open_base)
