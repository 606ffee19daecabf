"""An exported model as something that answers rows: tokenized here, run by another engine than torch.

Shapes: n rows in batches of rows of like length; outputs (n, w), float32, in the order of the rows.

Relations: :mod:`hasei.engine.exporting` makes what is run, :mod:`hasei.engine.prediction` is the same in torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hasei.engine import runtimes
from hasei.engine.batching import by_length, tokenize
from hasei.engine.exporting import example, to_onnx, written
from hasei.engine.prediction import CHUNK, PooledPredictor
from hasei.engine.runtimes import Content, Session
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

BATCH_TOKENS = 2048
"""Tokens in a batch at most, padding included."""


class RuntimePredictor:
    """Answers rows with a pooled model that was exported; order kept, memory constant in the number of rows.

    *engine* names the file in :mod:`hasei.engine.runtimes` that runs *content*; *precision* is that of its weights: ``fp32``,
    ``fp16`` or ``int8``. *batch_tokens*: how many tokens a batch has at most.
    """

    def __init__(
        self, tokenizer: Any, max_tokens: int, width: int, content: Content, *, engine: str = "onnxruntime",
        precision: str = "fp32", threads: int = 0, batch_tokens: int = BATCH_TOKENS,
    ) -> None:  # fmt: skip
        self.tokenizer, self.max_tokens, self.width = tokenizer, max_tokens, width
        self.content, self.engine, self.precision, self.batch_tokens = content, engine, precision, batch_tokens
        self.session: Session = runtimes.start(engine, content, threads)

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the outputs (n, w), float32, in the order of *inputs*."""
        watch, pad_id = watch or Watch(), int(self.tokenizer.pad_token_id or 0)
        out = np.empty((len(inputs), self.width), np.float32)
        for start in range(0, len(inputs), CHUNK):
            tokens = tokenize(self.tokenizer, inputs[start : start + CHUNK], self.max_tokens)
            done = 0
            for rows in by_length(tokens.lengths, self.batch_tokens):
                watch.check()
                batch = {name: array.numpy() for name, array in tokens.pad(rows, pad_id).items()}
                out[start + rows] = self.session.run(batch)
                done += len(rows)
                watch.report("predicting", "", (start + done) / len(inputs), often=True)
        return out


def exported(predictor: PooledPredictor) -> RuntimePredictor:
    """Return *predictor* as ONNX Runtime runs it in float32."""
    graph = to_onnx(predictor.model, example(predictor.tokenizer, predictor.max_tokens))
    content = {name: written(graph) for name in runtimes.files("onnxruntime")}
    return RuntimePredictor(predictor.tokenizer, predictor.max_tokens, predictor.width, content)
