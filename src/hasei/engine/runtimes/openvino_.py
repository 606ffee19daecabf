"""OpenVINO on the processor: reads ``openvino_model.xml`` and ``openvino_model.bin``."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from hasei.engine.runtimes import Content, damaged, held
from hasei.tasks import Array, Floats

PACKAGE, EXTRA, FILES = "openvino", "openvino", ("openvino_model.xml", "openvino_model.bin")


class OpenvinoSession:
    """A model compiled by OpenVINO; sums are in float32 on every processor, whatever it has for less."""

    def __init__(self, compiled: Any, threads: int) -> None:
        self._request, self.threads = compiled.create_infer_request(), threads
        self.inputs: tuple[str, ...] = tuple(one.get_any_name() for one in compiled.inputs)

    def run(self, batch: Mapping[str, Array]) -> Floats:
        """Return the output of *batch*, float32."""
        self._request.infer({name: np.ascontiguousarray(batch[name]) for name in self.inputs}, share_inputs=True)
        return np.array(self._request.get_output_tensor(0).data, np.float32)


@functools.cache
def core() -> Any:
    """Return the one ``openvino.Core`` of this process, its plugin for the processor loaded.

    Each plugin gives the thread that loads it a stack for signals of its own, and puts back the one before when it goes. Of
    several that go in another order than they came, the stack left is one that is freed: the next Ctrl-C is a crash. This one
    never goes.
    """
    import openvino as ov

    found = ov.Core()
    found.get_property("CPU", "FULL_DEVICE_NAME")
    return found


def start(content: Content, threads: int) -> OpenvinoSession:
    """Open the files ``openvino_model.*`` of *content*; raises BaseError where one is missing or damaged."""
    settings = {
        "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32",
    }  # fmt: skip
    graph, weights = (held(content, name) for name in FILES)
    try:
        return OpenvinoSession(core().compile_model(core().read_model(graph, weights), "CPU", settings), threads)
    except Exception as error:  # of classes that it makes up in C++
        raise damaged(content, FILES[0], error) from error
