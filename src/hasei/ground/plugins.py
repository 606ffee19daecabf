"""Finds one-file plug-ins by file name and reads their docstrings without importing them.

A method is a file in ``methods/``, a task a file in ``tasks/``, a cheap truth a file in ``baselines/``, a folder format
a file in ``formats/``, a check of the data a file in ``judge/checks/``. The file name is the plug-in's name everywhere.
Files that start with an underscore are shared bodies. Further folders can be added with :func:`extra` (tests) and are
searched after the package's own.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from hasei.ground.errors import RecipeError, nearest

_EXTRA: dict[str, list[Path]] = {}


def _folders(kind: str) -> list[Path]:
    return [Path(__file__).parent.parent / kind, *_EXTRA.get(kind, [])]


def names(kind: str) -> list[str]:
    """Return the sorted names of the plug-ins of *kind* (``"methods"``, ``"tasks"``, ``"baselines"``, ``"formats"``)."""
    found = {p.stem for folder in _folders(kind) for p in folder.glob("*.py") if not p.stem.startswith("_")}
    return sorted(found)


def summary(kind: str, name: str) -> str:
    """Return the first line of a plug-in's docstring, without importing it."""
    path = _path(kind, name)
    doc = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return doc.splitlines()[0] if doc else ""


def docstring(kind: str, name: str) -> str:
    """Return a plug-in's whole docstring, without importing it."""
    return ast.get_docstring(ast.parse(_path(kind, name).read_text("utf-8"))) or ""


def load(kind: str, name: str) -> ModuleType:
    """Import and return the plug-in *name*; raises :class:`RecipeError` with a suggestion when there is none."""
    path = _path(kind, name)
    if path.parent == _folders(kind)[0]:
        return importlib.import_module(f"hasei.{kind.replace('/', '.')}.{name}")
    full = f"hasei_extra.{kind}.{name}"
    if full in sys.modules:
        return sys.modules[full]
    spec = importlib.util.spec_from_file_location(full, path)
    if spec is None or spec.loader is None:
        raise RecipeError(f"the file {path.name} can't be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[full] = module
    spec.loader.exec_module(module)
    return module


def _path(kind: str, name: str) -> Path:
    # Names also come out of model folders that others made: one with a path in it would run a file of theirs.
    if isinstance(name, str) and name.isidentifier() and not name.startswith("_"):
        for folder in _folders(kind):
            if (folder / f"{name}.py").is_file():
                return folder / f"{name}.py"
    raise RecipeError(
        f"there is no {kind.rpartition('/')[2].removesuffix('s')} called '{name}'", do=nearest(str(name), names(kind))
    )


@contextlib.contextmanager
def extra(kind: str, folder: Path) -> Iterator[None]:
    """Also find plug-ins of *kind* in *folder* for the length of a ``with`` block."""
    _EXTRA.setdefault(kind, []).append(folder)
    try:
        yield
    finally:
        _EXTRA[kind].remove(folder)
        for path in folder.glob("*.py"):
            sys.modules.pop(f"hasei_extra.{kind}.{path.stem}", None)
