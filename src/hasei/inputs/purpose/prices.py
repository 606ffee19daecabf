"""What things cost, in one currency: the machine, labour, an error, a person who answers.

>>> prices = Prices(setup_hours=10, upkeep_hours_per_month=2)
>>> prices.setup_labour, prices.upkeep_per_month
(400.0, 80.0)
>>> Prices(cost_of_an_error=1, costs="costs.csv").costs.table
'costs.csv'
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from hasei.ground.errors import RecipeError
from hasei.inputs.purpose._wish import NotNegative, Positive, Wish

_FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


class RowPrices(Wish):
    """Where the cost of each row comes from, if errors do not all cost the same.

    *table*: a CSV file with the columns truth, answer and cost. *function*: ``module:function`` of the user's own, which
    takes the true labels and the answers and returns a cost for each row. *weight*: a column of the data by which the
    cost of a row is multiplied; it may stand beside a table. Written as text, a name with a colon is a function and
    everything else a file.
    """

    where: ClassVar[str] = "prices.costs"
    table: str | None = None
    function: str | None = None
    weight: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, given: Any) -> Any:
        if isinstance(given, str) and given.strip():
            return {"function" if _FUNCTION.fullmatch(given.strip()) else "table": given.strip()}
        if not isinstance(given, (dict, cls)):
            raise RecipeError(
                "'prices.costs' is not valid",
                expected="a CSV file, module:function, or {weight: COLUMN}", received=repr(given),
            )  # fmt: skip
        return given

    @model_validator(mode="after")
    def _is_one_thing(self) -> RowPrices:
        if self.function is not None and (self.table is not None or self.weight is not None):
            both = "table" if self.table is not None else "weight"
            raise RecipeError(
                f"'prices.costs' names a function and a {both}", expected="one of them", do=f"let the function do it all, or "
                f"take the {both} alone",
            )  # fmt: skip
        if not any((self.table, self.function, self.weight)):
            raise RecipeError("'prices.costs' names nothing", expected="a table, a function or a weight")
        if self.function is not None and not _FUNCTION.fullmatch(self.function):
            raise RecipeError(
                "'prices.costs.function' is not valid", expected="module:function", received=f"'{self.function}'"
            )
        return self


class Prices(Wish):
    """What things cost, in one currency; what is None is left out of the reckoning.

    *currency* any code of three letters. *cpu_hour* an hour of the machine: 0.10 USD is about what clouds ask for two
    virtual processors with 8 GB on demand. *labour_hour* an hour of the people who label and maintain: 40 USD is of the
    order of what an hour of office work costs an employer; None in any other currency. *predictions_per_month* and
    *cost_of_an_error* have no default, for nobody can guess them; given both, they set the smallest gain worth having.
    *costs*: what each row costs, where errors differ; what it does not say costs *cost_of_an_error*. *cost_of_a_person*:
    one message answered by a person. *setup_hours*: labour once, for labelling and integration;
    *upkeep_hours_per_month*: labour from then on; *horizon_months*: over how long a return is reckoned. *country*: where
    the machine stands (three letters, ISO 3166), for the carbon of its electricity.
    """

    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$")
    cpu_hour: NotNegative = 0.10
    labour_hour: NotNegative | None = None
    predictions_per_month: Positive | None = None
    cost_of_an_error: Positive | None = None
    costs: RowPrices | None = None
    cost_of_a_person: Positive | None = None
    setup_hours: NotNegative = 0.0
    upkeep_hours_per_month: NotNegative = 0.0
    horizon_months: Positive = 12.0
    country: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None

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

    @model_validator(mode="after")
    def _hours_have_a_price(self) -> Prices:
        if self.labour_hour is None and self.setup_hours + self.upkeep_hours_per_month > 0:
            raise RecipeError(
                f"hours of labour in {self.currency} need 'prices.labour_hour'",
                expected=f"what an hour of labour costs in {self.currency}", do="add labour_hour beside the hours",
            )  # fmt: skip
        return self

    @property
    def setup_labour(self) -> float:
        """Money for the labour that is needed once."""
        return self.setup_hours * (self.labour_hour or 0.0)

    @property
    def upkeep_per_month(self) -> float:
        """Money for the labour that is needed every month."""
        return self.upkeep_hours_per_month * (self.labour_hour or 0.0)

    def breakeven_gain(self, extra_cost_per_month: float) -> float | None:
        """Return the gain, a share of right answers, that pays *extra_cost_per_month*; None without the prices for it.

        Never negative: a candidate that is cheaper than what it replaces pays at no gain at all.
        """
        if self.predictions_per_month is None or self.cost_of_an_error is None:
            return None
        return max(0.0, extra_cost_per_month) / (self.predictions_per_month * self.cost_of_an_error)
