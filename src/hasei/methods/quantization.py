"""Keep the weights of a finished model in 16, 8 or 4 bits: the same answers, as far as they can be told, from fewer bytes.

Source: 16 bits: Kalamkar et al. 2019, "A study of BFLOAT16 for deep learning training"; 8 bits, and training that is aware of
them: Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only inference"; 4 bits:
Dettmers et al. 2023, "QLoRA" (nf4), of the weights alone.
Trains: nothing but the model *of* which it is made; with ``aware_epochs`` all of it once more, while its weights are rounded.
Shapes: a weight w (out, in) becomes round(w) in 16 bits, or s * q with q in 8 bits and s (out,) one scale a row, or q in 4 bits
and a scale for 64 of them. Embeddings, norms and heads stay whole where the format computes with them as they are.
Relations: ``distillation`` and ``pruning`` make fewer weights, this makes each smaller; ``qlora`` trains beside weights so held.

>>> hasei.study("tickets.csv", methods=["quantization"])  # doctest: +SKIP
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from torch import nn

from hasei.engine import rounding
from hasei.engine.causal import CausalModel
from hasei.engine.derivation import Context, Derivation, Facts, Settings, Supports
from hasei.engine.opening import load_model, quiet
from hasei.engine.quantised import refuse_missing
from hasei.ground.errors import NotSupported
from hasei.ground.language import _
from hasei.inputs.base import Base
from hasei.inputs.quantisation import Quantisation
from hasei.methods import _eight_bits as eight
from hasei.methods._answering import answering, say_agreement, trunk_of
from hasei.methods._finished import Finished, check_before, effort_before, finished
from hasei.methods._members import Member

NAME = "quantization"
LEAVES = "weights in few bits, which a training would undo"
SUPPORTS = Supports(
    inputs=("text", "image"),
    targets=(*Supports.targets, "boxes", "text", "likelihood", "entries"),
    starts_as_base=False,
)


class Params(Settings):
    """In how many *bits* a weight is kept: 16 (of *kind*), 8 (run by *engine*), 4 (language models).

    *of* names what derives the model, None: the base where it is one, else ``feature_extraction``. In 8 bits: *activations*, what
    enters a layer, are rounded by the range of each batch or by that of *calibration_rows* of the train rows; *whole* layers are
    left as they are (None: chosen, for onnx, by what rounding them does to those rows); *aware_epochs* of training under it.
    """

    of: Member | None = None
    bits: Literal[4, 8, 16] = 16
    kind: rounding.Kind = "bf16"
    activations: Literal["dynamic", "static"] = "dynamic"
    engine: Literal["onnx", "openvino"] = "onnx"
    calibration_rows: int = Field(256, ge=0)
    whole: tuple[str, ...] | None = None
    aware_epochs: int = Field(0, ge=0, le=100)


def proposals(facts: Facts) -> list[Params]:
    """None: it is asked for, of a model that is good enough."""
    return []


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("a model in fewer bits is smaller and no better: name it for what you would ship")


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row: those of the model that it is made of."""
    return effort_before(params.of, facts, NAME) + 4.5 * params.aware_epochs


def check(params: Params, layers: int) -> None:
    """Raise NotSupported where the model that it is made of can't be derived from a base of *layers* layers, or a setting is none
    for so many bits.
    """
    check_before(params.of, layers, NAME)
    eight.check(params)


def derive(context: Context, params: Params) -> Derivation:
    """Derive the model, then round it; raises NotSupported where it is rounded already or can't be so."""
    SUPPORTS.refuse(NAME, context.task)
    check(params, context.trunk.layers)
    start = finished(context, params.of, NAME)
    _refuse_rounded(start)
    if params.bits == 8:
        derived = eight.derive(context, start, params)
    else:
        derived = (_in_four if params.bits == 4 else _in_sixteen)(start, params)
    say_agreement(context, start.predictor, derived.predictor)
    return derived


def _in_sixteen(start: Finished, params: Params) -> Derivation:
    """Everything but heads beside the trunk, rounded; computed with in float32."""
    trunk = trunk_of(start.predictor, NAME)
    predictor: Any = answering(start.predictor, rounding.rounded(trunk, params.kind))
    return _derivation(start, params, predictor, partial(_narrow, kind=params.kind))


def _narrow(folder: Path, kind: rounding.Kind) -> None:
    rounding.narrow(folder, kind)
    rounding.state(folder, {"bits": 16, "kind": kind})


def _in_four(start: Finished, params: Params) -> Derivation:
    """The linear layers of a language model's stack, by bitsandbytes, which its files then say; computed with exactly."""
    refuse_missing()
    trunk = trunk_of(start.predictor, NAME)
    if not isinstance(getattr(start.predictor, "model", None), CausalModel):
        raise NotSupported(
            "only a language model is kept in 4 bits", expected="8 or 16 bits for this task", received="bits: 4",
            do="set bits: 8, or use a task that a language model answers",
        )  # fmt: skip
    predictor: Any = answering(start.predictor, _rounded_to_four(trunk, start.base.name))
    return _derivation(start, params, predictor, partial(rounding.state, said={"bits": 4, "kind": "nf4"}))


def _rounded_to_four(trunk: Any, name: str) -> nn.Module:
    """Return *trunk*, written and loaded again in 4 bits."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        trunk.save_pretrained(folder, max_shard_size="1000GB")
        return load_model(Base(name, Path(folder), quantisation=Quantisation(4)), writes=True)


def _derivation(start: Finished, params: Params, predictor: Any, finish: Any) -> Derivation:
    model: nn.Module = predictor.model
    trained = {name: parameter.numel() for name, parameter in model.named_parameters()}
    return Derivation(
        predictor=predictor, format=start.format, frozen=params.model_copy(update={"of": start.of}),
        trainable_parameters=sum(trained.values()), trained=tuple(trained), finish=finish,
    )  # fmt: skip


def _refuse_rounded(start: Finished) -> None:
    found = rounding.read(start.base.folder) if start.of is None else None
    if found is not None:
        raise NotSupported(
            f"'{start.base.folder.name}' is quantised already", received=f"weights in {found['bits']} bits",
            do="give the model that it was made of",
        )  # fmt: skip
