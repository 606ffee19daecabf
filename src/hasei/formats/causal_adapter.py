"""An adapter of a language model beside its base: PEFT's two files, tokenizer, chat template and generation settings.

``PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder)`` writes hasei's own answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from hasei.engine.opening import load_model
from hasei.engine.running import LikelihoodPredictor
from hasei.engine.writing import WritingPredictor
from hasei.formats import _elsewhere, _writing
from hasei.formats._adapter import as_held, read_adapter, write_adapter
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array

LIBRARY = "peft"


def save(predictor: WritingPredictor | LikelihoodPredictor, folder: Path, base: Base | None) -> None:
    """Write the adapter of *predictor*, whose trunk is a PeftModel, into the empty *folder*."""
    if base is None:
        raise ValueError("an adapter is derived from a base")
    write_adapter(predictor.model.trunk, folder, base, task_type="CAUSAL_LM")
    _writing.save(predictor, folder)


def load(folder: Path, open_base: Callable[[], Base]) -> WritingPredictor | LikelihoodPredictor:
    """Load what :func:`save` wrote onto the parent base; raises BaseError when the adapter does not fit it."""
    base = open_base()
    trunk = read_adapter(folder, base, load_model(as_held(base, folder), writes=True))
    return _writing.load(folder, base, trunk, plain=False, base=base)


def elsewhere(folder: Path, inputs: Sequence[Input], open_base: Callable[[], Base]) -> Array | None:
    """Return the texts (n,) that transformers and PEFT alone write after *inputs*; None where documents are scored."""
    return _elsewhere.by_writing(folder, inputs, open_base)
