"""What a model that learns row by row leaves beside its folder, so that the next rows continue exactly where it stands.

One safetensors file: the sums (:class:`hasei.engine.moments.Moments`) in float64, and every choice made. It says of which base,
layer and pooling its features are, so that it is never continued with others.

Shapes: gram (f + 1, f + 1), moment (f + 1, w).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from hasei.engine.moments import Kind, Moments
from hasei.engine.trunk import Trunk
from hasei.ground.errors import BaseError
from hasei.ground.files import canonical_json, hash_file, hash_json
from hasei.inputs import safety

FILE = "online/state.safetensors"
_READS = ("tokenizer.json", "tokenizer.model", "vocab.txt", "vocab.json", "merges.txt", "preprocessor_config.json")


@dataclass(frozen=True)
class OnlineState:
    """The sums and what they are of. *features* identifies what computes the features (:func:`identity_of`), *layer* and
    *pooling* where they are taken; *l2* is the penalty of :meth:`Moments.solve`; *names* and *extra* are those of the space.
    """

    moments: Moments
    kind: Kind
    task: str
    features: str
    layer: int
    pooling: str
    l2: float
    sharpness: float
    forget: float
    names: tuple[str, ...] = ()
    extra: tuple[tuple[str, float], ...] = ()

    def to_bytes(self) -> bytes:
        """Return the file; equal states give equal bytes."""
        from safetensors.numpy import save

        tensors = {"gram": np.ascontiguousarray(self.moments.gram), "moment": np.ascontiguousarray(self.moments.moment)}
        said = {k: v for k, v in vars(self).items() if k != "moments"} | {"absent": self.moments.absent}
        return save(tensors, {"state": canonical_json(said | {"digest": _digest(tensors)})})

    @classmethod
    def read(cls, folder: Path) -> OnlineState | None:
        """Return the state beside the model in *folder*, None where it has none; raises BaseError where it is damaged."""
        path = folder / FILE
        if not path.is_file():
            return None
        try:
            return cls._parsed(path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise BaseError(
                f"the state '{FILE}' in '{folder.name}' is damaged ({error})",
                do="take it from a copy of the folder, or learn anew from all rows",
            ) from error

    @classmethod
    def _parsed(cls, path: Path) -> OnlineState:
        from safetensors import SafetensorError, safe_open

        safety.read_header(path, path.name)
        try:
            with safe_open(path, framework="np") as file:
                said = json.loads((file.metadata() or {})["state"])
                tensors = {name: file.get_tensor(name) for name in ("gram", "moment")}
        except SafetensorError as error:
            raise ValueError(str(error)) from error
        gram, moment = tensors["gram"], tensors["moment"]
        if (
            {gram.dtype, moment.dtype} != {np.dtype(np.float64)}
            or gram.shape != (len(moment), len(moment))
            or moment.ndim != 2
        ):
            raise ValueError("its sums do not fit each other")
        if said.pop("digest") != _digest(tensors):
            raise ValueError("its sums are not those that were written")
        found: dict[str, Any] = {
            **said, "names": tuple(map(str, said["names"])), "extra": tuple((str(k), float(v)) for k, v in said["extra"]),
        }  # fmt: skip
        if found["kind"] not in ("discriminant", "ridge") or moment.shape[1] != (len(found["names"]) or 1):
            raise ValueError("its outputs do not fit its sums")
        return cls(
            Moments(gram, moment, float(found.pop("absent"))), cast(Literal["ridge"], found.pop("kind")), **found
        )

    def refuse_other(self, trunk: Trunk, pooling: str | None = None, layer: int | None = None) -> None:
        """Raise BaseError unless the features of *trunk*, at *layer* and by *pooling* where these are given, are the state's."""
        name = trunk.base.name
        if layer not in (None, self.layer) or trunk.layers != self.layer:
            raise _other(f"layer {layer if trunk.layers == self.layer else trunk.layers}", f"layer {self.layer}", name)
        if pooling not in (None, self.pooling) or trunk.base.pooling != self.pooling:
            given = pooling if trunk.base.pooling == self.pooling else trunk.base.pooling
            raise _other(f"pooling {given}", f"pooling {self.pooling}", name)
        if identity_of(trunk) != self.features:
            raise _other("other weights, or another tokenizer", "the very base", name)


def _other(received: str, expected: str, name: str) -> BaseError:
    return BaseError(
        f"the state beside '{name}' can't be continued: its sums are of other features",
        expected=f"{expected} that it was begun with", received=received,
        do="continue from the folder as it was written, or learn anew from the base and all rows",
    )  # fmt: skip


def identity_of(trunk: Trunk, model: Any = None) -> str:
    """Return what identifies the features that *trunk*, or a shorter *model* of it, computes: weights and how rows are read."""
    weights = hashlib.sha256()
    for name, parameter in sorted((model or trunk.model).named_parameters()):
        weights.update(f"{name}{tuple(parameter.shape)}".encode())
        weights.update(parameter.detach().contiguous().numpy().tobytes())
    folder = trunk.base.folder
    reads = {name: hash_file(folder / name) for name in _READS if (folder / name).is_file()}
    return hash_json({"weights": weights.hexdigest(), "reads": reads})


def _digest(tensors: dict[str, Any]) -> str:
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(np.ascontiguousarray(tensors[name]).tobytes())
    return found.hexdigest()


__all__ = ["FILE", "OnlineState", "identity_of"]
