"""A method that another one names to go on with: read, checked and refused before anything runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hasei.engine.derivation import Settings
from hasei.ground import plugins
from hasei.ground.errors import NotSupported, RecipeError
from hasei.methods._members import Member, read_member
from hasei.tasks import Task


def read_method(named: Member, by: str) -> tuple[str, Any, Settings]:
    """Return (name, plug-in, settings) of the method that the method *by* names.

    Raises RecipeError for an unknown name or setting or a cheap truth, NotSupported where it is *by* itself.
    """
    name, plugin, settings = read_member(named)
    if name == by:
        raise NotSupported(f"'{by}' can't go on with itself", do="name another method under then")
    if name in plugins.names("baselines"):
        raise RecipeError(
            f"'{name}' is a cheap truth, which derives nothing from a base", do="name a method under then"
        )
    return name, plugin, settings


def first_possible(names: Sequence[str], task: Task) -> str:
    """Return the first of *names* that can be used for *task*, else the first."""
    return next((name for name in names if plugins.load("methods", name).SUPPORTS.admits(task)), names[0])
