"""Fine-tune only the top layers, starting from a solved head; the layers below run once and are replayed from the store.

Source: Howard & Ruder 2018, "Universal language model fine-tuning for text classification" (upper layers first);
Lee et al. 2019, "What would Elsa do? Freezing layers during transformer fine-tuning".
Trains: every parameter first used in the top ``top_layers`` layers or after them, and the head.
Shapes: kept states (tokens, h) of one layer; head weight (w, h).
Relations: ``feature_extraction`` is this with no layer, ``full_fine_tuning`` with all of them and the embeddings.

>>> hasei.study("tickets.csv", methods=["partial_fine_tuning"])  # doctest: +SKIP
"""

from __future__ import annotations

from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Facts, Supports
from hasei.ground.errors import NotSupported
from hasei.ground.language import _
from hasei.methods._tuning import Tuned, check_layers, passes, top_layers, tune

SUPPORTS = Supports(
    inputs=("text", "image"), targets=(*Supports.targets, "boxes", "text", "likelihood"), gradients=True
)


class Params(Tuned):
    """Settings; learning rates are per step of ``rows_per_step`` rows."""

    top_layers: int = Field(3, ge=1)


def proposals(facts: Facts) -> list[Params]:
    """Half of the layers, and a third."""
    counts = dict.fromkeys(max(1, facts.layers * share // 6) for share in (3, 2))
    return [Params(top_layers=count) for count in counts if count < facts.layers]


def check(params: Params, layers: int) -> None:
    """Raise NotSupported when a base of *layers* layers has fewer than are to be trained."""
    check_layers(params.top_layers, layers)


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("upper layers learn most of a task, and those below are read only once")


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row."""
    return passes(params, facts, params.top_layers / facts.layers)


def reads(params: Params, layers: int) -> int:
    """The layer whose kept states it starts from, so that a study keeps them while it reads the rows."""
    return max(0, layers - params.top_layers)


def derive(context: Context, params: Params) -> Derivation:
    """Train the top layers; raises NotSupported when the base has fewer, or shares weights between them."""
    SUPPORTS.refuse("partial_fine_tuning", context.task)
    trunk = context.trunk
    check(params, trunk.layers)
    if not trunk.probe.apart:
        raise NotSupported(
            f"the layers of '{trunk.base.name}' can't be trained apart: {trunk.probe.refusal}",
            do="use feature_extraction or full_fine_tuning",
        )
    return tune(context, "partial_fine_tuning", params, lambda t: top_layers(t, params.top_layers))
