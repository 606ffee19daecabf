"""Methods with settings of their own inside another method's settings: what an ensemble joins and a merge makes one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from hasei.engine.derivation import Facts, Settings
from hasei.ground import plugins
from hasei.ground.errors import NotSupported, RecipeError
from hasei.ground.settings import build

Member: TypeAlias = str | dict[str, dict[str, Any]]


def members_of(members: Sequence[Member], refused: Mapping[str, str]) -> list[tuple[str, Any, Settings]]:
    """Return (name, plug-in, settings) of every member; raises RecipeError for an unknown name or setting.

    *refused* names methods that can't be members, and says why (NotSupported).
    """
    found = []
    for member in members:
        name, plugin, settings = read_member(member)
        if name in refused:
            raise NotSupported(refused[name], do="name its members here")
        found.append((name, plugin, settings))
    return found


def read_member(member: Member) -> tuple[str, Any, Settings]:
    """Return (name, plug-in, settings) of one method or cheap truth; raises RecipeError where it is none or more than one."""
    if isinstance(member, Mapping) and len(member) != 1:
        raise RecipeError(
            "it can't be told which method is meant", expected="a name or {name: settings}", received=repr(member)
        )
    name, given = next(iter(member.items())) if isinstance(member, Mapping) else (member, {})
    plugin: Any = plugins.load("baselines" if name in plugins.names("baselines") else "methods", name)
    return name, plugin, build(plugin.Params, given or {}, f"method '{name}'")


def effort_of(members: Sequence[tuple[str, Any, Settings]], facts: Facts) -> float:
    """Forward passes of the base per row that all *members* cost."""
    found = 0.0
    for _name, plugin, settings in members:
        of_one = getattr(plugin, "effort", None)
        found += of_one(settings, facts) if of_one else 0.0
    return found


def check_members(members: Sequence[tuple[str, Any, Settings]], layers: int) -> None:
    """Raise NotSupported where a member can't be derived from a base of *layers* layers."""
    for _name, plugin, settings in members:
        of_one = getattr(plugin, "check", None)
        if of_one:
            of_one(settings, layers)
