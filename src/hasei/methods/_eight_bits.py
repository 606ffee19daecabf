"""A finished model in 8 bits, as an ONNX graph: which layers are left whole, what is calibrated, training under the rounding."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import numpy as np

from hasei.engine import rounding, rounding_aware, rounding_onnx, runtimes
from hasei.engine.causal import CausalModel
from hasei.engine.derivation import Context, Derivation
from hasei.engine.exported import exported
from hasei.engine.ragged import is_ragged
from hasei.ground.errors import DataError, NotSupported
from hasei.ground.language import _
from hasei.inputs.data.dataset import Input
from hasei.methods._answering import answering, trunk_of
from hasei.methods._aware import trained_aware
from hasei.methods._finished import Finished
from hasei.tasks import Floats

NAME = "quantization"
_MOST_WHOLE = 0.015
"""Share of a model's numbers that may be left whole by themselves: the file stays below 27 % of its size."""
ENOUGH = 0.05
"""How far outputs may lie apart, as a share of how they differ between rows, without a layer being left whole."""
_FEW = 64
_ENGINES = {"onnx": "onnxruntime", "openvino": "openvino"}


def check(params: Any) -> None:
    """Raise where a setting of 8 bits is given for others, or there is nothing to calibrate on or no engine to run it."""
    if params.bits != 8:
        given = {
            "activations": params.activations != "dynamic",
            "whole": bool(params.whole),
            "aware_epochs": params.aware_epochs,
        }
        for name in (name for name, there in given.items() if there):
            raise NotSupported(
                f"'{name}' is a setting of 8 bits", received=f"bits: {params.bits}", do=f"leave {name} out"
            )
        return
    if params.activations == "static" and not params.calibration_rows:
        raise DataError(
            "what enters a layer can't be calibrated on no rows", expected="calibration_rows of 1 or more", received="0",
            do="leave calibration_rows out, or use activations: dynamic",
        )  # fmt: skip
    if params.engine == "openvino" and params.whole:
        raise NotSupported(
            "OpenVINO leaves no layers whole that are named here", do="leave whole out, or use engine: onnx"
        )
    for package in ("onnx", *(("openvino", "nncf") if params.engine == "openvino" else ("onnxruntime",))):
        runtimes.package(package, params.engine if package != "onnx" else "onnx")


def derive(context: Context, start: Finished, params: Any) -> Derivation:
    """Round the model *start* to 8 bits; raises NotSupported where it is none that can be written as a graph."""
    trunk = trunk_of(start.predictor, NAME)
    language = isinstance(getattr(start.predictor, "model", None), CausalModel)
    if language or context.task.input_kind != "text" or context.task.target_kind == "entries":
        raise NotSupported(
            f"a model of the format {start.format} can't be kept in 8 bits", expected="bits: 16", received="bits: 8",
            do="set bits: 16" + (", or 4" if language else ""),
        )  # fmt: skip
    predictor: Any = answering(start.predictor, copy.deepcopy(trunk))
    rows, sizes = _calibrating(context, params.calibration_rows), _sizes(context, predictor)
    _refuse_unknown(params.whole or (), sizes)
    whole, curve = params.whole, []
    if params.aware_epochs:
        curve = trained_aware(context, predictor, set(sizes) - set(whole or ()), params.aware_epochs)
    if whole is None:
        whole = _left_whole(context, predictor, rows, sizes) if params.engine == "onnx" else ()
    weights = {path: _matrix(predictor.model.trunk.get_submodule(path)) for path in sizes}
    row = context.inputs[0]
    found = exported(
        predictor, _ENGINES[params.engine], "int8", calibration=rows if params.activations == "static" else (),
        texts=len(row) if isinstance(row, tuple) else 1, whole=[weights[path] for path in whole],
    )  # fmt: skip
    content: Any = found.content
    left = rounding_onnx.left_whole(content["model.onnx"], weights) if params.engine == "onnx" else ()
    trained = {name: p.numel() for name, p in predictor.model.named_parameters()}
    said = {"bits": 8, "kind": "int8", "activations": params.activations, "left": list(left)}
    return Derivation(
        predictor=found, format=params.engine, frozen=params.model_copy(update={"of": start.of, "whole": tuple(whole)}),
        trainable_parameters=sum(trained.values()), trained=tuple(trained), curve=tuple(curve),
        finish=partial(rounding.state, said=said),
    )  # fmt: skip


def _calibrating(context: Context, count: int) -> list[Input]:
    """*count* of the train rows, chosen by the seed."""
    order = np.random.default_rng([context.seed, 8]).permutation(len(context.inputs))
    return [context.inputs[i] for i in sorted(order[:count].tolist())]


def _sizes(context: Context, predictor: Any) -> dict[str, int]:
    """The linear layers that the model computes with, and how many weights each has."""
    trunk = predictor.model.trunk
    paths = rounding_aware.linear_paths(trunk, lambda: predictor.outputs(context.inputs[:1]))
    return {path: trunk.get_submodule(path).weight.numel() for path in paths}


def _refuse_unknown(whole: tuple[str, ...], sizes: dict[str, int]) -> None:
    unknown = [name for name in whole if name not in sizes]
    if unknown:
        raise NotSupported(
            f"this model has no linear layer '{unknown[0]}' to leave whole", expected=f"such as {next(iter(sizes), 'none')}",
            do="correct whole, or leave it out to have it chosen",
        )  # fmt: skip


def _left_whole(context: Context, predictor: Any, rows: list[Input], sizes: dict[str, int]) -> tuple[str, ...]:
    """The layers that are better left whole, by what rounding them does to some of *rows*; none without rows."""
    few = rows[:: max(1, -(-len(rows) // _FEW))]
    if not few or is_ragged(predictor.outputs(few[:1])):
        return ()
    most = int(_MOST_WHOLE * sum(p.numel() for p in predictor.model.parameters()))

    def answer() -> Floats:
        context.watch.check()
        outputs: Floats = predictor.outputs(few)
        return outputs

    whole, (before, after) = rounding_aware.sensitive(predictor.model.trunk, answer, sizes, most, ENOUGH)
    if whole:
        message = _(
            "layers left whole: {n}; rounded, they change the outputs by {before}, whole by {after}",
            n=len(whole), before=f"{before:.1%}", after=f"{after:.1%}",
        )  # fmt: skip
        context.watch.report("finding", message)
    if after > ENOUGH:
        message = _(
            "in 8 bits the outputs change by {after}, more than the {most} aimed at: look at how many rows are answered as "
            "before",
            after=f"{after:.1%}", most=f"{ENOUGH:.0%}",
        )  # fmt: skip
        context.watch.report("finding", message)
    return whole


def _matrix(module: Any) -> Floats:
    weight: Floats = module.weight.detach().numpy()
    return weight if hasattr(module, "in_features") else weight.T
