"""Train the base's architecture from fresh weights: nothing of what the base has learnt before is used, but its tokenizer.

The honest other end of every other method: the difference to it is what the base's own knowledge is worth on these rows. It
needs very many rows, and is nearly always worse where there are few; a study tries it only where rows are many against the
numbers to be learnt.

Source: He et al. 2019, "Rethinking ImageNet pre-training" (with rows enough it catches up); Krishna et al. 2023,
"Downstream datasets make surprisingly good pretraining corpora".
Trains: all parameters and the head, which starts at zero.
Shapes: head weight (w, h).
Relations: ``full_fine_tuning`` of a base that knows nothing.

>>> hasei.study("tickets.csv", methods=["from_scratch"])  # doctest: +SKIP
"""

from __future__ import annotations

from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Facts, Supports
from hasei.engine.trunk import Trunk
from hasei.engine.unlearnt import unlearnt
from hasei.ground.language import _
from hasei.inputs.architecture import Stack
from hasei.methods._tuning import Part, Tuned, passes, tune

SUPPORTS = Supports(
    inputs=("text", "image"), targets=(*Supports.targets, "text", "likelihood"), gradients=True, starts_as_base=False
)


class Params(Tuned):
    """Settings; learning rates are per step of ``rows_per_step`` rows."""

    epochs: int = Field(10, ge=1, le=1000)
    min_steps: int = Field(1000, ge=0)
    learning_rate: float = Field(5e-4, gt=0, le=1)
    layer_decay: float = Field(1.0, gt=0, le=1)


def proposals(facts: Facts) -> list[Params]:
    """None: fresh weights need far more rows than most have, and take the longest of all."""
    return []


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _(
        "fresh weights need far more rows than a base that has learnt before: name it to see what the base is worth"
    )


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row."""
    return passes(params, facts, 1.1)


def derive(context: Context, params: Params) -> Derivation:
    """Train everything from fresh weights; raises NotSupported where the architecture can't be made anew."""
    SUPPORTS.refuse("from_scratch", context.task)
    return tune(context, "from_scratch", params, lambda trunk: _fresh(trunk, context.seed))


def _fresh(trunk: Trunk, seed: int) -> Part:
    model = unlearnt(trunk.model, seed)
    stack = Stack(trunk.stack.path, tuple(model.get_submodule(trunk.stack.path).children()))
    names = frozenset(name for name, _ in model.named_parameters())
    return Part(model, stack, names, -1, solved=False)
