"""Bottleneck adapters of a language model beside their base, with tokenizer, chat template and generation settings.

``AutoModelForCausalLM.from_pretrained(base)`` with the adapters on its layers (see :mod:`hasei.formats._bottleneck`) writes
hasei's own answers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hasei.engine.running import LikelihoodPredictor
from hasei.engine.writing import WritingPredictor
from hasei.formats import causal_adapter
from hasei.inputs.base import Base

LIBRARY = "transformers"


def save(predictor: WritingPredictor | LikelihoodPredictor, folder: Path, base: Base | None) -> None:
    """Write the adapters of *predictor* into the empty *folder*."""
    causal_adapter.save(predictor, folder, base)


def load(folder: Path, open_base: Callable[[], Base]) -> WritingPredictor | LikelihoodPredictor:
    """Load what :func:`save` wrote onto the parent base; raises BaseError when the adapters do not fit it."""
    return causal_adapter.load(folder, open_base)
