"""What a model can be exported to: each target makes the files of a new folder, and says in which format they are read.

``onnx`` and ``openvino`` are run by another engine; ``safetensors`` is the same folder with its weights at another precision, or
an adapter merged into its base.
``static`` and ``gguf`` are said why not, in one line.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hasei.deliver.whole import is_adapter, whole
from hasei.derive.derived import DerivedModel
from hasei.engine import exported, runtimes
from hasei.ground import lineage, plugins
from hasei.ground.errors import NotSupported, RecipeError, nearest
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Input

ENGINES = {"onnx": "onnxruntime", "openvino": "openvino"}
"""Targets that are formats of another engine, which is named as in :mod:`hasei.engine.runtimes`."""
_WEIGHTS = "model.safetensors"
_OURS = (lineage.FILE, "README.md", "labels.json")


@dataclass(frozen=True)
class Target:
    """One target: its *precisions*, the first the usual one; *refuse* raises where a model can't go there; *make* writes it.

    ``make(model, precision, folder, calibration)`` returns the format in which the files that it wrote are read.
    """

    precisions: tuple[str, ...]
    refuse: Callable[[DerivedModel, str], None]
    make: Callable[[DerivedModel, str, Path, Sequence[Input]], str]


def target(name: str, precision: str) -> tuple[Target, str]:
    """Return the target *name* and the precision meant (*precision*, or its usual one); raises RecipeError for unknown ones."""
    if name not in TARGETS:
        raise RecipeError(f"a model can't be exported to '{name}'", do=nearest(name, TARGETS))
    found = TARGETS[name]
    chosen = precision or found.precisions[0]
    if chosen not in found.precisions:
        raise RecipeError(
            f"{name} has no precision '{chosen}'", expected=" or ".join(found.precisions), received=f"'{chosen}'",
            do="choose another --precision",
        )  # fmt: skip
    return found, chosen


def _need(name: str) -> Callable[[DerivedModel, str], None]:
    def refuse(model: DerivedModel, precision: str) -> None:
        runtimes.need(ENGINES[name])
        runtimes.package("onnx", "onnx")
        if precision == "int8" and name == "openvino":
            runtimes.package("nncf", "openvino")

    return refuse


def _engine(name: str) -> Callable[[DerivedModel, str, Path, Sequence[Input]], str]:
    def make(model: DerivedModel, precision: str, folder: Path, calibration: Sequence[Input]) -> str:
        texts = sum(column.kind == "input" for column in model.task.columns)
        made = exported.exported(
            model.predictor, ENGINES[name], precision, calibration=calibration, texts=min(texts, 2)
        )
        form: Any = plugins.load("formats", name)
        form.save(made, folder, Base(model.folder.name, model.folder))
        return name

    return make


def _refuse_cast(model: DerivedModel, precision: str) -> None:
    if is_adapter(model):
        whole(model)
        return
    config = _config(model.folder)
    if not (model.folder / _WEIGHTS).is_file() or "model_type" not in config:
        raise NotSupported(
            f"a model of the format {model.identity['format']} has no weights to write at another precision",
            expected=f"a folder with {_WEIGHTS} and the config.json of a transformer", do="run it as it is",
        )  # fmt: skip
    if config.get("quantization_config"):
        raise NotSupported(
            "this model is quantised already",
            expected="a model in fp32",
            do="start from the model that it was made from",
        )
    if _held(model.folder / _WEIGHTS) == {precision}:
        raise NotSupported(f"the weights of this model are in {precision} already", do="choose another --precision")


def _cast(model: DerivedModel, precision: str, folder: Path, calibration: Sequence[Input]) -> str:
    """Copy the folder with the weights of its transformer at *precision*; the head stays in fp32, and so do the sums.

    An adapter is merged into its base first. Libraries read in ``config.json`` in which type to compute: it still says float32.
    """
    import torch
    from safetensors.torch import load_file, save_file

    name = str(model.identity["format"])
    if is_adapter(model):
        predictor, name = whole(model)
        form: Any = plugins.load("formats", name)
        form.save(predictor, folder, model.open_base())
    else:
        shutil.copytree(model.folder, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_OURS))
    kind = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[precision]
    largest = torch.finfo(kind).max
    tensors = {
        name: value.clamp(-largest, largest).to(kind) if value.is_floating_point() else value
        for name, value in load_file(folder / _WEIGHTS).items()
    }
    save_file(tensors, folder / _WEIGHTS, metadata={"format": "pt"})
    return name


def _held(path: Path) -> set[str]:
    """Return the precisions in which the file of weights *path* holds its numbers."""
    from safetensors import safe_open

    said = {"F32": "fp32", "F16": "fp16", "BF16": "bf16"}
    with safe_open(path, "np") as file:
        kinds = {str(file.get_slice(name).get_dtype()) for name in file.keys()}  # noqa: SIM118
    return {said[kind] for kind in kinds & set(said)}


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def _no_static(model: DerivedModel, precision: str) -> None:
    raise NotSupported(
        "a static model is another model, learnt from this one, not another file of it",
        do="derive one by the method distillation (hasei methods distillation)",
    )


def _no_gguf(model: DerivedModel, precision: str) -> None:
    if model.task.target_kind not in ("text", "likelihood"):
        raise NotSupported(
            "GGUF holds language models that write", received=f"a model for {model.task.name}", do="export it to onnx"
        )
    raise NotSupported(
        "GGUF is not written here: no package of the Python index converts models as llama.cpp itself does",
        do=f"run llama.cpp's own convert_hf_to_gguf.py on '{model.folder.name}'",
    )


def _none(model: DerivedModel, precision: str, folder: Path, calibration: Sequence[Input]) -> str:
    raise NotSupported("nothing can be written for this target")


TARGETS: dict[str, Target] = {
    **{name: Target(exported.PRECISIONS, _need(name), _engine(name)) for name in ENGINES},
    "safetensors": Target(("fp16", "bf16", "fp32"), _refuse_cast, _cast),
    "static": Target(("fp32",), _no_static, _none),
    "gguf": Target(("fp32", "fp16", "bf16", "int8"), _no_gguf, _none),
}
