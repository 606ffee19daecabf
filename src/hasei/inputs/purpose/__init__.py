"""What success means to the user: the goal, today's process, the prices, the smallest gain worth having.

Everything has a default, and everything is fixed before the confirm rows are opened. Nonsense is refused at once, in
one line (:class:`~hasei.ground.errors.RecipeError`), wherever it comes from: ``hasei.yaml``, the command line or
Python.

::

    _wish.py     what all parts share: frozen, strict, one line of error
    goal.py      Goal: metric, KPI, limits; Today: what answers now
    prices.py    Prices: money, labour, machine; RowPrices: what a row costs, named
    costs.py     RowCosts: what a row costs, opened and checked

>>> Purpose(goal={"metric": "accuracy", "at_least": "92%"}).goal.at_least
0.92
>>> parse_at_least("accuracy=0.92")
('accuracy', 0.92)
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from hasei.inputs.purpose._wish import Bounds, Share, Wish
from hasei.inputs.purpose.costs import RowCosts, open_costs
from hasei.inputs.purpose.goal import Goal, Today, parse_at_least
from hasei.inputs.purpose.prices import Prices, RowPrices


class Purpose(Wish):
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


__all__ = [
    "Bounds", "Goal", "Prices", "Purpose", "RowCosts", "RowPrices", "Share", "Today", "open_costs", "parse_at_least",
]  # fmt: skip
