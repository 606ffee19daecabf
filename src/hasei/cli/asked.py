"""Flags and ``hasei.yaml`` become one checked configuration; flags win."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hasei.cli.terminal import say
from hasei.ground.errors import RecipeError

if TYPE_CHECKING:
    from hasei.judge.study.config import Config

FILE = "hasei.yaml"


def overrides(
    *, data: Path | None, test: Path | None = None, text: str | None, label: str | None, parts: Sequence[str] | None,
    group: str | None, where: Sequence[str] | None, licence: str | None, base: str | None, task: str | None,
    seed: int | None, licence_override: str | None = None, at_least: str | None = None, methods: str | None = None,
    budget: str | None = None, slices: Sequence[str] | None = None, time: str | None = None,
    identifier: str | None = None, keep: Path | None = None, out_of_scope: str | None = None,
    corpus: Path | None = None, unlabeled: Path | None = None, stage: str | None = None,
    also: Sequence[str] | None = None, **others: Any,
) -> dict[str, Any]:  # fmt: skip
    """Return the given flags as they would stand in ``hasei.yaml``, *others* at its top; None means not given."""
    from hasei.inputs.purpose import parse_at_least

    goal = dict(zip(("metric", "at_least"), parse_at_least(at_least))) if at_least else {}
    names = tuple(name.strip() for name in (methods or "").split(",") if name.strip())
    return _given({
        "data": {
            "path": _text(data), "test": _text(test), "text": text, "label": label, "map": parts_of(parts),
            "group": group, "where": tuple(where or ()), "licence": licence, "licence_override": licence_override,
            "slices": tuple(slices or ()), "time": time, "id": identifier, "keep": _text(keep),
            "out_of_scope": out_of_scope,
            "corpus": _text(corpus), "unlabeled": _text(unlabeled), "stage": stage, "also": tuple(also or ()),
        },
        "base": base, "task": task, "goal": goal, "recipes": names, "budget": budget, "seed": seed,
        **others,
    })  # fmt: skip


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """Return *values* without what was not given."""
    kept = {k: _given(v) if isinstance(v, dict) else v for k, v in values.items()}
    return {k: v for k, v in kept.items() if v is not None and v != () and v != {}}


def parts_of(given: Sequence[str] | None) -> dict[str, str]:
    """Read ``PART=COL`` as given to ``--map``; raises RecipeError where it is none."""
    found: dict[str, str] = {}
    for text in given or ():
        part, equals, column = (piece.strip() for piece in text.partition("="))
        if not (part and equals and column):
            raise RecipeError("--map can't be read", expected="PART=COLUMN, e.g. text=message", received=f"'{text}'")
        found[part] = column
    return found


def configured(file: Path | None, given: dict[str, Any]) -> Config:
    """Return the configuration of *file* (``--config``) with the flags *given* over it.

    A ``hasei.yaml`` that merely lies in the current folder is not read: a result must not hang on where one stands.
    """
    from hasei.judge.study.config import make_config, merge, read_config

    if file is not None:
        return read_config(file, given)
    if Path(FILE).is_file():
        say(f"note: {FILE} found but not used; give --config {FILE}")
    return make_config(merge({}, given))


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
