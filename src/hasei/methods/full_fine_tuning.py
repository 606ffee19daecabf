"""Fine-tune every parameter of the base, starting from a solved head.

Source: Devlin et al. 2019, "BERT: pre-training of deep bidirectional transformers"; the start from a solved head: Kumar
et al. 2022, "Fine-tuning can distort pretrained features and underperform out-of-distribution".
Trains: all parameters and the head. Of the token table only rows that occur are trained, which is exactly equivalent.
Shapes: head weight (w, h).
Relations: ``partial_fine_tuning`` with all layers; the most expensive of its family and the one that moves furthest.

>>> hasei.study("tickets.csv", methods=["full_fine_tuning"])  # doctest: +SKIP
"""

from __future__ import annotations

from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Facts, Supports
from hasei.ground.language import _
from hasei.methods._tuning import Tuned, passes, top_layers, tune

SUPPORTS = Supports(
    inputs=("text", "image"), targets=(*Supports.targets, "boxes", "text", "likelihood"), gradients=True
)


class Params(Tuned):
    """Settings; learning rates are per step of ``rows_per_step`` rows."""

    learning_rate: float = Field(4e-4, gt=0, le=1)


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("moves furthest from the base, at the highest cost: what it adds must show")


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row."""
    return passes(params, facts, 1.1)


def derive(context: Context, params: Params) -> Derivation:
    """Train everything."""
    SUPPORTS.refuse("full_fine_tuning", context.task)
    return tune(context, "full_fine_tuning", params, lambda t: top_layers(t, t.layers + 1))
