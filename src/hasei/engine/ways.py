"""What a base can be asked without a change of its weights: whether a text means a label, and by which of its outputs.

``descriptions``: the features of any base that reads texts. ``entailment``: a classifier that was trained to say whether one
text follows from another. ``likelihood``: a language model, which says how likely a label is after a prompt.

Relations: :mod:`hasei.engine.entailment` and :mod:`hasei.engine.labelling` ask the last two.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any, Literal, cast

from torch import nn

from hasei.engine.causal import CausalTrunk
from hasei.engine.opening import load_as
from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported
from hasei.inputs.base import Base

Way = Literal["descriptions", "entailment", "likelihood"]
_NEEDS = {
    "entailment": "a classifier of pairs whose config.json names a label 'entailment'",
    "likelihood": "a language model (an architecture ...ForCausalLM)",
}
_opened: weakref.WeakKeyDictionary[Trunk, dict[str, Any]] = weakref.WeakKeyDictionary()


def entails(base: Base) -> int | None:
    """Return which output of *base* stands for entailment; None where it is no classifier of that kind."""
    labels = base.config.get("id2label")
    if "ForSequenceClassification" not in str(base.config.get("architectures")) or not isinstance(labels, dict):
        return None
    found = [int(place) for place, name in labels.items() if str(name).strip().lower().startswith("entail")]
    return found[0] if len(found) == 1 and len(labels) > 1 else None


def writes(base: Base) -> bool:
    """Whether *base* is a language model with its head."""
    return any(str(name).endswith(("ForCausalLM", "LMHeadModel")) for name in base.config.get("architectures") or ())


def ways_of(base: Base) -> tuple[Way, ...]:
    """Return how *base* can be asked, the way that suits it best first."""
    found: list[Way] = []
    found += ["entailment"] if entails(base) is not None else []
    found += ["likelihood"] if writes(base) else []
    return (*found, "descriptions") if base.reads == "text" else tuple(found)


def choose(base: Base, asked: Way | None, possible: Sequence[Way], name: str, instead: str = "") -> Way:
    """Return the way in which *base* is asked, *asked* or the best of *possible*; raises NotSupported where there is none.

    *name* is that of the method, *instead* another that can be used with a base that can't be asked, for the error.
    """
    can = [way for way in ways_of(base) if way in possible]
    if can and asked in (None, *can):
        return asked or can[0]
    wanted = [asked] if asked else list(possible)
    raise NotSupported(
        f"'{name}' can't ask the base '{base.name}'" + (f" by {asked}" if asked else ""),
        expected=" or ".join(_NEEDS.get(way, "a base that reads texts") for way in wanted),
        received=f"a base of {(base.config.get('architectures') or ['no named architecture'])[0]}",
        do=f"use another base, or with this one {f'by: {can[0]}' if can else instead or 'another method'}",
    )  # fmt: skip


def writer(trunk: Trunk) -> CausalTrunk:
    """Return the language model of which *trunk* is the part below the head; opened once."""
    if isinstance(trunk, CausalTrunk):
        return trunk
    kept = _opened.setdefault(trunk, {})
    if "likelihood" not in kept:
        kept["likelihood"] = CausalTrunk(trunk.base, trunk.store)
    return cast(CausalTrunk, kept["likelihood"])


def judge(trunk: Trunk) -> nn.Module:
    """Return the classifier of pairs of which *trunk* is the part below the head; opened once."""
    from transformers import AutoModelForSequenceClassification

    kept = _opened.setdefault(trunk, {})
    if "entailment" not in kept:
        kept["entailment"] = load_as(AutoModelForSequenceClassification, trunk.base)
    return cast(nn.Module, kept["entailment"])


__all__ = ["Way", "choose", "entails", "judge", "ways_of", "writer", "writes"]
