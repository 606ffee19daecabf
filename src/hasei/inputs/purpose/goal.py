"""What the model must reach, and what answers today.

>>> Goal(today={"accuracy": "81%", "rows": 400}).today.value
0.81
>>> Goal(today="old_answer").today.column
'old_answer'
"""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_serializer, model_validator

from hasei.ground.errors import RecipeError, nearest
from hasei.inputs.purpose._wish import Bounds, Positive, Share, Wish, as_share, check_range

_WAYS = ("column", "rules", "model")
_EXPECTED = "a column's name, or one of {column: NAME}, {rules: FILE.csv}, {model: DIR}, {accuracy: 0.81}"


class Today(Wish):
    """Today's process, in exactly one of four ways.

    *column*: the column that holds its answers. *rules*: a CSV file with the columns pattern and label. *model*: a model
    folder made by hasei. Or the *value* of a *metric*, measured on *rows* rows where that is known (without it the
    figure counts as exact): written as ``{accuracy: 0.81, rows: 400}``.
    """

    where: ClassVar[str] = "goal.today"
    column: str | None = None
    rules: str | None = None
    model: str | None = None
    metric: str | None = None
    value: Share | None = None
    rows: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, given: Any) -> Any:
        if isinstance(given, cls):
            return given
        if isinstance(given, str) and given.strip():
            return {"column": given}
        if not isinstance(given, dict):
            raise RecipeError("'goal.today' is not valid", expected=_EXPECTED, received=repr(given))
        known = {str(k): v for k, v in given.items() if v is not None}
        figures = [k for k in known if k not in (*_WAYS, "rows", "metric", "value")]
        for name in figures:
            if not _is_number(known[name]):
                raise RecipeError(f"there is no setting 'goal.today.{name}'", do=nearest(name, [*_WAYS, "rows"]))
        named = [k for k in (*_WAYS, "metric") if k in known] + figures
        if len(named) != 1:
            shown = ", ".join(known) or "nothing"
            raise RecipeError("'goal.today' must name one process", expected=_EXPECTED, received=shown, do="name one")
        if "rows" in known and named[0] in _WAYS:
            raise RecipeError("'goal.today.rows' goes with a figure alone", expected="e.g. {accuracy: 0.81, rows: 400}")
        return known | {"metric": named[0], "value": known.pop(named[0])} if figures else known

    @model_validator(mode="after")
    def _has_its_value(self) -> Today:
        if (self.metric is None) != (self.value is None):
            raise RecipeError("'goal.today' names a metric without its value", expected="e.g. {accuracy: 0.81}")
        if any(not text.strip() for text in (self.column, self.rules, self.model) if text is not None):
            raise RecipeError("'goal.today' names nothing", expected=_EXPECTED, received="a blank name")
        return self

    @model_serializer
    def _written(self) -> dict[str, Any]:
        """Return it as it stands in ``hasei.yaml``."""
        found = {k: getattr(self, k) for k in _WAYS} | {self.metric or "value": self.value, "rows": self.rows}
        return {k: v for k, v in found.items() if v is not None}

    def checked(self, metric: str | None, bounds: Bounds) -> None:
        """Refuse a figure of a metric that is not there, not the goal's *metric*, or out of its range."""
        if self.metric is None or self.value is None:
            return
        if self.metric not in bounds:
            raise RecipeError(
                f"'goal.today' names '{self.metric}', which is no metric", do=nearest(self.metric, [*_WAYS, *bounds])
            )
        if metric is not None and self.metric != metric:
            raise RecipeError(
                f"'goal.today' gives {self.metric}, but the goal is in {metric}", expected=f"{metric} of today's process",
                received=self.metric, do=f"measure {metric} of today's process, or set goal.metric: {self.metric}",
            )  # fmt: skip
        check_range(self.metric, self.value, bounds, "today's")


def _is_number(value: Any) -> bool:
    value = as_share(value)
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class Goal(Wish):
    """What the model must reach; what is None is not asked for.

    *metric* a name of the task's metrics (None: the task's default). *at_least* the KPI, in the metric's unit: 0.92 or
    "92%"; for a metric where less is better, the most it may be. *latency_p95_ms* milliseconds for one row, 95th
    percentile. *size_mb* megabytes on disk. *today* what answers now, a cheap truth to beat. *automate_at* the accuracy
    that answers without a person must have.
    """

    metric: str | None = None
    at_least: Share | None = None
    latency_p95_ms: Positive | None = None
    size_mb: Positive | None = None
    today: Today | None = None
    automate_at: Annotated[Share, Field(gt=0, le=1)] | None = None

    def checked(self, bounds: Bounds) -> Goal:
        """Return this goal if its metric is one of *bounds* and its KPI within the metric's range, else raise."""
        if self.metric is not None:
            check_metric(self.metric, bounds)
            if self.at_least is not None:
                check_range(self.metric, self.at_least, bounds)
        if self.today is not None:
            self.today.checked(self.metric, bounds)
        return self


def parse_at_least(text: str, bounds: Bounds | None = None) -> tuple[str, float]:
    """Read a KPI as written on the command line, ``accuracy=0.92`` or ``accuracy=92%``.

    *bounds* gives the ranges of the metrics that there are; without it names and ranges are not checked.
    Raises RecipeError.
    """
    name, equals, number = (part.strip() for part in text.partition("="))
    value = as_share(number)
    if not (name and equals) or not isinstance(value, float) or not math.isfinite(value):
        raise RecipeError(
            "the goal can't be read", expected="metric=value, e.g. accuracy=0.92 or accuracy=92%", received=f"'{text}'"
        )
    if bounds is not None:
        check_metric(name, bounds)
        check_range(name, value, bounds)
    return name, value


def check_metric(name: str, bounds: Bounds) -> None:
    """Refuse a *name* that is none of the metrics in *bounds*."""
    if name not in bounds:
        raise RecipeError(f"there is no metric called '{name}'", do=nearest(name, bounds))
