"""Functions of the user's own that a recipe names by where they are installed: ``package.module:function``.

Only what Python can import is called: a recipe holds a name and never code or the path of a file. What stands there is known by
the hash of the file that it is written in, which a recipe that is kept states too.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hasei.ground.errors import RecipeError, nearest
from hasei.ground.files import hash_file

_NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
SHAPE = "package.module:function"


@dataclass(frozen=True)
class OwnCode:
    """A function of the user's, found: its *name* as given, and the hash of the file it is written in."""

    name: str
    call: Callable[..., Any]
    source: str


def is_name(text: str) -> bool:
    """Whether *text* has the shape ``package.module:function``; a path has not."""
    return _NAME.fullmatch(text) is not None


def find(name: str, what: str, source: str = "") -> OwnCode:
    """Import and return the function *name*, which is *what* (``"the loss"``); *source*, where given, is the hash it must have.

    Raises RecipeError where it can't be imported, can't be called, has no source or another one than before.
    """
    where, _, path = name.partition(":")
    try:
        found: Any = importlib.import_module(where)
    except Exception as error:  # code of others raises what it likes
        raise RecipeError(
            f"{what} '{name}' can't be imported", expected=f"{SHAPE}, of a package that is installed",
            received=f"{type(error).__name__}: {error}", do="install the package, or correct the name",
        ) from error  # fmt: skip
    for part in path.split("."):
        if not hasattr(found, part):
            known = [one for one in dir(found) if not one.startswith("_")]
            raise RecipeError(f"{what} '{name}' does not exist: '{where}' has no '{part}'", do=nearest(part, known))
        found = getattr(found, part)
    if not callable(found):
        raise RecipeError(f"{what} '{name}' can't be called", expected="a function", received=type(found).__name__)
    return OwnCode(name, found, _source(found, name, what, source))


def _source(found: Any, name: str, what: str, stated: str) -> str:
    written = inspect.unwrap(found)
    try:
        hashed = hash_file(Path(inspect.getsourcefile(written if inspect.isroutine(written) else type(written)) or ""))
    except (TypeError, OSError) as error:
        raise RecipeError(
            f"the source of {what} '{name}' can't be read, so that no record could say what it does",
            expected="a function written in Python", do="wrap it in one of your own",
        ) from error  # fmt: skip
    if stated and stated != hashed:
        raise RecipeError(
            f"the code of {what} '{name}' is not that of this recipe", expected=f"source {stated[:12]}",
            received=hashed[:12], do="install the version that was used, or leave 'source' out to use this one",
        )  # fmt: skip
    return hashed
