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
from hasei.derive.derived import DerivedModel, open_model
from hasei.engine.derivation import Predictor
from hasei.engine.exported import RuntimePredictor
from hasei.ground.errors import HaseiError, NotSupported
from hasei.ground.events import Watch
from hasei.ground.language import _
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

PLAIN = "torch fp32"
ENGINES = (("onnx", "fp32"), ("onnx", "int8"), ("openvino", "fp32"), ("openvino", "int8"))
"""Targets of an export that are tried, each at a precision."""
_WHATEVER = 1.0
"""The loss that an export may have here: what it costs is judged beside the others."""


@dataclass(frozen=True)
class Candidate:
    """A way to run the model: its *name* (engine and precision), what answers with how many threads and tokens in a batch.

    *lossless*: it must answer as the model does. *folder* holds it as it would be shipped; None where no folder can ask to be run
    so, and *why_not* says what to do. *error*: why it can't be run here at all.
    """

    name: str
    lossless: bool = False
    opened: Callable[[int, int], Predictor] | None = None
    folder: Path | None = None
    batches: bool = False
    error: str = ""
    why_not: str = ""

    @property
    def bytes(self) -> int:
        """Size of its folder on disk, 0 without one."""
        return sum(p.stat().st_size for p in self.folder.rglob("*") if p.is_file()) if self.folder else 0


def candidates(
    model: DerivedModel, place: Path, *, calibration: Sequence[Input] = (), also: Sequence[Path] = (), watch: Watch | None = None
) -> list[Candidate]:
    """Return every way to run *model*, the plain one first; folders are made below *place*.

    *also*: folders of other models that answer the same, such as a static student. Raises NotSupported where one of these doesn't.
    """
    watch = watch or Watch()
    found = [Candidate(PLAIN, True, lambda _threads, _tokens: model.predictor, model.folder)]
    network = getattr(model.predictor, "model", None)
    if isinstance(network, torch.nn.Module) and hasattr(model.predictor, "tokenizer"):
        found += [_bf16(model), _compiled(model)]
        for target, precision in ENGINES:
            watch.report("exporting", f"{target}, {precision}")
            found.append(_exported(model, target, precision, place / f"{target}-{precision}", calibration))
    return found + [_other(model, folder) for folder in also]


def _exported(
    model: DerivedModel, target: str, precision: str, place: Path, calibration: Sequence[Input]
) -> Candidate:
    name = f"{target} {precision}"
    try:
        made = export(
            model.folder, target, place, precision=precision, calibration=calibration, base=model.base, max_loss=_WHATEVER
        ).model
        loaded: Any = made.predictor
    except HaseiError as error:
        return Candidate(name, error=str(error))

    def opened(threads: int, tokens: int) -> Predictor:
        return RuntimePredictor(
            loaded.tokenizer, loaded.max_tokens, loaded.width, loaded.content, engine=loaded.engine, precision=precision,
            kind=loaded.kind, line=loaded.line, hidden=loaded.hidden, threads=threads, batch_tokens=tokens,
        )  # fmt: skip

    return Candidate(name, precision == "fp32", opened, place, batches=loaded.kind == "pooled")


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
        "torch bf16", False, lambda _threads, _tokens: _Cast(model.predictor), why_not=_("run it under torch.autocast yourself")
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
    return Candidate(f"{other.identity['steps'][-1]['name']} ({folder.name})", False,
                     lambda _threads, _tokens: other.predictor, other.folder)  # fmt: skip
