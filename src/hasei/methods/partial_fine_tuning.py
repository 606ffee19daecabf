"""Fine-tune only the top layers, starting from a solved head; the layers below run once and are replayed from the store.

Source: Howard & Ruder 2018, "Universal language model fine-tuning for text classification" (upper layers first, gradual
unfreezing); Lee et al. 2019, "What would Elsa do? Freezing layers during transformer fine-tuning"; ``parameters``: Ben Zaken
et al. 2022, "BitFit"; Qi et al. 2022, "Parameter-efficient tuning on layer normalization for pre-trained language models".
Trains: every parameter first used in the top ``top_layers`` layers or after them (or their biases or normalisations alone), and
the head (or its rows of some categories alone); with ``tokens`` the rows of those in the token table instead of layers.
Shapes: kept states (tokens, h) of one layer; head weight (w, h); token table (vocabulary, h).
Relations: ``feature_extraction`` is this with no layer, ``full_fine_tuning`` with all of them and the embeddings.

>>> hasei.study("tickets.csv", methods=["partial_fine_tuning"])  # doctest: +SKIP
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Facts, Supports
from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported
from hasei.ground.language import _
from hasei.methods._parts import head_rows, of_kind, token_rows
from hasei.methods._tuning import Part, Tuned, check_layers, passes, top_layers, tune

SUPPORTS = Supports(
    inputs=("text", "image"), targets=(*Supports.targets, "boxes", "text", "likelihood"), gradients=True
)


class Params(Tuned):
    """Settings; learning rates are per step of ``rows_per_step`` rows.

    *top_layers* 0 trains the head alone. *parameters* of the layers: all, the biases or the normalisations alone. *tokens*: texts
    whose rows of the token table alone are trained, in place of layers. *categories*: labels whose rows of the head alone are
    trained, the others staying as solved. *gradual*: the top layer in the first epoch, one more from the top in each further.
    """

    top_layers: int = Field(3, ge=0)
    parameters: Literal["all", "biases", "normalisations"] = "all"
    tokens: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    gradual: bool = False


def proposals(facts: Facts) -> list[Params]:
    """Half of the layers, and a third."""
    counts = dict.fromkeys(max(1, facts.layers * share // 6) for share in (3, 2))
    return [Params(top_layers=count) for count in counts if count < facts.layers]


def check(params: Params, layers: int) -> None:
    """Raise NotSupported when a base of *layers* layers has fewer than are to be trained, or settings exclude each other."""
    check_layers(params.top_layers, layers)
    if params.tokens and (params.gradual or params.parameters != "all"):
        raise NotSupported(
            "with tokens no layer is trained, and so none of its parameters and none gradually",
            do="leave out tokens, or parameters and gradual",
        )


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("upper layers learn most of a task, and those below are read only once")


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row."""
    return passes(params, facts, 1.0 if params.tokens else params.top_layers / facts.layers)


def reads(params: Params, layers: int) -> int:
    """The layer whose kept states it starts from, so that a study keeps them while it reads the rows."""
    return 0 if params.tokens else max(0, layers - params.top_layers)


def derive(context: Context, params: Params) -> Derivation:
    """Train the part; raises NotSupported when the base has fewer layers, or shares weights between them, or lacks the part."""
    SUPPORTS.refuse("partial_fine_tuning", context.task)
    check(params, context.trunk.layers)
    return tune(context, "partial_fine_tuning", params, lambda trunk: _part(context, trunk, params))


def _part(context: Context, trunk: Trunk, params: Params) -> Part:
    only = head_rows(context.space, params.categories) if params.categories else {}
    if params.tokens:
        part = token_rows(trunk, params.tokens)
        return replace(part, only={**part.only, **only})
    if not trunk.probe.apart:
        raise NotSupported(
            f"the layers of '{trunk.base.name}' can't be trained apart: {trunk.probe.refusal}",
            do="use feature_extraction or full_fine_tuning",
        )
    part = top_layers(trunk, params.top_layers)
    names = part.names if params.top_layers else frozenset[str]()
    if params.top_layers and params.parameters != "all":
        names = of_kind(trunk, names, params.parameters)
    return replace(part, names=names, only=only, gradual=params.gradual)
