"""An adapter beside its base as one whole model: what it adds is added into the weights, and no library of adapters is needed."""

from __future__ import annotations

from typing import Any

from torch import nn

from hasei.derive.derived import DerivedModel
from hasei.engine.derivation import Predictor
from hasei.engine.exported import merged
from hasei.engine.quantised import quantisation_of
from hasei.engine.readings import reading_of
from hasei.ground.errors import NotSupported
from hasei.methods._answering import answering


def is_adapter(model: DerivedModel) -> bool:
    """Whether *model* is an adapter of PEFT's beside its base."""
    reading = reading_of(model.task)
    return bool(model.identity["format"] == reading.adapter_format != reading.format)


def whole(model: DerivedModel) -> tuple[Predictor, str]:
    """Return *model* with its adapter merged into the base, and the format in which that is written.

    Raises NotSupported where the adapter is none that can be added to weights, or the base is held in 4 or 8 bits.
    """
    network: Any = getattr(model.predictor, "pairs", model.predictor)
    trunk: nn.Module = network.model.trunk
    if quantisation_of(getattr(trunk, "peft", trunk)) is not None:
        raise NotSupported(
            "an adapter of a base that is held in 4 or 8 bits is not merged into it",
            do="export it to onnx, or use lora",
        )
    plain: Any = merged(network.model)
    if plain is network.model:
        raise NotSupported(
            "this adapter is no sum of weights, so it can't be merged into its base", expected="one of lora or ia3",
            received=str(model.identity["steps"][-1]["name"]), do="run it as it is, or export it to onnx",
        )  # fmt: skip
    return answering(model.predictor, plain.trunk), reading_of(model.task).format
