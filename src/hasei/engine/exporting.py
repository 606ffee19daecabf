"""A model in memory as an ONNX graph: what other engines read.

Source: the ONNX standard (opset 20); ``torch.export`` and ``torch.onnx`` of torch 2.

Shapes: the graph's inputs are those of the tokenizer (b, t), int64, batch and length both free, or pixels (b, 3, height, width),
float32, the batch free; its one output ``outputs`` is
what the model gives for a batch, float32: (b, w) of a pooled model.

Relations: :mod:`hasei.engine.runtimes` runs it, :mod:`hasei.engine.rounding_onnx` rounds its weights to 8 bits,
``formats/onnx.py`` writes it. Equal models give equal bytes: nothing of the machine or of the source's lines is kept.
"""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine.batching import tokenize
from hasei.engine.opening import quiet
from hasei.engine.runtimes import package
from hasei.ground.errors import NotSupported

OPSET = 20
OUTPUT = "outputs"
MOST_BYTES = 2_000_000_000
"""A graph is one protobuf message, and such a message holds less than 2 GiB."""
_TEXTS = ("one two three four", "one")


class _Flat(nn.Module):
    """A model that takes a batch as a dict, taking its arrays one by one."""

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.names = model, tuple(names)

    def forward(self, *arrays: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.model(dict(zip(self.names, arrays)))
        return found


def to_onnx(model: nn.Module, batch: dict[str, torch.Tensor]) -> Any:
    """Return *model* as an ``onnx.ModelProto``; *batch* is an example of what it reads, two rows or more of two tokens or more.

    Raises NotSupported where onnx is not installed, the model is too large for one file or is built in a way that can't be
    written as a graph.
    """
    package("onnx", "onnx"), package("onnxscript", "onnx")
    size = sum(p.numel() * p.element_size() for p in model.parameters())
    if size > MOST_BYTES:
        raise NotSupported(
            "this model is too large for one ONNX file", expected=f"at most {MOST_BYTES / 1e9:.0f} GB of weights",
            received=f"{size / 1e9:.1f} GB", do="export it to safetensors",
        )  # fmt: skip
    names, free = tuple(batch), torch.export.Dim.DYNAMIC
    shapes = tuple({0: free, 1: free} if array.ndim == 2 else {0: free} for array in batch.values())
    try:
        with _silent():
            program: Any = torch.onnx.export(
                _Flat(model, names).eval(), tuple(batch.values()), dynamo=True, opset_version=OPSET, verbose=False,
                input_names=list(names), output_names=[OUTPUT], dynamic_shapes=(shapes,),
                external_data=False,
            )  # fmt: skip
    except Exception as error:  # the exporter wraps what each step raises in classes of its own
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        said = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
        raise NotSupported(
            f"this model can't be written as an ONNX graph: {said[:200]}", do="export it to safetensors"
        ) from error
    return cleaned(program.model_proto)


def example(tokenizer: Any, max_tokens: int, *, texts: int = 1) -> dict[str, torch.Tensor]:
    """Return a batch of two rows of different lengths, of *texts* texts each, as *tokenizer* makes one."""
    rows: list[Any] = [text if texts == 1 else (text,) * texts for text in _TEXTS]
    tokens = tokenize(tokenizer, rows, max_tokens)

    return tokens.pad(np.arange(len(rows)), int(tokenizer.pad_token_id or 0))


def cleaned(graph: Any) -> Any:
    """Return the ``onnx.ModelProto`` *graph* without what is no part of the computation: stack traces, module paths, notes."""
    parts = [graph, graph.graph, *graph.graph.node, *graph.graph.initializer, *graph.graph.input, *graph.graph.output]
    for part in (*parts, *graph.functions):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.graph.value_info[:]
    graph.producer_name, graph.producer_version = "pytorch", torch.__version__.partition("+")[0]
    return graph


def written(graph: Any) -> bytes:
    """Return *graph* as the bytes of ``model.onnx``; equal graphs give equal bytes."""
    content: bytes = graph.SerializeToString(deterministic=True)
    return content


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep the exporter's notes (also those it prints) to itself."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with (
            quiet(),
            warnings.catch_warnings(),
            Path(os.devnull).open("w") as nowhere,
            contextlib.redirect_stdout(nowhere),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
