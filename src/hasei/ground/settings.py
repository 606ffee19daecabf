"""Settings given by a person, checked strictly: an unknown key is an error with a suggestion, a wrong value one line."""

from __future__ import annotations

from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from hasei.ground.errors import RecipeError, nearest


class Settings(BaseModel):
    """Base of every group of settings: frozen, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch_as_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse true and false where a number is meant: they would count as 1 and 0."""
        wanted = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and (wanted in (int, float) or {int, float} & set(get_args(wanted))):
            raise ValueError("a number")
        return value


S = TypeVar("S", bound=BaseModel)


def build(kind: type[S], values: Any, where: str) -> S:
    """Return *kind* made of *values*; raises :class:`RecipeError` naming *where* and the first thing wrong."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise _explain(kind, error, where) from error


def _explain(kind: type[BaseModel], error: ValidationError, where: str) -> RecipeError:
    # A misspelt name comes first: it is also why the right one is missing.
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    path = ".".join(str(part) for part in first["loc"] if part != "[key]")
    if first["type"] == "extra_forbidden":
        return RecipeError(
            f"{where} has no setting '{path}'", do=nearest(str(first["loc"][-1]), _known(kind, first["loc"]))
        )
    if first["type"] == "missing":
        return RecipeError(f"{where} lacks the setting '{path}'", do=f"add {path}")
    received = first.get("input")
    if first["type"] == "value_error" and not path:  # settings that do not go together
        return RecipeError(f"{where}: {_expected(first)}")
    shown = repr(received) if isinstance(received, (str, int, float, bool, type(None))) else _named(received)
    return RecipeError(
        f"{where}: '{path}' is wrong" if path else f"{where} is wrong", expected=_expected(first), received=shown,
        do=f"correct {path}",
    )  # fmt: skip


def _expected(error: ErrorDetails) -> str:
    """Say in the words of a settings file what pydantic says in those of Python."""
    if error["type"] in ("tuple_type", "list_type"):
        return "a list"
    if error["type"] in ("model_type", "dict_type"):
        return "named settings"
    if error["type"] == "invalid_key":
        return "a name"
    if error["type"] == "string_type":
        return "text"
    return error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")


def _named(value: Any) -> str:
    return "named settings" if isinstance(value, dict) else "a list" if isinstance(value, (list, tuple)) else str(value)


def _known(kind: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Names of the settings that stand where an unknown one was found."""
    for part in path[:-1]:
        field = kind.model_fields.get(str(part))
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        kind = inner
    return list(kind.model_fields)
