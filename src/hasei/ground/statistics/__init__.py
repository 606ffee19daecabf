"""Intervals, paired tests, sample sizes and learning-curve forecasts: pure functions of arrays.

::

    intervals.py   Interval; Wilson; exact McNemar; the level of the j-th opening
    bootstrap.py   over units, never over rows: studentised, for means of row scores
    measure.py     over units, never over rows: BCa, for any other measure
    power.py       how many rows an answer needs; when there are too few rows to bound anything
    curve.py       what more training rows would bring

Every *alpha* is one-sided: an interval at 0.025 is what is usually called a 95 % interval.
"""

from hasei.ground.statistics.bootstrap import Units, bootstrap_mean
from hasei.ground.statistics.curve import Forecast, forecast, train_rows_for
from hasei.ground.statistics.intervals import Interval, alpha_at, correct_se, mcnemar, mcnemar_test, wilson
from hasei.ground.statistics.measure import bootstrap_measure
from hasei.ground.statistics.power import effective_units, rows_needed, too_few

__all__ = [
    "Forecast", "Interval", "Units", "alpha_at", "bootstrap_mean", "bootstrap_measure", "correct_se", "effective_units",
    "forecast", "mcnemar", "mcnemar_test", "rows_needed", "too_few", "train_rows_for", "wilson",
]  # fmt: skip
