"""What a method that makes models smaller starts from: a model that already answers the task.

That is the base itself where its folder is such a model (the step before in a chain, or ``--base`` a folder that hasei made),
else what the member *of* derives from the same rows; where none is named, ``feature_extraction``, or the first other where
that can't be used for the task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hasei.engine.derivation import Context, Facts, Predictor
from hasei.ground import lineage, plugins
from hasei.ground.errors import NotSupported
from hasei.inputs.base import Base
from hasei.methods._members import Member, check_members, effort_of, members_of
from hasei.tasks._spaces import space_to_json

_DEFAULTS = ("feature_extraction", "full_fine_tuning", "contrastive_tuning")


@dataclass(frozen=True)
class Finished:
    """A model that answers the task: its *predictor*, its *format*, the base whose tokenizer it reads by.

    *of* is what derived it, with every choice made; None where it is the base itself. *trained*: how many numbers that trained.
    """

    predictor: Predictor
    format: str
    base: Base
    of: Member | None
    trained: int = 0


def finished(context: Context, of: Member | None, name: str) -> Finished:
    """Return the model that *name* starts from.

    Raises NotSupported where the base was derived for something else, or none can be derived for the task.
    """
    found = opened(context, name) if of is None else None
    if found is not None:
        return found
    ((kind, plugin, settings),) = members(of, name, context.task.target_kind)
    plugin.SUPPORTS.refuse(kind, context.task)
    done = plugin.derive(context, settings)
    frozen: Member = {kind: done.frozen.model_dump(mode="json")}
    return Finished(done.predictor, done.format, context.trunk.base, frozen, done.trainable_parameters)


def opened(context: Context, name: str) -> Finished | None:
    """Return the base as the model that it is, None where it has not been derived by hasei.

    Raises NotSupported where it was derived for another task or for other answers.
    """
    base = context.trunk.base
    if not (base.folder / lineage.FILE).is_file():
        return None
    identity = lineage.read(base.folder)["identity"]
    wanted = {"task": context.task.name, "answers": _answers(space_to_json(context.space))}
    given = {"task": identity["task"], "answers": _answers(identity["space"])}
    for what, expected in wanted.items():
        if given[what] != expected:
            raise NotSupported(
                f"'{name}' can't start from '{base.folder.name}', which was derived for another {what.rstrip('s')}",
                expected=_short(expected), received=_short(given[what]),
                do="give rows of the same task with the same answers, or name a method to start from with 'of'",
            )  # fmt: skip
    form: Any = plugins.load("formats", identity["format"])
    return Finished(form.load(base.folder, lambda: base), identity["format"], base, None)


def members(of: Member | None, name: str, target: str = "") -> list[tuple[str, Any, Any]]:
    """Return (name, plug-in, settings) of what *of* derives for a kind of *target*; raises RecipeError for an unknown one."""
    return members_of(
        [_default(target) if of is None else of], {name: f"'{name}' can't start from another '{name}' here"}
    )


def effort_before(of: Member | None, facts: Facts, name: str) -> float:
    """Forward passes of the base per row that deriving *of* costs."""
    return effort_of(members(of, name, facts.target), facts)


def check_before(of: Member | None, layers: int, name: str) -> None:
    """Raise NotSupported where *of* can't be derived from a base of *layers* layers."""
    check_members(members(of, name), layers)


def _default(target: str) -> str:
    fit = (one for one in _DEFAULTS if target in plugins.load("methods", one).SUPPORTS.targets)
    return next(fit, _DEFAULTS[0])


def _answers(space: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in space.items() if key != "scope"}  # of which the threshold is measured later


def _short(value: Any) -> str:
    names = value.get("names") if isinstance(value, dict) else None
    if not names:
        return str(value)
    return f"{len(names)} answers ({', '.join(map(str, names[:3]))}{', ...' if len(names) > 3 else ''})"
