"""An adapter beside its base: PEFT's ``adapter_config.json`` and ``adapter_model.safetensors``, pooling and dense head.

``PeftModel.from_pretrained(base, folder)`` gives the adapted trunk; pool its last states as ``1_Pooling`` says and apply
``2_Dense``. The base is named by its id and revision, never by a path of the machine it was trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from hasei.engine.opening import load_tokenizer
from hasei.engine.pooled import PooledModel
from hasei.engine.prediction import PooledPredictor
from hasei.formats._adapter import read_adapter, write_adapter
from hasei.formats._elsewhere import by_peft
from hasei.formats._modules import read_modules, write_modules
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array

LIBRARY = "peft"


def save(predictor: PooledPredictor, folder: Path, base: Base | None) -> None:
    """Write the adapter of *predictor*, whose trunk is a PeftModel, into the empty *folder*."""
    if base is None:
        raise ValueError("an adapter is derived from a base")
    write_adapter(predictor.model.trunk, folder, base)
    write_modules(folder, base.folder, predictor.model.pooling, predictor.model.head, predictor.max_tokens)


def load(folder: Path, open_base: Callable[[], Base]) -> PooledPredictor:
    """Load what :func:`save` wrote onto the parent base; raises BaseError when the adapter does not fit it."""
    pooling, head, max_tokens = read_modules(folder)
    base = open_base()
    trunk = read_adapter(folder, base)
    return PooledPredictor(PooledModel(trunk, pooling, head), load_tokenizer(base), max_tokens)


def elsewhere(folder: Path, inputs: Sequence[Input], open_base: Callable[[], Base]) -> Array | None:
    """Return the outputs (n, w) of *inputs* by transformers and PEFT alone."""
    return by_peft(folder, inputs, open_base)
