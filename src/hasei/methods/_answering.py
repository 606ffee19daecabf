"""The model inside something that answers rows, taken out, changed and put back: what methods that make models smaller share."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from torch import nn

from hasei.engine.derivation import Context, Predictor
from hasei.engine.parity import nearness
from hasei.ground.errors import NotSupported
from hasei.ground.language import _

_ASKED = 256
_ASKED_TO_WRITE = 16
"""Train rows that are answered before and after, fewer where an answer is a text to be written."""


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
            do="merge it into its base first (hasei export ADAPTER --to safetensors --precision fp32), or name another with 'of'",
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


def say_agreement(context: Context, before: Predictor, after: Predictor) -> None:
    """Report how many of some train rows, chosen by the seed, are answered by *after* as by *before*."""
    most = _ASKED_TO_WRITE if context.task.target_kind == "text" else _ASKED
    order = np.random.default_rng([context.seed, 9]).permutation(len(context.inputs))
    inputs = [context.inputs[i] for i in sorted(order[:most].tolist())]
    one, other = (predictor.outputs(inputs, context.watch) for predictor in (before, after))
    near = nearness(context.task, context.space, one, other, lossless=False)
    message = _(
        "{agreement} of {rows} train rows are answered as before; outputs differ by at most {difference} of the largest",
        agreement=f"{near.agreement:.1%}", rows=near.rows, difference=f"{near.apart:.2%}",
    )  # fmt: skip
    context.watch.report("finding", message)
