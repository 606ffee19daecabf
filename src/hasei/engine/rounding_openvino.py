"""An ONNX graph as OpenVINO's own files, its weights in fp32, fp16 or 8 bits.

Source: NNCF of the OpenVINO project does the rounding. Without calibration batches only weights are rounded, a scale for each
output (symmetric), and sums stay in float32; with them what enters a product is rounded too, by the ranges they show.

Relations: :mod:`hasei.engine.exporting` makes the graph, :mod:`hasei.engine.rounding_onnx` is the same for ONNX Runtime.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hasei.engine.runtimes import files, package
from hasei.engine.runtimes.openvino_ import core
from hasei.ground.errors import NotSupported
from hasei.tasks import Array


def converted(graph: bytes, precision: str = "fp32", batches: Sequence[Mapping[str, Array]] = ()) -> dict[str, bytes]:
    """Return the files, by name, of the ONNX *graph* in OpenVINO with weights in *precision*: ``fp32``, ``fp16`` or ``int8``.

    Raises NotSupported where OpenVINO (or for int8 NNCF) is not installed, or can't read the graph.
    """
    ov = package("openvino", "openvino")
    with tempfile.TemporaryDirectory() as folder, _silent():
        place = Path(folder)
        try:
            model = core().read_model(graph)
        except RuntimeError as error:
            said = " ".join(str(error).split())[:200]
            raise NotSupported(f"OpenVINO can't read this model's graph: {said}", do="export it to onnx") from error
        if precision == "int8":
            model = _rounded(model, batches)
        for i, node in enumerate(model.get_ordered_ops()):
            if node.get_type_name() != "Parameter":  # its own names for others count on from model to model
                node.set_friendly_name(f"{node.get_type_name()}_{i}")
        name = files("openvino")[0]
        ov.save_model(model, place / name, compress_to_fp16=precision == "fp16")
        return {name: (place / name).read_bytes() for name in files("openvino")}


def _rounded(model: Any, batches: Sequence[Mapping[str, Array]]) -> Any:
    nncf = package("nncf", "openvino")
    core()
    # NNCF opens cores of its own: a thread of its own keeps their stacks for signals (see ``core``) from this one.
    with ThreadPoolExecutor(1) as thread:
        if not batches:
            return thread.submit(nncf.compress_weights, model, mode=nncf.CompressWeightsMode.INT8_SYM).result()
        data = nncf.Dataset([dict(batch) for batch in batches])
        asked = {"model_type": nncf.ModelType.TRANSFORMER, "subset_size": len(batches)}
        return thread.submit(nncf.quantize, model, data, **asked).result()


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep NNCF's notes and its progress bars to itself."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)
