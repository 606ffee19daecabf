"""Weights in 16 bits: rounded in memory, and kept so in the files that a format wrote; and what of a folder is held how.

A folder of rounded weights computes in float32, for its ``config.json`` says so: every standard library then gives the same
answers on every processor, and whoever has fast bf16 asks for it (``from_pretrained(folder, dtype="bfloat16")``).

Source: Kalamkar et al. 2019, "A study of BFLOAT16 for deep learning training"; IEEE 754-2019 (binary16).
Relations: :mod:`hasei.engine.quantised` holds linear layers in 4 or 8 bits.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import torch
from torch import nn

from hasei.ground.errors import BaseError, NotSupported
from hasei.ground.files import new_file, write_json

Kind = Literal["bf16", "fp16"]
FILE = "rounding.json"
_BYTES = {"f32": 4, "f16": 2, "i8": 1, "u8": 1}
_MATRIX = 1 << 10
"""Numbers of a constant that is no bias and no scale."""
_SCALES = ("scale", "zero_point")
_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def rounded(model: nn.Module, kind: Kind) -> nn.Module:
    """Return a copy of *model* with all its numbers rounded to *kind*, held and computing in float32; ties stay ties.

    Raises NotSupported where a number is too large for *kind* (fp16 ends at 65,504).
    """
    replaced: dict[int, Any] = {}
    for name, parameter in model.named_parameters():
        if parameter.dtype not in (torch.float32, *_TYPES.values()):
            raise NotSupported(
                "a model that is quantised already can't be rounded", received=f"{name}: {parameter.dtype}"
            )
        narrow = parameter.detach().to(_TYPES[kind]).float()
        if not torch.isfinite(narrow).all():
            raise NotSupported(
                f"'{name}' has numbers that {kind} does not reach", expected="at most 65,504",
                received=f"{float(parameter.detach().abs().max()):,.0f}", do="use kind: bf16",
            )  # fmt: skip
        replaced[id(parameter)] = nn.Parameter(narrow, requires_grad=False)
    return copy.deepcopy(model, replaced)


def narrow(folder: Path, kind: Kind) -> None:
    """Keep in *kind* all tensors of the model's own weight files in *folder* that are exact in it; nothing else changes."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    for path in sorted(folder.glob("model*.safetensors")):
        with safe_open(path, framework="pt") as file:
            said = file.metadata()
            tensors = {name: _narrow(file.get_tensor(name), kind) for name in file.keys()}  # noqa: SIM118
        with new_file(path) as temporary:
            save_file(tensors, temporary, metadata=said)


def _narrow(tensor: torch.Tensor, kind: Kind) -> torch.Tensor:
    if tensor.dtype != torch.float32:
        return tensor
    there = tensor.to(_TYPES[kind])
    return there if torch.equal(there.float(), tensor) else tensor


def state(folder: Path, said: Mapping[str, Any]) -> None:
    """Write ``rounding.json`` into *folder*: *said*, how the weights are held, and what of them is."""
    write_json(folder / FILE, {**said, **held(folder)})


def held(folder: Path) -> dict[str, Any]:
    """Return, as the files in *folder* have it, the ``share`` of its weights that are held in at most 16 bits, and ``whole``:
    the names of the matrices that are not. Tensors that say how others are rounded (``NAME.weight.absmax``) count as none.
    """
    from safetensors import safe_open

    narrow, total, whole = 0, 0, []
    for path in sorted(folder.rglob("*.safetensors")):
        with safe_open(path, framework="np") as file:
            for name in file.keys():  # noqa: SIM118
                part = file.get_slice(name)
                if ".weight." in name:
                    continue
                size, kind = math.prod(part.get_shape()), part.get_dtype()
                size *= 2 if kind == "U8" else 1  # two weights of 4 bits in a byte
                total += size
                if kind in ("BF16", "F16", "U8"):
                    narrow += size
                elif len(part.get_shape()) > 1:
                    whole.append(f"{path.relative_to(folder).as_posix()}: {name}")
    graph = folder / "model.onnx"
    if graph.is_file():
        for name, kind, shape in _initializers(graph):
            total += math.prod(shape)
            if kind in ("INT8", "UINT8", "FLOAT16"):
                narrow += math.prod(shape)
            elif len(shape) > 1:
                whole.append(f"{graph.name}: {name}")
    drawn = folder / "openvino_model.xml"
    if drawn.is_file():
        for name, kind, size in _constants(drawn):
            total += size
            narrow += size * (kind != "f32")
            whole += [f"{drawn.name}: {name}"] * (kind == "f32" and size >= _MATRIX)
    return {"share": round(narrow / max(1, total), 4), "whole": whole}


def _constants(path: Path) -> list[tuple[str, str, int]]:
    """The name, type and count of every constant of OpenVINO's model at *path* that holds weights."""
    tree = ElementTree.parse(path)
    layers = [(one.get("name", ""), one.find("data")) for one in tree.iter("layer") if one.get("type") == "Const"]
    found = [(n, d.get("element_type", ""), int(d.get("size", "0"))) for n, d in layers if d is not None]
    return [(n, k, size // _BYTES[k]) for n, k, size in found if k in _BYTES]


def _initializers(path: Path) -> list[tuple[str, str, list[int]]]:
    """The name, type and shape of every tensor of the graph at *path* that holds weights: no scales, no places."""
    import onnx

    kinds = onnx.TensorProto.DataType
    found = [(t.name, kinds.Name(t.data_type), list(t.dims)) for t in onnx.load(path).graph.initializer]
    return [(n, k, s) for n, k, s in found if k in ("FLOAT", "FLOAT16", "INT8", "UINT8") and not n.endswith(_SCALES)]


def read(folder: Path) -> dict[str, Any] | None:
    """Return ``rounding.json`` of *folder*, None where its weights are not rounded; raises BaseError where it is damaged."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text("utf-8"))
        if not isinstance(found, dict) or not isinstance(found.get("bits"), int):
            raise ValueError("it does not say in how many bits")
    except (OSError, ValueError) as error:
        raise BaseError(f"the model folder '{folder.name}' has no sound '{FILE}'", do="derive it again") from error
    return found


__all__ = ["FILE", "Kind", "held", "narrow", "read", "rounded", "state"]
