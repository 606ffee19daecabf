"""From which confidence on a small model's answer is kept: chosen on rows that neither model has learnt from.

Source: Guo et al. 2017, "On calibration of modern neural networks" (temperature); Angelopoulos et al. 2021, "Learn then test"
(a threshold whose risk is bounded: tested from the safest on, until one fails, so that nothing is paid for looking many times).
Shapes: outputs (n, w) unnormalised log probabilities; classes (n,); right (n,) bool; confidence (n,) in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hasei.ground.statistics import Units, mcnemar
from hasei.tasks import Array, Floats

ALPHA = 0.05
"""How often the loss may be larger than promised, by the luck of which rows were held out."""
_STEPS = 100
NEVER = 1.0
"""The threshold that no confidence is above: all rows go to the teacher."""


def log_shares(outputs: Floats, temperature: float) -> Floats:
    """Return the logarithms of the probabilities (n, w) that *outputs* stand for at *temperature*, float32."""
    scores = np.asarray(outputs, np.float64) / temperature
    scores -= scores.max(1, keepdims=True, initial=-np.inf)
    scores -= np.log(np.exp(scores).sum(1, keepdims=True))
    return scores.astype(np.float32)


def temperature_of(outputs: Floats, classes: Array) -> float:
    """Return the temperature in [0.05, 20] under which *classes* are likeliest.

    One more row, of no class in particular, is counted, so that few rows that are all right promise no certainty (Platt 1999).
    """
    from scipy.optimize import minimize_scalar

    rows, doubt = np.arange(len(classes)), 1 / (len(classes) + 1)

    def loss(log_temperature: float) -> float:
        shares = log_shares(outputs, math.exp(log_temperature))
        return float(-(1 - doubt) * shares[rows, classes].mean() - doubt * shares.mean())

    bounds = (math.log(0.05), math.log(20.0))
    return float(math.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-3}).x))


def confidence(shares: Floats) -> Floats:
    """Return the largest probability (n,) of log probabilities *shares* (n, w), float64."""
    return np.asarray(np.exp(shares.max(1, initial=-np.inf).astype(np.float64)))


def by_share(sure: Floats, share: float) -> float:
    """Return the threshold under which *share* of the rows with the confidences *sure* (n,) lie."""
    return _between(np.sort(sure)[::-1], len(sure) - round(share * len(sure)))


def by_loss(
    sure: Floats, student: npt.NDArray[np.bool_], teacher: npt.NDArray[np.bool_], units: Sequence[str], most: float
) -> float:
    """Return the smallest threshold at which answering surer rows by the student loses surely no more than *most* (a share).

    *student*, *teacher* (n,): which rows they are right on. Thresholds are tested from the surest row down, a hundredth of the
    rows further each time, until one fails; :data:`NEVER` where the first fails. The bound on the loss is that of a paired
    comparison at :data:`ALPHA`, over *units*.
    """
    order = np.argsort(-sure, kind="stable")
    gains, falling, found = student.astype(np.float64) - teacher, sure[order], NEVER
    for step in range(1, _STEPS + 1):
        count = math.ceil(step * len(sure) / _STEPS)
        taken = np.zeros(len(sure))
        taken[order[:count]] = gains[order[:count]]
        grouped = Units.of(taken, units)
        wins, losses = int((grouped.sums > 0).sum()), int((grouped.sums < 0).sum())
        if mcnemar(wins, losses, len(grouped.sums), ALPHA).low < -most:
            break
        found = _between(falling, count)
    return found


def _between(falling: Floats, count: int) -> float:
    """Return a threshold that *count* of the confidences *falling* (n,) lie above, as far from both sides as can be.

    Where the row on either side is equally sure, both go to the teacher.
    """
    if count <= 0:
        return NEVER
    if count >= len(falling):
        return max(0.0, float(falling[-1]) - 1e-6) if falling[-1] <= 1e-6 else float(falling[-1]) * 0.5
    above, below = float(falling[count - 1]), float(falling[count])
    return above if above == below else (above + below) / 2
