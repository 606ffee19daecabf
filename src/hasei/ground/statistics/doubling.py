"""What twice or four times the rows would bring to a share of right answers: a forecast calibrated on real curves.

On the scale of log odds the gain of one more doubling of the rows is taken to be a weighted mean of the last three gains,
shrinking by a constant factor with every further doubling. The interval joins the sampling error of the score in hand and
an error of the extrapolation that grows with the gain forecast. The constants were fitted to curves of solved heads on
frozen features over 275 cases cut from fourteen real data sets (``bench/forecast_cases.csv``). Where a data set is judged by
constants fitted to the others (``bench/forecast_fit.py``) the interval holds less often than it promises; the figures
stand in ``docs/honesty.md``.

Source: Hestness et al. 2017, "Deep learning scaling is predictable, empirically", for gains that shrink with doublings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

WEIGHTS = (0.182, 0.374, 0.399)
"""Of the gains of the three doublings up to the rows in hand, the oldest first."""
SHRINKS = 0.812
SPREAD, SPREAD_OF_GAIN = 0.080, 0.332
REACH = 1.995
"""How many spreads the 90 % interval reaches to either side."""
LEAST_ROWS = 100


@dataclass(frozen=True)
class Ahead:
    """A share forecast at *rows* train rows, *times* those in hand, with its 90 % interval."""

    times: float
    rows: int
    value: float
    low: float
    high: float


def ahead(shares: tuple[float, float, float, float], rows: int, scored: float, times: float) -> Ahead | None:
    """Return the forecast at *times* (> 1) the *rows* learnt from, or None with fewer than 100 rows scored.

    *shares* are those right after an eighth, a quarter, a half and all of *rows*, each on the same *scored* independent
    rows.
    """
    if scored < LEAST_ROWS or not 1 < times <= 8:
        return None
    odds = [_log_odds((s * scored + 0.5) / (scored + 1)) for s in shares]
    last = sum(w * (b - a) for w, a, b in zip(WEIGHTS, odds, odds[1:], strict=False))
    gain = max(0.0, last) * SHRINKS * (1 - SHRINKS ** math.log2(times)) / (1 - SHRINKS)
    now = _share(odds[-1])
    sampling = 1 / math.sqrt(scored * now * (1 - now))
    reach = REACH * math.sqrt(sampling**2 + SPREAD**2 + (SPREAD_OF_GAIN * gain) ** 2)
    middle = odds[-1] + gain
    return Ahead(times, round(times * rows), *(_share(x) for x in (middle, middle - reach, middle + reach)))


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))


def _share(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))
