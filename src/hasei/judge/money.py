"""Errors, labour and machine time become money: saved a month, paid back after, returned over the horizon.

Source: Newcombe (1998), method 10, for the difference of two independent figures from their own intervals (the form that
Zou & Donner 2008 call MOVER); the intervals of row costs are those of :mod:`hasei.judge.evaluation`.

What a row costs is a score like any other, less being better: money is bounded by the same bootstrap over units, the same
exact test where few units differ, and the same warning where there is too little to bound it. Shapes: n rows, t
thresholds. An *alpha* is one-sided.

Relations: :mod:`hasei.judge.cost` reckons what the machine costs; ``judge/handover.py`` which answers go to a person.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hasei.ground.errors import RunFailed
from hasei.ground.language import _
from hasei.ground.statistics import Interval, effective_units, wilson
from hasei.ground.statistics.bootstrap import DRAWS
from hasei.ground.statistics.power import LEAST_ERRORS
from hasei.inputs.purpose import Prices, RowCosts, open_costs
from hasei.judge.evaluation import compare, score
from hasei.judge.report.figures import significant
from hasei.judge.stakes import widened
from hasei.judge.wording import sentences, term
from hasei.tasks import Metric

Floats = npt.NDArray[np.float64]
_SOON = 0.25
"""Months below which a figure in months says nothing."""


def row_costs(
    prices: Prices, truths: Sequence[Any], answers: Sequence[Any], weights: npt.ArrayLike | None = None, *,
    rule: RowCosts | None = None,
) -> Floats:  # fmt: skip
    """Return what giving *answers* (n,) costs where *truths* (n,) are right, money per row (n,).

    *weights* (n,) are those of ``prices.costs.weight``; *rule* is what :func:`~hasei.inputs.purpose.open_costs` made of
    *prices* (None: opened here). Raises RunFailed where the prices do not say what an error costs.
    """
    rule = rule or open_costs(prices)
    if rule is None:
        raise RunFailed("the prices do not say what an error costs", do="set prices.cost_of_an_error")
    if prices.costs is not None and prices.costs.weight is not None and weights is None:
        raise RunFailed(f"the weights of the column '{prices.costs.weight}' are missing")
    return rule.of(truths, answers, weights)


def figure_cost(prices: Prices, accuracy: float, rows: int | None = None, alpha: float = 0.025) -> Interval | None:
    """Return what a row costs in a process that is right in the share *accuracy*, measured on *rows* rows.

    Without *rows* the figure counts as exact. None where the prices do not say what an error costs: a table of costs
    says nothing of a process of which only the accuracy is known, so that ``cost_of_an_error`` is needed beside it.
    """
    if prices.cost_of_an_error is None:
        return None
    share, cost = 1 - accuracy, prices.cost_of_an_error
    if rows is None:
        return Interval(share * cost, share * cost, share * cost, 0.0, "taken as exact")
    return _scaled(replace(wilson(share * rows, rows, alpha), too_few=share * rows < LEAST_ERRORS), cost)


def saving(
    prices: Prices, winner: npt.ArrayLike, today: npt.ArrayLike | Interval, units: Sequence[str], *,
    extra_per_month: float = 0.0, stakes: npt.ArrayLike | None = None, alpha: float = 0.025, se_factor: float = 1.0,
    draws: int = DRAWS, seed: int = 0,
) -> Interval | None:  # fmt: skip
    """Return the money that *winner* saves a month against *today*; None without ``predictions_per_month``.

    *winner* (n,) are costs of rows; *today* those of the same rows (n,), so that they are paired, or, where only a
    figure is known, the interval of :func:`figure_cost`. *units* (n,) say which rows belong together. Taken off are
    *extra_per_month*, what the machine costs more than today, and the labour of upkeep. *stakes* (n,), from
    :func:`hasei.judge.stakes.stakes`, are needed where errors do not all cost the same: without them an error that
    happened not to occur is taken never to occur. *se_factor* is 1.5 for cross-fitted answers.
    """
    if prices.predictions_per_month is None:
        return None
    costs = np.asarray(winner, np.float64)
    how: dict[str, Any] = {"alpha": alpha, "draws": draws, "seed": seed, "se_factor": se_factor}
    if isinstance(today, Interval):
        own = _mean_cost(costs, units, how)
        a_row = _apart(today, own if stakes is None else widened(own, costs, stakes, units, alpha, se_factor))
    else:
        before = np.asarray(today, np.float64)
        a_row = _paired(costs, before, units, how)
        a_row = a_row if stakes is None else widened(a_row, before - costs, stakes, units, alpha, se_factor)
    a_month = _scaled(a_row, prices.predictions_per_month)
    less = extra_per_month + prices.upkeep_per_month
    return replace(a_month, value=a_month.value - less, low=a_month.low - less, high=a_month.high - less)


def _metric(*costs: Floats) -> tuple[Metric, float]:
    """Return the costs' metric and the *scale* by which costs are to be divided, so that one price makes 0 and 1 of them."""
    scale = max((float(np.abs(c).max(initial=0.0)) for c in costs), default=0.0) or 1.0
    least = -1.0 if any((c < 0).any() for c in costs) else 0.0
    return Metric(
        "cost", -1, lambda p, t: float(np.mean(p)), lambda p, t: np.asarray(p, np.float64), (least, 1.0)
    ), scale


