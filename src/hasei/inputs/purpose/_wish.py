"""What every part of the purpose shares: frozen, strict, no unknown keys, errors of one line; shares as people write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from hasei.ground.errors import RecipeError, nearest

Bounds: TypeAlias = Mapping[str, tuple[float, float]]
"""Range of each metric by its name, (0, 1) for a share."""


def as_share(value: Any) -> Any:
    """Read ``"92%"`` as 0.92 and ``"0.92"`` as 0.92; leave everything else as it is."""
    if not isinstance(value, str):
        return value
    text = value.strip().replace("％", "%")
    try:
        # Rounded: 92 / 100 and 0.92 must be one number, or the same goal would have two hashes.
        return round(float(text.removesuffix("%")) / 100, 12) if text.endswith("%") else float(text)
    except ValueError:
        return value


Share = Annotated[float, BeforeValidator(as_share)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class Wish(BaseModel):
    """A part of the purpose: frozen, strict, no unknown keys, no NaN; errors are one line."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    where: ClassVar[str] = ""
    """How ``hasei.yaml`` calls this part; "": as the class."""

    @model_validator(mode="wrap")
    @classmethod
    def _one_line(cls, values: Any, handler: Any) -> Self:
        try:
            return handler(values)  # type: ignore[no-any-return]
        except ValidationError as error:
            raise _refusal(cls, error.errors()[0]) from error


def _refusal(model: type[Wish], error: ErrorDetails) -> RecipeError:
    """Say the first thing that is wrong with a part of the purpose."""
    name = ".".join(str(part) for part in error["loc"])
    part = model.where or model.__name__.lower()
    where = f"{part}{'.' + name if name else ''}"
    if error["type"] == "extra_forbidden":
        return RecipeError(f"there is no setting '{where}'", do=nearest(name, model.model_fields))
    wanted = error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return RecipeError(f"'{where}' is not valid", expected=wanted, received=repr(error["input"]))


def check_range(name: str, value: float, bounds: Bounds, what: str = "a goal for") -> None:
    """Refuse a *value* outside the range of the metric *name*, which must be one of *bounds*."""
    least, most = bounds[name]
    if least <= value <= most:
        return
    meant = f"if you mean {value:g} %, write {value / 100:g} or {value:g}%" if most == 1 < value <= 100 else ""
    raise RecipeError(
        f"{what} {name} of {value:g} is out of range",
        expected=f"{least:g} to {most:g}",
        received=f"{value:g}",
        do=meant,
    )
