"""Low-rank adapters on the linear layers of the top layers, through PEFT, starting from a solved head.

Source: Hu et al. 2022, "LoRA: low-rank adaptation of large language models"; ``rank_stabilised``: Kalajdzievski 2023, "A rank
stabilization scaling factor for fine-tuning with LoRA"; ``dora``: Liu et al. 2024, "DoRA: weight-decomposed low-rank
adaptation"; ``plus``: Hayou et al. 2024, "LoRA+: efficient low rank adaptation of large models".
Trains: two matrices (rank x in, out x rank) beside each adapted linear layer, with ``dora`` also its columns' lengths, and the
head; the base stays as it is.
Shapes: update = (scale / rank) * B A with A (rank, in) and B (out, rank); rank-stabilised: (scale / sqrt(rank)) * B A.
Relations: at full rank on all layers this approaches ``full_fine_tuning``; saved as an adapter that many models can
share one base with. On a CPU it is not faster than fine-tuning the same layers.

>>> hasei.study("tickets.csv", methods=["lora"])  # doctest: +SKIP
"""

from __future__ import annotations

from hasei.engine.derivation import Context, Derivation, Facts
from hasei.ground.language import _
from hasei.methods._adapting import IN_LAYERS, check_range, effort_above, reads_first
from hasei.methods._low_rank import LowRank, low_rank
from hasei.methods._tuning import BESIDE_ITS_BASE, tune

SUPPORTS = IN_LAYERS
LEAVES = BESIDE_ITS_BASE


class Params(LowRank):
    """Settings: see :class:`~hasei.methods._low_rank.LowRank`."""


def proposals(facts: Facts) -> list[Params]:
    """Adapt the upper half: the layers below are then replayed, not run."""
    return [Params(first_layer=facts.layers // 2)]


check = check_range
reads = reads_first


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("small adapters of the upper half, of which many can share one base")


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row; adapters cost more than they save while training on a CPU."""
    return effort_above(params, facts, 2.0 if params.dora else 1.2)


def derive(context: Context, params: Params) -> Derivation:
    """Train the adapters; raises NotSupported when the layer range is empty or out of the base's layers."""
    SUPPORTS.refuse("lora", context.task)
    check(params, context.trunk.layers)
    return tune(context, "lora", params, lambda trunk: low_rank(trunk, params, context.seed, "lora"))
