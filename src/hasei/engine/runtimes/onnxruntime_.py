"""ONNX Runtime on the processor: reads ``model.onnx``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hasei.engine.runtimes import Content, damaged, held
from hasei.tasks import Array, Floats

PACKAGE, EXTRA, FILES = "onnxruntime", "onnx", ("model.onnx",)
_ERRORS_ONLY = 3


class OnnxSession:
    """A model opened by ONNX Runtime with every rewriting of its graph, results the same from run to run."""

    def __init__(self, opened: Any, threads: int) -> None:
        self._opened, self.threads = opened, threads
        self.inputs: tuple[str, ...] = tuple(one.name for one in opened.get_inputs())

    def run(self, batch: Mapping[str, Array]) -> Floats:
        """Return the output of *batch*, float32."""
        (found,) = self._opened.run(None, {name: np.ascontiguousarray(batch[name]) for name in self.inputs})
        return np.asarray(found, np.float32)


def start(content: Content, threads: int) -> OnnxSession:
    """Open the file ``model.onnx`` of *content*; raises BaseError where it is missing or damaged."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Threads that wait by spinning take the processor from whatever else runs there.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    graph = held(content, FILES[0])
    try:
        return OnnxSession(ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"]), threads)
    except Exception as error:  # of classes that it makes up in C++
        raise damaged(content, FILES[0], error) from error
