"""What to do, in words that can be kept: bases, task, data roles, steps. YAML in, canonical hash out.

A recipe is written as ``feature_extraction``, ``{lora: {rank: 8}}``, or a list of those (a chain).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hasei.engine.derivation import Plugin, Settings
from hasei.ground import plugins
from hasei.ground.errors import RecipeError, nearest
from hasei.ground.files import hash_json
from hasei.ground.settings import build

KINDS = ("methods", "baselines")
_SHOWN = 8


@dataclass(frozen=True)
class Step:
    """One derivation: the plug-in's name, where it lies (``methods`` or ``baselines``), and its settings."""

    name: str
    kind: str
    params: Settings

    @property
    def plugin(self) -> Plugin:
        """The plug-in's module."""
        return plugins.load(self.kind, self.name)

    def to_json(self) -> dict[str, Any]:
        """Return name and settings as plain JSON."""
        return {"name": self.name, "params": self.params.model_dump(mode="json")}

    @property
    def label(self) -> str:
        """The name with the settings that differ from the defaults, for tables."""
        differs = _differing(self.params.model_dump(), self.plugin.Params().model_dump())
        return f"{self.name} ({_said(differs)})" if differs else self.name


def _differing(values: dict[str, Any], default: dict[str, Any]) -> dict[str, Any]:
    """Return those of *values* that are not as by *default*, groups of settings with only what differs in them."""
    found = {}
    for key, value in values.items():
        if value != default.get(key):
            own = isinstance(value, dict) and isinstance(default.get(key), dict)
            found[key] = _differing(value, default[key]) if own else value
    return found


def _said(value: Any) -> str:
    """Return a setting as a table shows it: what is several joined by +, what has settings of its own with them."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list):
        return " + ".join(
            [*map(_said, value[:_SHOWN]), *([f"{len(value) - _SHOWN} more"] if len(value) > _SHOWN else [])]
        )
    if not isinstance(value, dict):
        return str(value)
    shown = [(k, _said(v), isinstance(v, dict)) for k, v in value.items()]
    return ", ".join((f"{k} ({v})" if nested else f"{k} {v}") if v else str(k) for k, v, nested in shown)


@dataclass(frozen=True)
class Recipe:
    """Bases (content hashes), task, data (fingerprint and roles) and steps; the seed is no part of it."""

    bases: tuple[str, ...]
    task: str
    data: dict[str, Any]
    steps: tuple[Step, ...]

    @property
    def recipe_id(self) -> str:
        """Hash of everything but budget and seed (16 hex digits)."""
        return hash_json({
            "bases": list(self.bases), "task": self.task, "data": self.data, "steps": [s.to_json() for s in self.steps],
        })[:16]  # fmt: skip

    def trial_id(self, seed: int) -> str:
        """Hash of the recipe and the seed (16 hex digits)."""
        return hash_json({"recipe": self.recipe_id, "seed": seed})[:16]


def make_step(name: str, params: dict[str, Any] | None = None) -> Step:
    """Return the step *name* with its settings checked; raises RecipeError with a suggestion."""
    kind = next((k for k in KINDS if name in plugins.names(k)), None)
    if kind is None:
        known = [n for k in KINDS for n in plugins.names(k)]
        raise RecipeError(f"there is no method called '{name}'", do=nearest(name, known))
    plugin: Any = plugins.load(kind, name)
    return Step(name, kind, build(plugin.Params, params or {}, f"method '{name}'"))


def read_steps(value: Any) -> tuple[Step, ...]:
    """Read one recipe as it stands in YAML: a name, a name with settings, or a list of those."""
    if isinstance(value, str):
        return (make_step(value),)
    if isinstance(value, dict) and len(value) == 1:
        name, params = next(iter(value.items()))
        if params is not None and not isinstance(params, dict):
            raise RecipeError(f"method '{name}' is wrong", expected="named settings", received=repr(params))
        return (make_step(str(name), params),)
    if isinstance(value, list) and value:
        return tuple(step for part in value for step in read_steps(part))
    raise RecipeError(
        "a recipe is wrong", expected="a method's name, {name: settings} or a list of them", received=repr(value)
    )


def folded(steps: Sequence[Step]) -> Step:
    """Return a chain as one step, for a table in which every row is derived by itself: its ``of`` is what comes before it.

    Raises RecipeError where a step has no such setting: it goes on from a base in a folder, which only ``hasei derive`` makes.
    """
    last = steps[0]
    for step in steps[1:]:
        if getattr(step.params, "of", "") is not None:
            names = " -> ".join(one.name for one in steps)
            raise RecipeError(
                f"the chain {names} can't be part of a study", expected="after the first step only such as have the setting 'of'",
                received=step.name, do="run it with hasei derive",
            )  # fmt: skip
        before = {last.name: last.params.model_dump(mode="json")}
        settings = step.params.model_dump(mode="json") | {"of": before}
        last = Step(step.name, step.kind, build(type(step.params), settings, f"method '{step.name}'"))
    return last


def check_chain(steps: Sequence[Step]) -> None:
    """Raise RecipeError unless each step can take what the one before leaves, before anything runs."""
    for step in steps if len(steps) > 1 else ():
        if step.kind == "baselines":
            raise RecipeError(f"'{step.name}' is a cheap truth and can only stand alone", do="remove it from the chain")
    for step in steps[:-1]:
        left = getattr(step.plugin, "LEAVES", "")
        if left:
            raise RecipeError(
                f"no step can go on from '{step.name}'", expected="a step that leaves a whole base", received=left,
                do="put it last in the chain",
            )  # fmt: skip
