"""Low-rank adapters over a base that is held in 4 or 8 bits: ``lora`` in a fraction of the memory.

Source: Dettmers et al. 2023, "QLoRA: efficient finetuning of quantized LLMs" (4-bit normal floats, ``double`` quantisation);
8 bits: Dettmers et al. 2022, "LLM.int8(): 8-bit matrix multiplication for transformers at scale", of the weights alone.
Trains: as ``lora``, two matrices beside each adapted linear layer, and the head; the base is rounded and stays so.
Shapes: y = round(W) x + (scale / rank) * B A x with A (rank, in) and B (out, rank); 4.1 bits a weight with ``double``, 4.5
without, 8 and a scale a row with ``bits: 8``. Embeddings, norms and heads stay as they are.
Relations: ``lora`` does the same over the base as it is, in less time: each pass here puts the weights back first. What is
left is an adapter of the rounded base: ``quantization_config.json`` beside it says how that is rounded.

>>> hasei.study("tickets.csv", methods=["qlora"])  # doctest: +SKIP
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal
from weakref import WeakKeyDictionary

from hasei.engine.derivation import Context, Derivation, Facts
from hasei.engine.quantised import bytes_of, refuse_missing
from hasei.engine.readings import reading_of
from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported
from hasei.ground.language import _
from hasei.inputs.quantisation import Quantisation
from hasei.methods._adapting import IN_LAYERS, check_range, effort_above, layers_of, linear_layers, reads_first
from hasei.methods._low_rank import LowRank, experts_of, low_rank
from hasei.methods._tuning import BESIDE_ITS_BASE, tune

NAME = "qlora"
SUPPORTS = replace(IN_LAYERS, inputs=("text",), starts_as_base=False)
LEAVES = BESIDE_ITS_BASE
_BESIDE: WeakKeyDictionary[Trunk, dict[Quantisation, Trunk]] = WeakKeyDictionary()


class Params(LowRank):
    """Settings of ``lora``, and in how many *bits* a weight of the base is held; *double*: scales of 4 bits are rounded too."""

    bits: Literal[4, 8] = 4
    double: bool = True


def proposals(facts: Facts) -> list[Params]:
    """None: it takes longer than ``lora``, and is for a base that the memory does not hold."""
    return []


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("a base held in 4 or 8 bits takes longer and is worth it where memory is short: name it for that")


reads = reads_first


def check(params: Params, layers: int) -> None:
    """Raise NotSupported where bitsandbytes is missing, or the layer range not within a base of *layers* layers."""
    refuse_missing()
    check_range(params, layers)


def holds(params: Params) -> Quantisation:
    """How the linear layers of the base are held: a run of this method alone opens it so from the start."""
    return Quantisation(params.bits, params.double)


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row: as ``lora``, with the weights put back for each pass."""
    return effort_above(params, facts, 2.3 if params.dora else 1.4)


def derive(context: Context, params: Params) -> Derivation:
    """Train the adapters; raises NotSupported when the layer range does not exist or nothing in it can be held so."""
    SUPPORTS.refuse(NAME, context.task)
    check(params, context.trunk.layers)
    _refuse_unfit(context.trunk, params)
    trunk = _held(context, holds(params))
    _say(context, trunk, params.bits)
    inner = replace(context, trunks=(trunk,))
    return tune(inner, NAME, params, lambda trunk: low_rank(trunk, params, context.seed, NAME))


def _held(context: Context, how: Quantisation) -> Trunk:
    """Return the base held as *how* says, for the same rows; opened once beside one that is held otherwise."""
    trunk = context.trunk
    if trunk.base.quantisation == how:
        return trunk
    opened = _BESIDE.setdefault(trunk, {})
    if how not in opened:
        opened[how] = reading_of(context.task).open(replace(trunk.base, quantisation=how), trunk.store)
    kept, other = trunk.corpus, opened[how]
    if kept is not None and (other.corpus is None or other.corpus.fingerprint != kept.fingerprint):
        other.prepare(list(kept.row_of), kept.tokens)
    return other


def _say(context: Context, trunk: Trunk, bits: int) -> None:
    """Say once what the base takes of the memory, held so."""
    if NAME not in trunk.told:
        trunk.told.add(NAME)
        held, plain = (f"{size / 1e6:,.0f}" for size in bytes_of(trunk.model))
        message = _(
            "{base} held in {bits} bits takes {held} MB, {plain} MB as it is",
            base=trunk.base.name, bits=bits, held=held, plain=plain,
        )  # fmt: skip
        context.watch.report("finding", message)


def _refuse_unfit(trunk: Trunk, params: Params) -> None:
    layers = layers_of(params, trunk.layers)
    linear_layers(trunk, layers, NAME)
    if experts_of(trunk, range(trunk.layers)):
        raise NotSupported(
            f"the experts of '{trunk.base.name}' are held in one tensor, which can't be quantised", do="use lora"
        )
