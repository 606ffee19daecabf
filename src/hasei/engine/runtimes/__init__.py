"""Engines other than torch that run an exported model: one file = one engine, named with an underscore at its end.

An engine file holds ``PACKAGE`` (what is imported), ``EXTRA`` (the extra of hasei that installs it), ``FILES`` (what it reads)
and ``start(content, threads) -> Session``.

Shapes: a session takes arrays by the names of its inputs (b, t), int64, or (b, c, h, w), float32, and returns its one output.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, cast

from hasei.ground.errors import BaseError, NotSupported, nearest
from hasei.tasks import Array, Floats

Content = Path | Mapping[str, bytes]
"""An exported model: the folder that holds its files, or these by name."""


class Session(Protocol):
    """A model opened in an engine; *inputs* are the names of the arrays that it reads, *threads* how many it uses."""

    inputs: tuple[str, ...]
    threads: int

    def run(self, batch: Mapping[str, Array]) -> Floats:
        """Return the output of *batch*, float32; arrays that the model does not read are passed over."""


def names() -> list[str]:
    """Return the names of the engines, sorted."""
    return sorted(path.stem.removesuffix("_") for path in Path(__file__).parent.glob("*_.py") if path.stem[0] != "_")


def installed(engine: str) -> bool:
    """Whether *engine* can be used here; raises NotSupported for one that is not known."""
    return importlib.util.find_spec(_file(engine).PACKAGE) is not None


def files(engine: str) -> tuple[str, ...]:
    """Return the names of the files that *engine* reads."""
    return tuple(_file(engine).FILES)


def start(engine: str, content: Content, threads: int = 0) -> Session:
    """Open the model *content* in *engine* with *threads* threads (0: as many as torch uses here).

    Raises NotSupported where the engine is unknown or not installed, BaseError where the files are damaged.
    """
    import torch

    need(engine)
    return cast(Session, _file(engine).start(content, threads or torch.get_num_threads()))


def held(content: Content, name: str) -> bytes:
    """Return the file *name* of *content*; raises BaseError where it is missing."""
    if isinstance(content, Path):
        try:
            return (content / name).read_bytes()
        except OSError as error:
            raise BaseError(f"'{content.name}' has no {name}", do="export the model again") from error
    return content[name]


def damaged(content: Content, name: str, error: Exception) -> BaseError:
    """Return what to raise where the file *name* of *content* can't be opened for *error*."""
    said = " ".join(str(error).split())[:200] or type(error).__name__
    where = f" in '{content.name}'" if isinstance(content, Path) else ""
    return BaseError(f"'{name}'{where} can't be opened: {said}", do="export the model again")


def need(engine: str) -> Any:
    """Return the engine's own package, imported; raises NotSupported, saying how to install it, where it is absent."""
    file = _file(engine)
    return package(file.PACKAGE, file.EXTRA)


def package(name: str, extra: str) -> Any:
    """Import the optional package *name*; raises NotSupported, naming the *extra* that brings it, where it is absent."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise NotSupported(
            f"this needs the package {name.partition('.')[0]}, which is not installed",
            do=f"pip install 'hasei[{extra}]'",
        ) from error


def _file(engine: str) -> ModuleType:
    if engine not in names():
        raise NotSupported(f"there is no engine called '{engine}'", do=nearest(engine, names()))
    return importlib.import_module(f"{__name__}.{engine}_")


__all__ = ["Content", "Session", "damaged", "files", "held", "installed", "names", "need", "package", "start"]
