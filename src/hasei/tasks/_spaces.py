"""A space as plain JSON and back: how what a target can be is kept in model folders."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from hasei.tasks import Scope, Space


def space_from_json(value: dict[str, Any]) -> Space:
    """Return the space that :func:`dataclasses.asdict` and JSON made plain."""
    extra = tuple((str(k), float(v)) for k, v in value.get("extra", ()))
    scope = value.get("scope")
    return Space(int(value["width"]), tuple(value["names"]), extra, None if scope is None else _scope(scope))


def _scope(value: dict[str, Any]) -> Scope:
    found = value["threshold"]
    return Scope(str(value["label"]), None if found is None else float(found))


def space_to_json(space: Space) -> dict[str, Any]:
    """Return *space* as plain JSON; its scope only where it has one."""
    found = asdict(space)
    return json.loads(json.dumps({k: v for k, v in found.items() if k != "scope" or v}))  # type: ignore[no-any-return]
