"""A finished model in 8 bits, as an ONNX graph: which layers are left whole, what is calibrated, training under the rounding."""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

import numpy as np

from hasei.engine import rounding, rounding_aware, rounding_onnx, runtimes
from hasei.engine.batching import by_length, tokenize
from hasei.engine.derivation import Context, Derivation
from hasei.engine.exported import BATCH_TOKENS, RuntimePredictor
from hasei.engine.exporting import example, to_onnx, written
from hasei.engine.prediction import PooledPredictor
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
    for package in ("onnx", "onnxruntime"):
        runtimes.package(package, "onnx")


def derive(context: Context, start: Finished, params: Any) -> Derivation:
    """Round the model *start* to 8 bits; raises NotSupported where it is none that can be written as a graph."""
    trunk = trunk_of(start.predictor, NAME)
    if not isinstance(start.predictor, PooledPredictor):
        raise NotSupported(
            f"a model of the format {start.format} can't be kept in 8 bits", expected="bits: 16", received="bits: 8",
            do="set bits: 16" + (", or 4" if start.format in ("causal_lm", "label_likelihood") else ""),
        )  # fmt: skip
    predictor: Any = answering(start.predictor, copy.deepcopy(trunk))
    rows = _calibrating(context, params.calibration_rows)
    curve: list[dict[str, float]] = []
    sizes = _sizes(context, predictor)
    _refuse_unknown(params.whole or (), sizes)
    whole = params.whole
    if params.aware_epochs:
        curve = trained_aware(context, predictor, set(sizes) - set(whole or ()), params.aware_epochs)
    if whole is None:
        whole = _left_whole(context, predictor, rows, sizes)
    content, left = _graph(predictor, context.inputs[0], rows, params, sizes, whole)
    found = RuntimePredictor(
        predictor.tokenizer, predictor.max_tokens, predictor.width, {"model.onnx": content}, precision="int8"
    )
    trained = {name: p.numel() for name, p in predictor.model.named_parameters()}
    said = {"bits": 8, "kind": "int8", "activations": params.activations, "left": list(left)}
    return Derivation(
        predictor=found, format="onnx", frozen=params.model_copy(update={"of": start.of, "whole": tuple(whole)}),
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
    if not few:
        return ()
    most = int(_MOST_WHOLE * sum(p.numel() for p in predictor.model.parameters()))

    def answer() -> Floats:
        context.watch.check()
        outputs: Floats = predictor.outputs(few)
        return outputs

    whole, (before, after) = rounding_aware.sensitive(predictor.model.trunk, answer, sizes, most, ENOUGH)
    if whole:
        message = _(
            "{n} layers are left whole: rounded they change the outputs by {before}, so by {after}",
            n=len(whole), before=f"{before:.1%}", after=f"{after:.1%}",
        )  # fmt: skip
        context.watch.report("finding", message)
    return whole


def _graph(
    predictor: Any, row: Input, rows: list[Input], params: Any, paths: Collection[str], whole: Sequence[str]
) -> tuple[bytes, tuple[str, ...]]:
    """The graph of *predictor*, which reads such a *row*, in 8 bits; and which of its linear layers *paths* are whole in it."""
    texts = len(row) if isinstance(row, tuple) else 1
    graph = to_onnx(predictor.model, example(predictor.tokenizer, predictor.max_tokens, texts=texts))
    trunk = predictor.model.trunk
    weights = {path: _matrix(trunk.get_submodule(path)) for path in paths}
    nodes = rounding_onnx.products(graph, weights)
    skipped = [node for path in whole for node in nodes.get(path, ())]
    if params.activations == "static":
        found = rounding_onnx.static(graph, _batches(predictor, rows), whole=skipped)
    else:
        found = rounding_onnx.dynamic(graph, whole=skipped)
    return written(found), tuple(path for path in nodes if path in whole or not nodes[path])


def _matrix(module: Any) -> Floats:
    weight: Floats = module.weight.detach().numpy()
    return weight if hasattr(module, "in_features") else weight.T


def _batches(predictor: Any, rows: list[Input]) -> list[dict[str, Any]]:
    tokens = tokenize(predictor.tokenizer, rows, predictor.max_tokens)
    pad_id = int(predictor.tokenizer.pad_token_id or 0)
    batches = (tokens.pad(part, pad_id) for part in by_length(tokens.lengths, BATCH_TOKENS))
    return [{name: array.numpy() for name, array in batch.items()} for batch in batches]
