"""Settings given by a person, checked strictly: an unknown key is an error with a suggestion, a wrong value one line."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from hasei.ground.errors import RecipeError, nearest


class Settings(BaseModel):
    """Base of every group of settings: frozen, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


S = TypeVar("S", bound=BaseModel)


def build(kind: type[S], values: Any, where: str) -> S:
    """Return *kind* made of *values*; raises :class:`RecipeError` naming *where* and the first thing wrong."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise _explain(kind, error, where) from error


def _explain(kind: type[BaseModel], error: ValidationError, where: str) -> RecipeError:
    first = error.errors()[0]
    path = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return RecipeError(
            f"{where} has no setting '{path}'", do=nearest(str(first["loc"][-1]), _known(kind, first["loc"]))
        )
    received = first.get("input")
    shown = repr(received) if isinstance(received, (str, int, float, bool, type(None))) else type(received).__name__
    expected = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return RecipeError(
        f"{where}: '{path}' is wrong" if path else f"{where} is wrong", expected=expected, received=shown
    )


def _known(kind: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Names of the settings that stand where an unknown one was found."""
    for part in path[:-1]:
        field = kind.model_fields.get(str(part))
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        kind = inner
    return list(kind.model_fields)