def _mean_cost(costs: Floats, units: Sequence[str], how: Mapping[str, Any]) -> Interval:
    metric, scale = _metric(costs)
    return _scaled(score(metric, costs / scale, np.zeros(len(costs)), units, **how), scale)  # type: ignore[arg-type]


def _paired(winner: Floats, today: Floats, units: Sequence[str], how: Mapping[str, Any]) -> Interval:
    """Return today's mean cost less the winner's, positive where the winner is cheaper."""
    metric, scale = _metric(winner, today)
    nothing = np.zeros(len(winner))
    found = compare(metric, winner / scale, today / scale, nothing, units, **how)  # type: ignore[arg-type]
    _, index = np.unique(np.asarray(units), return_inverse=True)
    differing = np.abs(np.bincount(index, weights=today - winner))
    # A few dear rows may decide: what counts is how many units of one size the money is spread over.
    few = effective_units(differing[differing > 0]) < LEAST_ERRORS
    return _scaled(replace(found, too_few=found.too_few or few), scale)


def _apart(today: Interval, winner: Interval) -> Interval:
    """Return *today* less *winner*, which were measured on different rows."""
    value = today.value - winner.value
    return Interval(
        value, value - math.hypot(today.value - today.low, winner.high - winner.value),
        value + math.hypot(today.high - today.value, winner.value - winner.low), math.hypot(today.se, winner.se),
        f"{winner.method}; today: {today.method}", today.too_few or winner.too_few,
    )  # fmt: skip


def _scaled(interval: Interval, by: float) -> Interval:
    return replace(
        interval, value=interval.value * by, low=interval.low * by, high=interval.high * by, se=interval.se * by
    )


def break_even(setup: float, per_month: Interval | None) -> tuple[float, float, float] | None:
    """Return after how many months *setup* is paid back: by the saving's value, at its best, at its worst.

    Infinite (never) where that saving is not above 0. None where the saving is unknown.
    """
    if per_month is None:
        return None
    value, low, high = (setup / s if s > 0 else math.inf for s in (per_month.value, per_month.high, per_month.low))
    return value, low, high


def horizon_return(setup: float, per_month: Interval | None, months: float) -> Interval | None:
    """Return what is left over *months* months after *setup* is paid; None where the saving is unknown."""
    if per_month is None:
        return None
    whole = _scaled(per_month, months)
    return replace(whole, value=whole.value - setup, low=whole.low - setup, high=whole.high - setup)


