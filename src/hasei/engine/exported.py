"""An exported model as something that answers rows: tokenized here, run by another engine than torch.

Shapes: n rows in batches of rows of like length; outputs as the predictor gives them that was exported: (n, w), float32, of a
pooled model, ragged (n,) of one that answers word by word or choice by choice.

Relations: :mod:`hasei.engine.exporting` makes what is run, :mod:`hasei.engine.runtimes` runs it; :mod:`hasei.engine.prediction`
is the same in torch.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn

from hasei.engine import runtimes
from hasei.engine.apart import ApartModel, ApartPredictor
from hasei.engine.batching import by_length, tokenize
from hasei.engine.choosing import ChoicePredictor
from hasei.engine.exporting import example, to_onnx, written
from hasei.engine.pixels import PicturePredictor
from hasei.engine.pooled import last_states, linear
from hasei.engine.prediction import CHUNK, PooledPredictor
from hasei.engine.runtimes import Content, Session
from hasei.engine.spans import SpanPredictor
from hasei.engine.tagged import TaggedModel, TaggedPredictor
from hasei.ground.errors import NotSupported
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Input
from hasei.tasks import Array, Floats

PRECISIONS = ("fp32", "fp16", "int8")
BATCH_TOKENS = 2048
"""Tokens in a batch at most, padding included."""
POOLED, APART, TAGGED, SPANS, PICTURES, CHOICES = "pooled", "apart", "tagged", "spans", "pictures", "choices of "
"""What a graph gives: a vector a row; the features of single texts; a vector a token; start and end of each token; a vector a
picture; the same as the kind named after it, once for each choice."""


class RuntimePredictor:
    """Answers rows with a model that was exported; order kept, memory constant in the number of rows.

    *tokenizer* is what prepares pictures, of a model that reads these. *engine* names the file in
    :mod:`hasei.engine.runtimes` that runs *content*; *precision* is that of its weights: ``fp32``, ``fp16`` or ``int8``; *kind*
    what its graph gives. Of an ``apart`` one, *line* is weight and bias that make outputs of cosines and *hidden* the width of
    the features. *batch_tokens*: how many tokens a batch has at most, of a pooled one.
    """

    def __init__(
        self, tokenizer: Any, max_tokens: int, width: int, content: Content, *, engine: str = "onnxruntime",
        precision: str = "fp32", kind: str = POOLED, line: tuple[float, float] = (1.0, 0.0), hidden: int = 0,
        threads: int = 0, batch_tokens: int = BATCH_TOKENS,
    ) -> None:  # fmt: skip
        self.tokenizer, self.max_tokens, self.width, self.content = tokenizer, max_tokens, width, content
        self.engine, self.precision, self.kind, self.batch_tokens = engine, precision, kind, batch_tokens
        self.line, self.hidden = line, hidden
        self.session: Session = runtimes.start(engine, content, threads)

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Array:
        """Return the outputs (n, w), float32, or (n,) ragged, in the order of *inputs*."""
        found: Array = self._answering(self.kind).outputs(inputs, watch)
        return found

    def _answering(self, kind: str) -> Any:
        """Return what answers rows by a graph of *kind*."""
        if kind.startswith(CHOICES):
            return ChoicePredictor(self._answering(kind.removeprefix(CHOICES)))
        if kind == POOLED:
            return SimpleNamespace(outputs=self._pooled)
        head = linear([[self.line[0]]], [self.line[1]]) if kind == APART else nn.Linear(1, self.width)
        model: Any = _Run(self.session, head, self.hidden)
        if kind == APART:
            return ApartPredictor(model, self.tokenizer, self.max_tokens)
        if kind == PICTURES:
            return PicturePredictor(model, self.tokenizer)
        return (SpanPredictor if kind == SPANS else TaggedPredictor)(model, self.tokenizer, self.max_tokens)

    def _pooled(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
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


class _Run(nn.Module):
    """A session in the place of the model of one of torch's predictors: a batch of tensors to a tensor."""

    def __init__(self, session: Session, head: nn.Linear, hidden: int) -> None:
        super().__init__()
        self.session, self.head = session, head
        self.trunk: Any = SimpleNamespace(config=SimpleNamespace(hidden_size=hidden))

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        found = torch.from_numpy(self.session.run({name: array.numpy() for name, array in batch.items()}))
        places = batch.get("places")
        return found if places is None else found[places[:, 0], places[:, 1]]

    features = forward


