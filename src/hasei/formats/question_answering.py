"""A whole model that says where an answer starts and ends: transformers' own folder of a model for question answering.

``AutoModelForQuestionAnswering.from_pretrained(folder)`` gives hasei's own start and end outputs of every token; which
tokens count in a context of several windows, and how answers are read off them, the card's code shows.

Relations: ``question_answering.json`` says how a context is cut; the head is ``qa_outputs``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hasei.engine.opening import load_tokenizer, quiet
from hasei.engine.spans import SpanModel, SpanPredictor
from hasei.formats._answering import parted, read_settings, with_head, write_settings
from hasei.inputs.base import Base

LIBRARY = "transformers"


def save(predictor: SpanPredictor, folder: Path, base: Base | None) -> None:
    """Write *predictor* into the empty *folder*; tokenizer files come from *base*."""
    if base is None:
        raise ValueError("a model for question answering is derived from a base")
    model = with_head(predictor.model.trunk, predictor.model.head)
    with quiet():
        model.save_pretrained(folder, max_shard_size="1000GB")
    write_settings(folder, base.folder, predictor.max_tokens)


def load(folder: Path, open_base: Callable[[], Base]) -> SpanPredictor:
    """Load what :func:`save` wrote; the parent base is not needed. Raises BaseError where a part is missing or damaged."""
    base, max_tokens = Base.open(folder), read_settings(folder)
    trunk, head = parted(base)
    return SpanPredictor(SpanModel(trunk, head), load_tokenizer(base), max_tokens)
