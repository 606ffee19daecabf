"""An adapter beside its base for token classification: PEFT's files, and the linear head in ``head.safetensors``.

``PeftModel.from_pretrained(base, folder)`` gives the adapted trunk; its last states times ``weight`` (w, h) plus ``bias`` (w,)
are hasei's own outputs at every sub-token. The base is named by its id and revision, never by a path.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hasei.engine.opening import load_tokenizer
from hasei.engine.tagged import TaggedModel, TaggedPredictor
from hasei.formats._adapter import read_adapter, write_adapter
from hasei.formats._tokens import read_head, read_limit, write_head, write_tokenizer
from hasei.inputs.base import Base

LIBRARY = "peft"


def save(predictor: TaggedPredictor, folder: Path, base: Base | None) -> None:
    """Write the adapter of *predictor*, whose trunk is a PeftModel, into the empty *folder*."""
    if base is None:
        raise ValueError("an adapter is derived from a base")
    write_adapter(predictor.model.trunk, folder, base)
    write_head(folder, predictor.model.head)
    write_tokenizer(folder, base.folder, predictor.max_tokens)


def load(folder: Path, open_base: Callable[[], Base]) -> TaggedPredictor:
    """Load what :func:`save` wrote onto the parent base; raises BaseError when the adapter does not fit it."""
    head = read_head(folder)
    base = open_base()
    return TaggedPredictor(TaggedModel(read_adapter(folder, base), head), load_tokenizer(base), read_limit(folder))
