"""A recurrent base with a linear head on pooled features, as tensors that plain torch puts together.

``config.json`` and ``model.safetensors`` are a recurrent base (:mod:`hasei.inputs.recurrent`), so the folder is one too;
pool its last states as ``1_Pooling`` says and apply ``2_Dense``. Column i is the i-th name in ``labels.json``.
"""

from __future__ import annotations

from pathlib import Path

from hasei.engine.prediction import PooledPredictor
from hasei.formats import sentence_transformers
from hasei.inputs.base import Base

LIBRARY = "torch"


def save(predictor: PooledPredictor, folder: Path, base: Base | None) -> None:
    """Write *predictor* into the empty *folder*; tokenizer files come from *base*."""
    sentence_transformers.save(predictor, folder, base)
    (folder / "modules.json").unlink()  # sentence-transformers does not know the trunk


load = sentence_transformers.load