class _Each(nn.Module):
    """The outputs of every token (b, t, w) of a :class:`TaggedModel`."""

    def __init__(self, model: TaggedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        outputs: torch.Tensor = self.model.head(last_states(self.model.trunk, batch))
        return outputs


class _Features(nn.Module):
    """The features (b, h) of single texts of an :class:`ApartModel`."""

    def __init__(self, model: ApartModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.model.features(batch)


@dataclass(frozen=True)
class _Graph:
    """What of a predictor becomes a graph: its *kind*, the *model*, what reads a row for it, and what the graph leaves out."""

    kind: str
    model: nn.Module
    reading: Any
    line: tuple[float, float] = (1.0, 0.0)
    hidden: int = 0


def exported(
    predictor: Any, engine: str = "onnxruntime", precision: str = "fp32", *, calibration: Sequence[Input] = (),
    reduce_range: bool = True, texts: int = 1, whole: Sequence[Array] = (),
) -> RuntimePredictor:  # fmt: skip
    """Return *predictor* as *engine* runs it with weights in *precision*: ``fp32``, ``fp16`` or ``int8``.

    *calibration*: rows by which the ranges of int8 are measured; () for ranges found batch by batch (ONNX Runtime), or for
    weights alone (OpenVINO). *reduce_range*: see :func:`hasei.engine.rounding_onnx.dynamic`. *texts*: of how many a row is.
    *whole*: weights (out, in) of linear layers that ONNX Runtime computes with in float32 nevertheless.
    Raises NotSupported where it can't be exported.
    """
    from hasei.engine import rounding_onnx, rounding_openvino

    runtimes.need(engine)
    refuse_precision(engine, precision)
    found = _graph(predictor)
    if found.kind == PICTURES and precision == "int8":
        raise NotSupported(
            "a model of pictures is not exported in int8: its convolutions have no products of matrices to round",
            expected="fp32 or fp16", received="int8", do="choose another --precision",
        )  # fmt: skip
    graph = to_onnx(merged(found.model), _example(found, texts))
    batches = _batches(found.reading, calibration) if calibration and precision == "int8" else []
    if engine == "openvino":
        content = rounding_openvino.converted(written(graph), precision, batches)
    else:
        rounded = rounding_onnx.at(graph, precision, batches, reduce_range=reduce_range, whole=whole)
        content = {runtimes.files(engine)[0]: written(rounded)}
    tokenizer, limit = _read_by(found)
    return RuntimePredictor(
        tokenizer, limit, predictor.width, content, engine=engine, precision=precision, kind=found.kind,
        line=found.line, hidden=found.hidden,
    )  # fmt: skip


def refuse_precision(engine: str, precision: str) -> None:
    """Raise NotSupported unless *engine* runs weights in *precision*."""
    if precision not in PRECISIONS:
        raise NotSupported(
            f"{engine} does not run weights in {precision} on a processor", expected=" or ".join(PRECISIONS), received=precision,
            do="choose another --precision",
        )  # fmt: skip


def _graph(predictor: Any) -> _Graph:
    """Return what of *predictor* becomes a graph; raises NotSupported where nothing does."""
    if isinstance(predictor, RuntimePredictor):
        raise NotSupported("this model is exported already", do="export the model that it was made from")
    if type(predictor) is PicturePredictor:
        return _Graph(PICTURES, predictor.model, predictor)
    if isinstance(predictor, ChoicePredictor):
        inner = _graph(predictor.pairs)
        return replace(inner, kind=CHOICES + inner.kind)
    if type(predictor) is PooledPredictor:
        return _Graph(POOLED, predictor.running, predictor)  # without the heads that are dead
    if isinstance(predictor, ApartPredictor):
        head, hidden = predictor.model.head, int(predictor.model.trunk.config.hidden_size)  # type: ignore[union-attr, arg-type]
        return _Graph(APART, _Features(predictor.model), predictor, (head.weight.item(), head.bias.item()), hidden)
    if isinstance(predictor, TaggedPredictor):
        return _Graph(TAGGED, _Each(predictor.model), predictor)
    if isinstance(predictor, SpanPredictor):
        return _Graph(SPANS, predictor.model, predictor)
    raise NotSupported(
        "this kind of model can't be exported to another engine",
        expected="one that reads texts with a transformer (labels, numbers, words, pieces or choices), or labels of pictures",
        received=type(predictor).__name__.removesuffix("Predictor").lower() or "another",
        do="export it to safetensors, or run it as it is",
    )  # fmt: skip


def _read_by(graph: _Graph) -> tuple[Any, int]:
    """Return what makes the arrays of *graph* of rows, and how many tokens of a row it reads at most (0: no matter)."""
    reading = graph.reading
    return (reading.prepare, 0) if graph.kind == PICTURES else (reading.tokenizer, reading.max_tokens)


def _example(graph: _Graph, texts: int) -> dict[str, torch.Tensor]:
    """Return a batch of what *graph* reads, of rows of *texts* texts each."""
    reads, limit = _read_by(graph)
    if graph.kind == PICTURES:
        return {"pixel_values": torch.zeros(2, *reads.shape)}
    return example(reads, limit, texts=1 if graph.kind.endswith(APART) else texts)


def merged(model: nn.Module) -> nn.Module:
    """Return *model* with adapters that are sums added into the weights that they change; *model* itself is left as it is."""
    from peft import PeftModel

    for name, part in model.named_modules():
        if isinstance(part, PeftModel) and not part.active_peft_config.is_prompt_learning:
            whole = copy.deepcopy(model)
            above, _, last = name.rpartition(".")
            setattr(whole.get_submodule(above), last, whole.get_submodule(name).merge_and_unload())  # type: ignore[operator]
            return whole
    return model


def _batches(reading: Any, rows: Sequence[Input]) -> list[dict[str, Array]]:
    """Return *rows* as batches of the arrays that a graph reads."""
    flat = list(rows)
    if isinstance(reading, ApartPredictor):
        flat = list(dict.fromkeys(text for row in rows for text in row))
    if isinstance(reading, (SpanPredictor, TaggedPredictor)):
        flat = [row[1] if isinstance(reading, SpanPredictor) else row for row in rows]
    tokens = tokenize(reading.tokenizer, flat, reading.max_tokens)
    pad_id = int(reading.tokenizer.pad_token_id or 0)
    batches = by_length(tokens.lengths, BATCH_TOKENS)
    return [{name: array.numpy() for name, array in tokens.pad(rows, pad_id).items()} for rows in batches]
