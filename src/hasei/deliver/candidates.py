"""In which ways a finished model can be run on this machine: engine by precision, as far as these are there."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hasei.deliver.export import export
from hasei.deliver.targets import ENGINES as ENGINE_OF
from hasei.derive.derived import DerivedModel, open_model
from hasei.engine.derivation import Predictor
from hasei.engine.exported import RuntimePredictor, exported
from hasei.ground.errors import HaseiError, NotSupported
from hasei.ground.events import Watch
from hasei.ground.files import new_folder
from hasei.ground.language import _
from hasei.inputs.data.dataset import Dataset, Input
from hasei.tasks import Floats

PLAIN = "torch fp32"
ENGINES = (("onnx", "fp32"), ("onnx", "int8"), ("openvino", "fp32"), ("openvino", "int8"))
"""Targets of an export that are tried, each at a precision."""
_WEIGHTS = (".safetensors", ".onnx", ".bin", ".xml")


@dataclass(frozen=True)
class Candidate:
    """A way to run the model: its *name* (engine and precision), what answers with how many threads and tokens in a batch.

    *lossless*: it must answer as the model does. ``write(out, rows, max_loss)`` makes the folder that is shipped; None where no
    folder can ask to be run so, and *why_not* says what to do. *bytes*: of its weights. *error*: why it can't be run here at all.
    """

    name: str
    lossless: bool = False
    opened: Callable[[int, int], Predictor] | None = None
    batches: bool = False
    bytes: int = 0
    write: Callable[[Path, Dataset | None, float], None] | None = None
    error: str = ""
    why_not: str = ""


def _copied(folder: Path) -> Callable[[Path, Dataset | None, float], None]:
    """Return what writes a model that is there already: a copy of its *folder*."""

    def write(out: Path, _rows: Dataset | None, _max_loss: float) -> None:
        with new_folder(out) as temporary:
            shutil.copytree(folder, temporary, dirs_exist_ok=True)

    return write


def weights_in(folder: Path) -> int:
    """Bytes of the weights in *folder*, without tokenizer, card and lineage."""
    return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and p.suffix in _WEIGHTS)


def candidates(
    model: DerivedModel,
    *,
    calibration: Sequence[Input] = (),
    also: Sequence[Path] = (),
    watch: Watch | None = None,
) -> list[Candidate]:
    """Return every way to run *model*, the plain one first.

    *also*: folders of other models that answer the same, such as a static student. Raises NotSupported where one does not.
    """
    watch = watch or Watch()
    found, others = [_there(PLAIN, model, lossless=True)], [_other(model, folder) for folder in also]
    network = getattr(model.predictor, "model", None)
    if isinstance(network, torch.nn.Module) and (
        hasattr(model.predictor, "tokenizer") or hasattr(model.predictor, "prepare")
    ):
        found += [_bf16(model), _compiled(model)]
        for target, precision in ENGINES:
            watch.report("exporting", f"{target}, {precision}")
            found.append(_exported(model, target, precision, calibration))
    return found + others


def _exported(model: DerivedModel, target: str, precision: str, calibration: Sequence[Input]) -> Candidate:
    """Return *model* as another engine runs it, in memory; its folder is made, by an export, once it is chosen."""
    name = f"{target} {precision}"
    texts = sum(column.kind == "input" for column in model.task.columns)
    try:
        made = exported(model.predictor, ENGINE_OF[target], precision, calibration=calibration, texts=min(texts, 2))
    except HaseiError as error:
        return Candidate(name, error=str(error))

    def opened(threads: int, tokens: int) -> Predictor:
        return RuntimePredictor(
            made.tokenizer, made.max_tokens, made.width, made.content, engine=made.engine, precision=precision, kind=made.kind,
            line=made.line, hidden=made.hidden, threads=threads, batch_tokens=tokens,
        )  # fmt: skip

    def write(out: Path, rows: Dataset | None, max_loss: float) -> None:
        export(
            model.folder,
            target,
            out,
            precision=precision,
            rows=rows,
            calibration=calibration,
            base=model.base,
            max_loss=max_loss,
        )

    content = made.content
    size = sum(map(len, content.values())) if not isinstance(content, Path) else 0
    return Candidate(name, precision == "fp32", opened, batches=made.kind == "pooled", bytes=size, write=write)


class _Cast:
    """The torch predictor *of*, its products of matrices in bf16."""

    def __init__(self, of: Any) -> None:
        self.of, self.width = of, of.width

    def outputs(self, inputs: Sequence[Input], watch: Watch | None = None) -> Floats:
        """Return the outputs (n, width), float32."""
        with torch.autocast("cpu", torch.bfloat16):
            found: Floats = self.of.outputs(inputs, watch)
        return found


def _bf16(model: DerivedModel) -> Candidate:
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return Candidate("torch bf16", error=_("this processor has no bf16"))
    return Candidate(
        "torch bf16",
        False,
        lambda _threads, _tokens: _Cast(model.predictor),
        why_not=_("run it under torch.autocast yourself"),
    )


def _compiled(model: DerivedModel) -> Candidate:
    name = "torch compiled"
    if not any(map(shutil.which, ("g++", "clang++", "cl"))) or os.environ.get("TORCHDYNAMO_DISABLE") == "1":
        return Candidate(name, error=_("there is no C++ compiler here"))
    plain: Any = model.predictor
    quick = copy.copy(plain)
    quick.model = torch.compile(plain.model, dynamic=True)
    try:
        quick.outputs([_example(model)])
    except Exception as error:  # whatever the compiler of this machine stumbles over
        return Candidate(name, error=" ".join(str(error).split())[:120] or type(error).__name__)
    return Candidate(
        name, True, lambda _threads, _tokens: quick, why_not=_("a folder can't ask for it: call torch.compile yourself")
    )


def _example(model: DerivedModel) -> Input:
    if model.task.input_kind != "text":
        return model.task.toy().inputs[0]
    texts = sum(column.kind == "input" for column in model.task.columns)
    return "a text" if texts == 1 else ("a text",) * texts


def _other(model: DerivedModel, folder: Path) -> Candidate:
    """Return the model in *folder* as a way to answer what *model* answers."""
    other = open_model(folder)
    for what, wanted, given in (
        ("task", model.task.name, other.task.name), ("answers", list(model.space.said), list(other.space.said)),
        ("outputs", model.space.width, other.space.width),
    ):  # fmt: skip
        if wanted != given:
            raise NotSupported(
                f"'{folder}' can't stand in for '{model.folder}': it has another {what.rstrip('s')}",
                expected=str(wanted)[:80], received=str(given)[:80], do="give a model of the same task and answers",
            )  # fmt: skip
    return _there(f"{other.identity['steps'][-1]['name']} ({folder.name})", other, lossless=False)


def _there(name: str, model: DerivedModel, *, lossless: bool) -> Candidate:
    """Return *model* as it stands in its folder."""
    write, size = _copied(model.folder), weights_in(model.folder)
    return Candidate(name, lossless, lambda _threads, _tokens: model.predictor, bytes=size, write=write)
