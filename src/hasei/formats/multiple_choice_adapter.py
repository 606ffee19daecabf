"""An adapter that gives a pair of question and choice one number, beside its base: PEFT's files, pooling and dense head.

``PeftModel.from_pretrained(base, folder)`` gives the adapted trunk; pool its last states of each pair as ``1_Pooling`` says
and apply ``2_Dense``: the scores of the choices.

Relations: the files are those of :mod:`hasei.formats.peft_adapter`; here a row is several pairs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hasei.engine.choosing import ChoicePredictor
from hasei.formats import peft_adapter
from hasei.inputs.base import Base

LIBRARY = "peft"


def save(predictor: ChoicePredictor, folder: Path, base: Base | None) -> None:
    """Write the adapter of *predictor* into the empty *folder*."""
    peft_adapter.save(predictor.pairs, folder, base)  # type: ignore[arg-type]


def load(folder: Path, open_base: Callable[[], Base]) -> ChoicePredictor:
    """Load what :func:`save` wrote onto the parent base; raises BaseError when the adapter does not fit it."""
    return ChoicePredictor(peft_adapter.load(folder, open_base))
