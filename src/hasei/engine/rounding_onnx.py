"""The weights of an ONNX graph rounded: to 8 bits, or to fp16.

Source: Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only inference";
ONNX Runtime's own quantizer does the products of matrices.

Shapes: a weight (h, w) has a scale for each of its w outputs; a table of embeddings (v, h) one for each of its v rows, so that
a token's vector is ``int8 (h,) * scale``. Dynamic: what enters a product is rounded anew for each batch, by its own range.
Static: by ranges measured on calibration batches. Biases, norms and the small last layer stay in float32.

Relations: :mod:`hasei.engine.exporting` makes the graph; ``methods/quantization.py`` chooses how it is rounded.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hasei.engine.exporting import cleaned
from hasei.engine.runtimes import package
from hasei.ground.errors import DataError, NotSupported
from hasei.tasks import Array

SMALL_TABLE = 1 << 14
"""A table of fewer numbers than this stays as it is: there is nothing to win."""
_ROUNDED = {"MatMulInteger", "DynamicQuantizeMatMul", "DequantizeLinear", "QLinearMatMul"}


def dynamic(graph: Any, *, per_channel: bool = True, reduce_range: bool = True) -> Any:
    """Return *graph* with 8-bit weights, what enters a product rounded batch by batch; *graph* itself stays as it is.

    *reduce_range*: weights use 7 of the 8 bits, so that sums of products never overflow on processors without instructions for
    them (AVX2 without VNNI): with all 8 the same file answers otherwise there. Raises NotSupported for a graph that is rounded.
    """
    return _quantised(graph, "quantize_dynamic", per_channel=per_channel, reduce_range=reduce_range)


def static(
    graph: Any, batches: Sequence[Mapping[str, Array]], *, per_channel: bool = True, reduce_range: bool = True
) -> Any:
    """Return *graph* with 8-bit weights and inputs of products, these by the ranges that *batches* show.

    Raises DataError for no batches, NotSupported for a graph that is rounded.
    """
    if not batches:
        raise DataError("there are no rows to calibrate on", expected="at least one row", received="0")
    return _quantised(
        graph, "quantize_static", calibration_data_reader=_reader(batches), per_channel=per_channel, reduce_range=reduce_range,
    )  # fmt: skip


def half(graph: Any) -> Any:
    """Return *graph* with its weights in fp16 and sums in float32: half the size, the same speed on a processor.

    Raises NotSupported for a graph whose weights are rounded to 8 bits.
    """
    _refuse_rounded(graph)
    from onnx import TensorProto, helper, numpy_helper

    found = _copy(graph)
    casts = []
    for tensor in found.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALL_TABLE:
            continue
        name, value = tensor.name, numpy_helper.to_array(tensor)
        largest = float(np.finfo(np.float16).max)
        tensor.CopyFrom(numpy_helper.from_array(np.clip(value, -largest, largest).astype(np.float16), f"{name}.fp16"))
        casts.append(helper.make_node("Cast", [f"{name}.fp16"], [name], f"{name}.cast", to=TensorProto.FLOAT))
    _first(found, casts)
    return found


def at(graph: Any, precision: str, batches: Sequence[Mapping[str, Array]] = (), *, reduce_range: bool = True) -> Any:
    """Return *graph* in *precision*: ``fp32``, ``fp16``, ``int8`` (static where there are *batches* to calibrate on)."""
    if precision == "int8":
        if batches:
            return static(graph, batches, reduce_range=reduce_range)
        return dynamic(graph, reduce_range=reduce_range)
    return half(graph) if precision == "fp16" else graph


def is_rounded(graph: Any) -> bool:
    """Whether weights of *graph* are rounded to 8 bits already."""
    return any(node.op_type in _ROUNDED for node in graph.graph.node)


def rounded_tables(graph: Any) -> Any:
    """Return *graph* with its tables of embeddings in 8 bits, a scale for each row."""
    from onnx import TensorProto, helper, numpy_helper

    found = _copy(graph)
    uses: dict[str, list[Any]] = {}
    for node in found.graph.node:
        for name in node.input:
            uses.setdefault(name, []).append(node)
    tables = {t.name: t for t in found.graph.initializer if t.data_type == TensorProto.FLOAT and len(t.dims) == 2}
    nodes = {name: node for name, node in ((n, uses.get(n, [None])[0]) for n in tables)
             if node is not None and len(uses[name]) == 1 and node.op_type == "Gather" and node.input[0] == name
             and all(a.name != "axis" or a.i == 0 for a in node.attribute)
             and np.prod(tables[name].dims) >= SMALL_TABLE}  # fmt: skip
    for name, node in nodes.items():
        table = numpy_helper.to_array(tables[name])
        scale = (np.abs(table).max(1, keepdims=True) / 127).astype(np.float32)
        rounded = np.rint(table / np.where(scale > 0, scale, 1)).astype(np.int8)
        tables[name].CopyFrom(numpy_helper.from_array(rounded, f"{name}.int8"))
        found.graph.initializer.append(numpy_helper.from_array(scale, f"{name}.scale"))
        _replace(found, node, [
            helper.make_node("Gather", [f"{name}.int8", node.input[1]], [f"{name}.rows"], f"{name}.gather", axis=0),
            helper.make_node("Cast", [f"{name}.rows"], [f"{name}.float"], f"{name}.cast", to=TensorProto.FLOAT),
            helper.make_node("Gather", [f"{name}.scale", node.input[1]], [f"{name}.scales"], f"{name}.gather_scale", axis=0),
            helper.make_node("Mul", [f"{name}.float", f"{name}.scales"], list(node.output), f"{name}.mul"),
        ])  # fmt: skip
    return found


def _quantised(graph: Any, how: str, **options: Any) -> Any:
    package("onnx", "onnx"), package("onnxruntime", "onnx")
    _refuse_rounded(graph)
    import onnx
    from onnxruntime import quantization

    plain = rounded_tables(graph)
    with tempfile.TemporaryDirectory() as folder, _silent():
        path = Path(folder) / "model.onnx"
        getattr(quantization, how)(
            plain, path, op_types_to_quantize=["MatMul"], weight_type=quantization.QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True}, **options,
        )  # fmt: skip
        found = onnx.load(path)
    if not is_rounded(found):
        raise NotSupported("this model has no products of matrices to round to 8 bits", do="export it in fp32")
    return cleaned(found)


def _refuse_rounded(graph: Any) -> None:
    if is_rounded(graph):
        raise NotSupported(
            "this model is quantised already",
            expected="a model in fp32",
            do="start from the model that it was made from",
        )


def _reader(batches: Sequence[Mapping[str, Array]]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = iter(batches)

        def get_next(self) -> dict[str, Array] | None:
            return next((dict(batch) for batch in self._left), None)

    return Reader()


def _copy(graph: Any) -> Any:
    found = type(graph)()
    found.CopyFrom(graph)
    return found


def _first(graph: Any, nodes: Sequence[Any]) -> None:
    """Put *nodes* before all others of *graph*."""
    rest = list(graph.graph.node)
    del graph.graph.node[:]
    graph.graph.node.extend([*nodes, *rest])


def _replace(graph: Any, node: Any, others: Sequence[Any]) -> None:
    """Put *others* in the place of *node*."""
    at = next(i for i, one in enumerate(graph.graph.node) if one is node or one == node)
    rest = list(graph.graph.node)
    del graph.graph.node[:]
    graph.graph.node.extend([*rest[:at], *others, *rest[at + 1 :]])


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
