"""Reading and writing the files that several folder formats share, with one-line errors for damaged ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hasei.ground import files
from hasei.ground.errors import BaseError
from hasei.tasks import Array

_DO = "derive or download the model again"


def write_tensors(path: Path, tensors: dict[str, Array]) -> None:
    """Write arrays as safetensors, atomically; equal arrays give equal bytes."""
    from safetensors.numpy import save

    content = save({name: np.ascontiguousarray(tensors[name]) for name in sorted(tensors)})
    with files.new_file(path) as temporary:
        temporary.write_bytes(content)


def read_tensors(path: Path, names: tuple[str, ...]) -> dict[str, Array]:
    """Read float32 arrays; raises :class:`BaseError` when the file is missing or damaged, or lacks one of *names*."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors: dict[str, Array] = load(read_bytes(path))
    except SafetensorError as error:
        raise BaseError(f"'{path.name}' is damaged or cut short ({error})", do=_DO) from error
    for name in names:
        if name not in tensors or tensors[name].dtype != np.float32:
            raise BaseError(
                f"'{path.name}' does not hold this model",
                expected=f"a float32 tensor '{name}'",
                received=", ".join(sorted(tensors)) or "no tensors",
                do=_DO,
            )
    return tensors


def read_bytes(path: Path) -> bytes:
    """Read a whole file; raises :class:`BaseError` when there is none."""
    if not path.is_file():
        raise BaseError(f"the model folder lacks '{path.name}'", expected=f"a file '{path}'", do=_DO)
    return path.read_bytes()
