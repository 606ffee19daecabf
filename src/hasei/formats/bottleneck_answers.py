"""Bottleneck adapters that say where an answer starts and ends, beside their base; the linear head is ``head.safetensors``.

``AutoModel.from_pretrained(base)`` with the adapters on its layers (see :mod:`hasei.formats._bottleneck`); its last states times
``weight`` (2, h) plus ``bias`` (2,) are hasei's own start and end outputs of every token.

Relations: ``question_answering.json`` is that of :mod:`hasei.formats.question_answering`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hasei.engine.opening import load_tokenizer
from hasei.engine.spans import SpanModel, SpanPredictor
from hasei.formats._adapter import read_adapter, write_adapter
from hasei.formats._answering import read_settings, write_settings
from hasei.formats._tokens import read_head, write_head
from hasei.inputs.base import Base

LIBRARY = "transformers"


def save(predictor: SpanPredictor, folder: Path, base: Base | None) -> None:
    """Write the adapters of *predictor* and its head into the empty *folder*."""
    if base is None:
        raise ValueError("an adapter is derived from a base")
    write_adapter(predictor.model.trunk, folder, base)
    write_head(folder, predictor.model.head)
    write_settings(folder, base.folder, predictor.max_tokens)


def load(folder: Path, open_base: Callable[[], Base]) -> SpanPredictor:
    """Load what :func:`save` wrote onto the parent base; raises BaseError when the adapters do not fit it."""
    head, max_tokens = read_head(folder), read_settings(folder)
    base = open_base()
    return SpanPredictor(SpanModel(read_adapter(folder, base), head), load_tokenizer(base), max_tokens)
