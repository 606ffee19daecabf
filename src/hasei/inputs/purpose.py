"""What success means to the user: the goal, the prices, the smallest gain worth having.

Everything has a default, and everything is fixed before the confirm rows are opened. Nonsense is refused at once, in
one line (:class:`~hasei.ground.errors.RecipeError`), wherever it comes from: ``hasei.yaml``, the command line or
Python.

>>> Purpose(goal={"metric": "accuracy", "at_least": "92%"}).goal.at_least
0.92
>>> parse_at_least("accuracy=0.92")
('accuracy', 0.92)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from hasei.ground.errors import RecipeError, nearest

Bounds: TypeAlias = Mapping[str, tuple[float, float]]
"""Range of each metric by its name, (0, 1) for a share."""


def _share(value: Any) -> Any:
    """Read ``"92%"`` as 0.92 and ``"0.92"`` as 0.92; leave everything else as it is."""
    if not isinstance(value, str):
        return value
    text = value.strip().replace("％", "%")
    try:
        # Rounded: 92 / 100 and 0.92 must be one number, or the same goal would have two hashes.
        return round(float(text.removesuffix("%")) / 100, 12) if text.endswith("%") else float(text)
    except ValueError:
        return value


Share = Annotated[float, BeforeValidator(_share)]
Positive = Annotated[float, Field(gt=0)]


class _Wish(BaseModel):
    """A part of the purpose: frozen, strict, no unknown keys, no NaN; errors are one line."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="wrap")
    @classmethod
    def _one_line(cls, values: Any, handler: Any) -> Self:
        try:
            return handler(values)  # type: ignore[no-any-return]
        except ValidationError as error:
            raise _refusal(cls, error.errors()[0]) from error


def _refusal(model: type[BaseModel], error: ErrorDetails) -> RecipeError:
    """Say the first thing that is wrong with a part of the purpose."""
    name = ".".join(str(part) for part in error["loc"])
    where = f"{model.__name__.lower()}{'.' + name if name else ''}"
    if error["type"] == "extra_forbidden":
        return RecipeError(f"there is no setting '{where}'", do=nearest(name, model.model_fields))
    wanted = error["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return RecipeError(f"'{where}' is not valid", expected=wanted, received=repr(error["input"]))


class Prices(_Wish):
    """What things cost, in one currency; what is None is left out of the reckoning.

    *currency* any code of three letters. *cpu_hour* an hour of the machine: 0.10 USD is about what clouds ask for two
    virtual processors with 8 GB on demand. *labour_hour* an hour of the people who label and maintain: 40 USD is of the
    order of what an hour of office work costs an employer; None in any other currency. *predictions_per_month* and
    *cost_of_an_error* have no default, for nobody can guess them; given both, they set the smallest gain worth having.
    """

    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    cpu_hour: Annotated[float, Field(ge=0)] = 0.10
    labour_hour: Annotated[float, Field(ge=0)] | None = None
    predictions_per_month: Positive | None = None
    cost_of_an_error: Positive | None = None

    @model_validator(mode="before")
    @classmethod
    def _in_one_currency(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        code = values.get("currency", "USD")
        code = code.upper() if isinstance(code, str) else code
        if code == "USD":
            return {"labour_hour": 40.0, **values, "currency": code}
        if isinstance(code, str) and len(code) == 3 and code.isalpha() and "cpu_hour" not in values:
            raise RecipeError(
                f"prices in {code} need 'cpu_hour'", expected=f"what an hour of the machine costs in {code}",
                do="add cpu_hour beside currency (the default, 0.10, is in USD)",
            )  # fmt: skip
        return {**values, "currency": code}

    def breakeven_gain(self, extra_cost_per_month: float) -> float | None:
        """Return the gain, a share of right answers, that pays *extra_cost_per_month*; None without the prices for it.

        Never negative: a candidate that is cheaper than what it replaces pays at no gain at all.
        """
        if self.predictions_per_month is None or self.cost_of_an_error is None:
            return None
        return max(0.0, extra_cost_per_month) / (self.predictions_per_month * self.cost_of_an_error)


class Goal(_Wish):
    """What the model must reach; what is None is not asked for.

    *metric* a name of the task's metrics (None: the task's default). *at_least* the KPI, in the metric's unit: 0.92 or
    "92%"; for a metric where less is better, the most it may be. *latency_p95_ms* milliseconds for one row, 95th
    percentile. *size_mb* megabytes on disk. *today* the column with the answers of today's process, a cheap truth to
    beat.
    """

    metric: str | None = None
    at_least: Share | None = None
    latency_p95_ms: Positive | None = None
    size_mb: Positive | None = None
    today: str | None = None

    def checked(self, bounds: Bounds) -> Goal:
        """Return this goal if its metric is one of *bounds* and its KPI within the metric's range, else raise."""
        if self.metric is not None:
            _check_metric(self.metric, bounds)
            if self.at_least is not None:
                _check_range(self.metric, self.at_least, bounds)
        return self


class Purpose(_Wish):
    """The goal, the prices and *smallest_gain*, the least improvement worth having (0.01: one point of a share)."""

    goal: Goal = Goal()
    prices: Prices = Prices()
    smallest_gain: Annotated[Share, Field(ge=0)] = 0.01

    def delta(self, extra_cost_per_month: float = 0.0) -> float:
        """Return the smallest gain worth having, in the unit of the metric.

        The break-even gain where the prices tell it (see :meth:`Prices.breakeven_gain`), else *smallest_gain*; the
        larger of the two where the user has set *smallest_gain* as well. *extra_cost_per_month* is what the candidate
        costs more than the reference, in the currency of the prices.
        """
        breakeven = self.prices.breakeven_gain(extra_cost_per_month)
        if breakeven is None:
            return self.smallest_gain
        return max(breakeven, self.smallest_gain) if "smallest_gain" in self.model_fields_set else breakeven


def parse_at_least(text: str, bounds: Bounds | None = None) -> tuple[str, float]:
    """Read a KPI as written on the command line, ``accuracy=0.92`` or ``accuracy=92%``.

    *bounds* gives the ranges of the metrics that there are; without it names and ranges are not checked.
    Raises RecipeError.
    """
    name, equals, number = (part.strip() for part in text.partition("="))
    value = _share(number)
    if not (name and equals) or not isinstance(value, float) or not math.isfinite(value):
        raise RecipeError(
            "the goal can't be read", expected="metric=value, e.g. accuracy=0.92 or accuracy=92%", received=f"'{text}'"
        )
    if bounds is not None:
        _check_metric(name, bounds)
        _check_range(name, value, bounds)
    return name, value


def _check_metric(name: str, bounds: Bounds) -> None:
    if name not in bounds:
        raise RecipeError(f"there is no metric called '{name}'", do=nearest(name, bounds))


def _check_range(name: str, value: float, bounds: Bounds) -> None:
    least, most = bounds[name]
    if least <= value <= most:
        return
    meant = f"if you mean {value:g} %, write {value / 100:g} or {value:g}%" if most == 1 < value <= 100 else ""
    raise RecipeError(
        f"a goal for {name} of {value:g} is out of range",
        expected=f"{least:g} to {most:g}",
        received=f"{value:g}",
        do=meant,
    )