@dataclass(frozen=True)
class Money:
    """What adopting the winner means in money, in *currency*.

    *against*: what it is set against; *exact*: of that only a figure is known, without its rows. *per_month*: saved, None
    where unknown, at the one-sided level *alpha*. *training*: machine time once; *labour*: of the setup;
    *labour_hours*: of setup and of upkeep over the horizon. *inference_per_month*, *upkeep_per_month*: what the winner
    itself costs to run.
    """

    currency: str
    against: str
    per_month: Interval | None
    training: float
    labour: float
    labour_hours: float
    inference_per_month: float
    upkeep_per_month: float
    horizon_months: float
    alpha: float = 0.025
    exact: bool = False

    @property
    def setup(self) -> float:
        """Money needed once: training and labour."""
        return self.training + self.labour

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON; what is unknown, or never, is null."""
        months, returned = self.months_to_break_even, horizon_return(self.setup, self.per_month, self.horizon_months)
        never = (None, None, None) if months is None else tuple(m if math.isfinite(m) else None for m in months)
        return {
            "currency": self.currency, "against": self.against, "exact": self.exact, "alpha": self.alpha,
            "per_month": _bounds(self.per_month), "setup": self.setup, "training": self.training, "labour": self.labour,
            "labour_hours": self.labour_hours, "inference_per_month": self.inference_per_month,
            "upkeep_per_month": self.upkeep_per_month,
            "months_to_break_even": dict(zip(("value", "low", "high"), never)),
            "horizon_months": self.horizon_months, "return": _bounds(returned),
        }  # fmt: skip

    @property
    def months_to_break_even(self) -> tuple[float, float, float] | None:
        """Months until the setup is paid back (see :func:`break_even`)."""
        return break_even(self.setup, self.per_month)

    @classmethod
    def of_json(cls, found: Mapping[str, Any]) -> Money:
        """Read back what :meth:`to_json` returned, so that another day and language can say it."""
        saved = found["per_month"]
        unknown = saved["value"] is None
        low, high = (saved[k] if saved[k] is not None else end for k, end in (("low", -math.inf), ("high", math.inf)))
        return cls(
            currency=found["currency"], against=found["against"],
            per_month=None if unknown else Interval(saved["value"], low, high, math.nan, "", bool(saved.get("too_few"))),
            training=found["training"], labour=found["labour"], labour_hours=found.get("labour_hours", 0.0),
            inference_per_month=found["inference_per_month"], upkeep_per_month=found["upkeep_per_month"],
            horizon_months=found["horizon_months"], alpha=found.get("alpha", 0.025), exact=bool(found.get("exact")),
        )  # fmt: skip

    def words(self) -> str:
        """Say it in plain sentences."""
        said = [*self._saved(), *self._spent(), *self._returned()]
        if self.exact:
            said.append(_("Of today's process only one figure is known: it is taken as exact."))
        if self.per_month is not None and self.per_month.too_few:
            said.append(_("There are too few errors to bound these figures well."))
        return sentences(*said)

    def _say(self, value: float) -> str:
        return amount(value, self.currency)

    def _saved(self) -> list[str]:
        if self.per_month is None:
            return [
                _("What it saves can't be told: that takes the number of predictions a month and the cost of an error.")
            ]
        value, low, high = self.per_month.value, self.per_month.low, self.per_month.high
        if not (math.isfinite(low) and math.isfinite(high)):
            return [_("What it saves against {against} can't be bounded.", against=term(self.against))]
        sign = -1 if value < 0 else 1
        least, most = sorted((sign * low, sign * high))
        named = {
            "against": term(self.against), "sure": f"{100 * (1 - 2 * self.alpha):.3g} %", "money": self._say(abs(value)),
            "low": self._say(least), "high": self._say(most),
        }  # fmt: skip
        if value < 0:
            return [_("It costs about {money} a month more than {against} ({sure} interval {low} to {high}).", **named)]
        return [_("It saves about {money} a month against {against} ({sure} interval {low} to {high}).", **named)]

    def _spent(self) -> list[str]:
        return [
            _("It costs {setup} once: {training} of machine time and {labour} of labour.",
              setup=self._say(self.setup), training=self._say(self.training), labour=self._say(self.labour)),
            _("Running it costs {inference} of machine time and {upkeep} of upkeep a month.",
              inference=self._say(self.inference_per_month), upkeep=self._say(self.upkeep_per_month)),
        ]  # fmt: skip

    def _returned(self) -> list[str]:
        months = self.months_to_break_even
        back = horizon_return(self.setup, self.per_month, self.horizon_months)
        if months is None or back is None:
            return []
        value, low, high = (_months(m) for m in months)
        if months[2] < _SOON:
            first = _("It is paid back within days.")
        elif math.isinf(months[1]):
            first = _("It is never paid back.")
        elif math.isinf(months[0]):
            first = _("It is not expected to be paid back: after {low} months at the best, maybe never.", low=low)
        elif math.isinf(months[2]):
            first = _("It is paid back after about {n} months, {low} at the best, maybe never.", n=value, low=low)
        else:
            first = _("It is paid back after about {n} months ({low} to {high}).", n=value, low=low, high=high)
        horizon = f"{self.horizon_months:g}"
        if not (math.isfinite(back.low) and math.isfinite(back.high)):
            return [first]
        return [first, _("Over {n} months the return is about {money} ({low} to {high}).", n=horizon,
                         money=self._say(back.value), low=self._say(back.low), high=self._say(back.high))]  # fmt: skip


def reckon(
    prices: Prices, *, against: str, per_month: Interval | None, train_seconds: float, inference_per_month: float,
    alpha: float = 0.025, exact: bool = False,
) -> Money:  # fmt: skip
    """Return the money of a winner that took *train_seconds* to make; what *prices* do not say stays unknown.

    *per_month* is what :func:`saving` returned; *inference_per_month* what the winner's own predictions cost.
    """
    hours = prices.setup_hours + prices.upkeep_hours_per_month * prices.horizon_months
    return Money(
        prices.currency, against, per_month, train_seconds * prices.cpu_hour / 3600, prices.setup_labour, hours,
        inference_per_month, prices.upkeep_per_month, prices.horizon_months, alpha, exact,
    )  # fmt: skip


def amount(value: float, currency: str) -> str:
    """Say money: ``1,240 USD``, ``4.50 USD``, ``0.0053 USD``."""
    if value != 0 and abs(value) < 0.1:
        return f"{'-' if value < 0 else ''}{significant(abs(value))} {currency}"
    return f"{value:,.{0 if abs(value) >= 10 or value == 0 else 2}f} {currency}"


def _months(value: float) -> str:
    return f"{value:,.{1 if value < 9.95 else 0}f}"


def _bounds(interval: Interval | None) -> dict[str, Any]:
    if interval is None:
        return {"value": None, "low": None, "high": None, "too_few": None}
    low, high = (b if math.isfinite(b) else None for b in (interval.low, interval.high))
    return {"value": interval.value, "low": low, "high": high, "too_few": interval.too_few}
