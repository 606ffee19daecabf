"""The model inside something that answers rows, taken out, changed and put back: what methods that make models smaller share."""

from __future__ import annotations

import copy
from typing import Any

from torch import nn

from hasei.engine.derivation import Predictor
from hasei.ground.errors import NotSupported


def trunk_of(predictor: Predictor, name: str) -> nn.Module:
    """Return the trunk of the model that *predictor* answers with, adapters that can be merged into it.

    Raises NotSupported where *name* can't work on it: there is none, or parts beside it change its states.
    """
    model: Any = getattr(predictor, "model", None)
    trunk = getattr(model, "trunk", None)
    if not isinstance(trunk, nn.Module):
        raise NotSupported(
            f"'{name}' can't work on what answers so", expected="a base with a head", received=type(predictor).__name__,
            do="name a method that leaves one with 'of', such as feature_extraction or full_fine_tuning",
        )  # fmt: skip
    if hasattr(trunk, "get_base_model") or hasattr(trunk, "peft"):
        raise NotSupported(
            f"'{name}' can't work on an adapter beside its base", expected="a whole model",
            do="merge it into its base first (method merging), or name another method with 'of'",
        )  # fmt: skip
    return trunk


def answering(predictor: Predictor, trunk: nn.Module) -> Predictor:
    """Return *predictor* with *trunk* in the place of its own; it is left as it is."""
    inner: Any = predictor
    if hasattr(inner, "pairs"):
        other: Any = copy.copy(inner)
        other.pairs = answering(inner.pairs, trunk)
        return other  # type: ignore[no-any-return]
    model = copy.deepcopy(inner.model, {id(inner.model.trunk): trunk})
    if hasattr(inner, "of"):  # what it searches is read anew
        return inner.of(model)  # type: ignore[no-any-return]
    other = copy.copy(inner)
    other.model = model
    return other  # type: ignore[no-any-return]
