"""A whole language model as transformers keeps it: ``AutoModelForCausalLM``, tokenizer, chat template, generation settings.

``model.generate`` on what ``tokenizer.apply_chat_template`` makes of the messages writes hasei's own answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from hasei.engine.opening import load_model, quiet
from hasei.engine.running import LikelihoodPredictor
from hasei.engine.writing import WritingPredictor
from hasei.formats import _elsewhere, _writing
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array

LIBRARY = "transformers"


def save(predictor: WritingPredictor | LikelihoodPredictor, folder: Path, base: Base | None) -> None:
    """Write *predictor* into the empty *folder*."""
    if base is None:
        raise ValueError("a language model is derived from a base")
    with quiet():
        predictor.model.trunk.save_pretrained(folder, max_shard_size="1000GB")  # type: ignore[operator]
    _writing.save(predictor, folder)


def load(folder: Path, open_base: Callable[[], Base]) -> WritingPredictor | LikelihoodPredictor:
    """Load what :func:`save` wrote; the parent base is not needed."""
    base = Base.open(folder, rounded=True)
    return _writing.load(folder, base, load_model(base, writes=True), plain=False, base=base)


def elsewhere(folder: Path, inputs: Sequence[Input], open_base: Callable[[], Base]) -> Array | None:
    """Return the texts (n,) that transformers alone write after the prompts *inputs*; None where documents are scored."""
    return _elsewhere.by_writing(folder, inputs, None)
