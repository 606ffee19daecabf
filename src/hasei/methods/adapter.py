"""Bottleneck adapters: two small layers beside the parts of some layers, the rest staying as it is.

Source: Houlsby et al. 2019, "Parameter-efficient transfer learning for NLP" (``serial``, after attention and feed-forward
part); He et al. 2022, "Towards a unified view of parameter-efficient transfer learning" (``parallel`` to the feed-forward part).
Trains: a layer down to ``size`` numbers and one up again at each adapted part, with their biases, and the head.
Shapes: part output y, adapted y + scale * up(relu(down(x))); down (size, h), up (h, size), which is zero at the start.
Relations: ``lora`` changes the linear layers themselves and can be merged into them; this can't, since it is not linear, and so
costs a little at every answer too.

>>> hasei.study("tickets.csv", methods=["adapter"])  # doctest: +SKIP
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hasei.engine.bottleneck import Bottleneck, adapters, insert
from hasei.engine.derivation import Context, Derivation, Facts
from hasei.engine.sublayers import FEED_FORWARD, widths
from hasei.engine.trunk import Trunk
from hasei.inputs.architecture import Stack
from hasei.methods._adapting import (
    IN_LAYERS,
    Ranged,
    check_range,
    effort_above,
    layers_of,
    no_linear_layer,
    parts_of,
    reads_first,
)
from hasei.methods._tuning import BESIDE_ITS_BASE, Part, tune

SUPPORTS = IN_LAYERS
LEAVES = BESIDE_ITS_BASE
_FORMATS = {
    "peft_adapter": "bottleneck", "multiple_choice_adapter": "bottleneck_choices", "token_adapter": "bottleneck_words",
    "question_answering_adapter": "bottleneck_answers", "causal_adapter": "bottleneck_writer",
    "image_classification": "bottleneck_pictures",
}  # fmt: skip


class Params(Ranged):
    """Settings. Layers *first_layer* to *last_layer* (counted from 0, both included; None: to the end) are adapted."""

    placement: Literal["serial", "parallel"] = "serial"
    size: int = Field(32, ge=1, le=4096)
    scale: float = Field(1.0, gt=0, le=100)
    learning_rate: float = Field(2e-3, gt=0, le=1)


def proposals(facts: Facts) -> list[Params]:
    """None: low-rank adapters of the same size learn as well and can be merged."""
    return []


check = check_range
reads = reads_first
effort = effort_above


def derive(context: Context, params: Params) -> Derivation:
    """Train the adapters; raises NotSupported when the layer range does not exist or has no linear layers."""
    SUPPORTS.refuse("adapter", context.task)
    check(params, context.trunk.layers)
    return tune(context, "adapter", params, lambda trunk: _adapted(trunk, params, context.seed))


def _adapted(trunk: Trunk, params: Params, seed: int) -> Part:
    parts = parts_of(trunk, layers_of(params, trunk.layers), "adapter")
    model = trunk.fresh(())
    places = [(part.paths[0], part.last) for part in parts if params.placement == "serial" or part.kind == FEED_FORWARD]
    if params.placement == "parallel":  # what goes in must be as wide as what comes out
        width = {path: widths(model.get_submodule(path)) for place in places for path in place}
        places = [(first, last) for first, last in places if first != last and width[first][0] == width[last][1]]
    if not places:
        raise no_linear_layer(trunk, "adapter")
    insert(model, Bottleneck(params.placement, tuple(places), params.size, params.scale), seed)
    stack = Stack(trunk.stack.path, tuple(model.get_submodule(trunk.stack.path).children()))
    return Part(model, stack, frozenset(adapters(model)), params.first_layer, adapter=True, formats=_FORMATS)
