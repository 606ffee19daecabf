"""How much can be answered without a person: calibrated confidence, a threshold for the wished accuracy, and its price.

A confidence is calibrated on rows that chose nothing about it (select rows; in cross-fitting, the other folds), by one
temperature or by isotonic regression, whichever answers held-out halves of those rows more honestly. The threshold is
the lowest at which those rows' answers are as accurate as wished; what it does is then measured on the confirm rows.

Source: Guo et al. 2017, "On calibration of modern neural networks" (temperature); Zadrozny & Elkan 2002 (isotonic); El-Yaniv
& Wiener 2010, "On the foundations of noise-free selective classification" (risk and coverage).
Shapes: outputs (n, k) unnormalised log probabilities; right (n,) bool; confidence (n,) in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hasei.engine.splits import folds
from hasei.ground.language import _
from hasei.ground.statistics import Interval, Units, bootstrap_mean, wilson
from hasei.judge.wording import sentences
from hasei.tasks import Floats

DEFAULT_WISH = 0.97
LEAST_ROWS = 50
_POINTS = 20
_FOLDS = 5
_LEAST_ISOTONIC = 300
_BINS = 10


@dataclass(frozen=True)
class Calibration:
    """How outputs become honest confidences: one *temperature*, or *knots* (x, y) of a rising line over the raw ones.

    A line has a hair of the raw confidence added, which keeps the order of rows on its steps.
    """

    temperature: float = 1.0
    knots: tuple[tuple[float, float], ...] = ()

    @property
    def method(self) -> str:
        """``temperature`` or ``isotonic``."""
        return "isotonic" if self.knots else "temperature"

    def confidence(self, outputs: Floats) -> Floats:
        """Return the calibrated confidence (n,) of the largest of *outputs* (n, k)."""
        if not self.knots:
            return raw_confidence(outputs, self.temperature)
        raw = raw_confidence(outputs)
        x, y = zip(*self.knots)
        return np.asarray(np.clip(np.interp(raw, x, y) + 1e-6 * raw, 0.0, 1.0))

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON; :meth:`read` takes it back."""
        return {"temperature": self.temperature, "knots": [list(k) for k in self.knots]}

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Calibration:
        """Return what :meth:`to_json` made plain."""
        return cls(float(value["temperature"]), tuple((float(x), float(y)) for x, y in value["knots"]))


@dataclass(frozen=True)
class Point:
    """Answering by itself where confidence is at least *threshold*: the share of rows, and the accuracy on them."""

    threshold: float
    coverage: float
    accuracy: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """Return the point as plain JSON."""
        return {k: getattr(self, k) for k in ("threshold", "coverage", "accuracy", "low", "high")}


@dataclass(frozen=True)
class Automation:
    """The automation curve of one model on confirm rows. *wish* is the accuracy asked for, *asked*: by the user.

    *threshold* None: no threshold reaches the wish on the rows that it is chosen by. *errors* are the expected calibration
    errors (mean gap between confidence and accuracy over ten equal bins) before and after calibration. *confidence* (n,) is
    that of the confirm rows, *fitted* (m,) that of the rows it was calibrated by (None: cross-fitted).
    """

    calibration: Calibration
    wish: float
    asked: bool
    threshold: float | None
    coverage: Interval | None
    accuracy: Interval | None
    curve: tuple[Point, ...]
    errors: tuple[float, float]
    confidence: Floats = field(repr=False, compare=False)
    fitted: Floats | None = field(default=None, repr=False, compare=False)

    @property
    def missed(self) -> bool:
        """Whether the answers are surely less accurate than wished: the confirm rows are other than those that it is set by."""
        return self.accuracy is not None and self.accuracy.high < self.wish

    def words(self) -> str:
        """Say the curve in one sentence."""
        if self.threshold is None or self.coverage is None or self.accuracy is None or self.coverage.value == 0:
            return _(
                "No part of the rows can be answered at {wish} accuracy without a person.", wish=_percent(self.wish)
            )
        low, high = _percent(self.accuracy.low, 1), _percent(self.accuracy.high, 1)
        if self.missed:
            return _(
                "The {wish} wished for is not reached: where the confidence is at least {threshold} ({share} of the rows), only"
                " {accuracy} of the answers are right ({low} to {high}). Let nothing be answered without a person.",
                wish=_percent(self.wish), threshold=_digits(self.threshold), share=_percent(self.coverage.value),
                accuracy=_percent(self.accuracy.value, 1), low=low, high=high,
            )  # fmt: skip
        short = _("{wish} was wished for.", wish=_percent(self.wish)) if self.accuracy.value < self.wish else ""
        return sentences(self._shared_out(low, high), short)

    def _shared_out(self, low: str, high: str) -> str:
        """Say which rows need no person; *low* and *high* bound the accuracy there."""
        if self.threshold is None or self.coverage is None or self.accuracy is None:
            return ""
        if self.coverage.value >= 0.9995:
            return _(
                "All rows can be answered without a person, at {accuracy} accuracy ({low} to {high}).",
                accuracy=_percent(self.accuracy.value, 1), low=low, high=high,
            )  # fmt: skip
        return _(
            "{share} of the rows can be answered at {accuracy} accuracy ({low} to {high}) where the confidence is at least"
            " {threshold}; the other {rest} go to a person.",
            share=_percent(self.coverage.value), accuracy=_percent(self.accuracy.value, 1), low=low, high=high,
            threshold=_digits(self.threshold), rest=_percent(1 - self.coverage.value),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return the curve as plain JSON."""
        return {
            "method": self.calibration.method, "calibration": self.calibration.to_json(), "wish": self.wish, "asked": self.asked,
            "missed": self.missed,
            "threshold": self.threshold, "coverage": _bounds(self.coverage), "accuracy": _bounds(self.accuracy),
            "curve": [p.to_json() for p in self.curve],
            "calibration_error": {"before": self.errors[0], "after": self.errors[1]}, "words": self.words(),
        }  # fmt: skip


def _digits(threshold: float) -> str:
    """Say a threshold with two digits, more where those would make it 0 or 1."""
    for digits in range(2, 9):
        text = f"{threshold:.{digits}f}"
        if 0 < float(text) < 1:
            return text
    return f"{threshold:.2f}"


def _percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f} %"


def _bounds(interval: Interval | None) -> dict[str, float] | None:
    return None if interval is None else {"value": interval.value, "low": interval.low, "high": interval.high}


def automate(
    fitted: tuple[Floats, Floats, Sequence[str]] | None, outputs: Floats, right: Floats, units: Sequence[str], *,
    wish: float | None, alpha: float, truth: Sequence[int] | None = None, fitted_truth: Sequence[int] | None = None,
) -> Automation | None:  # fmt: skip
    """Return the automation curve of confirm *outputs* (n, k) with *right* (n,), or None with too few rows to calibrate.

    *fitted* (outputs, right, units) are the rows to calibrate and to choose the threshold by; None: cross-fitted, so the
    other four folds of the confirm rows themselves. *truth* and *fitted_truth* are the true classes as positions (-1 where
    no output stands for it): a temperature is fitted by their likelihood.
    """
    goal = DEFAULT_WISH if wish is None else wish
    if len(outputs) < LEAST_ROWS or (fitted is not None and len(fitted[0]) < LEAST_ROWS):
        return None
    chosen = None
    if fitted is not None:
        calibration = _calibration(fitted[0], fitted[1], fitted_truth, fitted[2])
        chosen = calibration.confidence(fitted[0])
        threshold = _threshold(chosen, fitted[1], goal)
        confidence = calibration.confidence(outputs)
        automatic = confidence >= (math.inf if threshold is None else threshold)
    else:
        calibration, threshold, confidence, automatic = _crossed(outputs, right, truth, units, goal)
    return Automation(
        calibration, goal, wish is not None, threshold, *_measured(automatic, right, units, alpha),
        curve=_curve(confidence, right, units, alpha), errors=(_error(raw_confidence(outputs), right), _error(confidence, right)),
        confidence=confidence, fitted=chosen,
    )  # fmt: skip


def raw_confidence(outputs: Floats, temperature: float = 1.0) -> Floats:
    """Return the softmax probability (n,) of the largest of *outputs* / *temperature*."""
    scores = np.asarray(outputs, np.float64) / temperature
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers.max(axis=1) / powers.sum(axis=1))


def _calibration(
    outputs: Floats, right: Floats, truth: Sequence[int] | None, units: Sequence[str]
) -> Calibration:  # fmt: skip
    """Choose between temperature and isotonic by the Brier score of held-out halves; equal ones go to temperature.

    Of few rows no rising line is learnt: its steps would be single rows.
    """
    if len(set(units)) < _LEAST_ISOTONIC:
        return Calibration(temperature_of(outputs, right, truth))
    half = folds(list(units), 2, 0)
    loss = {"temperature": 0.0, "isotonic": 0.0}
    for fit, held in ((half == 0, half == 1), (half == 1, half == 0)):
        if not fit.any() or not held.any():
            continue
        part = None if truth is None else [t for t, keep in zip(truth, fit) if keep]
        for found in (Calibration(temperature_of(outputs[fit], right[fit], part)), _isotonic(outputs[fit], right[fit])):
            loss[found.method] += float(np.square(found.confidence(outputs[held]) - right[held]).sum())
    if loss["isotonic"] < 0.98 * loss["temperature"]:
        return _isotonic(outputs, right)
    return Calibration(temperature_of(outputs, right, truth))


def temperature_of(outputs: Floats, right: Floats, truth: Sequence[int] | None = None) -> float:
    """Return the temperature in [0.05, 20] of the likeliest confidences; by the true classes where they are known."""
    from scipy.optimize import minimize_scalar

    scores = np.asarray(outputs, np.float64)
    known = np.flatnonzero(np.asarray(truth) >= 0) if truth is not None else np.empty(0, np.int64)

    def loss(log_temperature: float) -> float:
        temperature = math.exp(log_temperature)
        if len(known):
            scaled = scores[known] / temperature
            scaled -= scaled.max(axis=1, keepdims=True)
            own = scaled[np.arange(len(known)), np.asarray(truth)[known]]
            return float((np.log(np.exp(scaled).sum(axis=1)) - own).mean())
        p = np.clip(raw_confidence(scores, temperature), 1e-9, 1 - 1e-9)
        return float(-(right * np.log(p) + (1 - right) * np.log(1 - p)).mean())

    bounds = (math.log(0.05), math.log(20.0))
    return float(math.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def _isotonic(outputs: Floats, right: Floats) -> Calibration:
    from sklearn.isotonic import IsotonicRegression

    # Two made-up rows, a wrong one and half a right one at the ends, keep it from promising certainty.
    x = np.concatenate([raw_confidence(outputs), [0.0, 1.0]])
    y = np.concatenate([np.asarray(right, np.float64), [0.0, 0.5]])
    found: Any = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(x, y)
    return Calibration(knots=tuple(zip(found.X_thresholds_.tolist(), found.y_thresholds_.tolist())))


def _threshold(confidence: Floats, right: Floats, wish: float) -> float | None:
    """Return the lowest confidence from which on the rows above are as accurate as wished, or None."""
    order = np.argsort(-confidence, kind="stable")
    accurate = np.cumsum(np.asarray(right, np.float64)[order]) / np.arange(1, len(order) + 1)
    # Rows of equal confidence stand or fall together.
    ends = np.append(np.diff(confidence[order]) != 0, True)
    good = np.flatnonzero((accurate >= wish) & ends)
    return float(confidence[order][good[-1]]) if len(good) else None


def _crossed(
    outputs: Floats, right: Floats, truth: Sequence[int] | None, units: Sequence[str], wish: float
) -> tuple[Calibration, float | None, Floats, Any]:
    """Calibrate and choose the threshold for each fifth of the rows by the other four."""
    fold = folds(list(units), _FOLDS, 0)
    confidence, automatic = np.zeros(len(outputs)), np.zeros(len(outputs), np.bool_)
    for number in range(_FOLDS):
        fit, held = fold != number, fold == number
        if not held.any() or not fit.any():
            continue
        part = None if truth is None else [t for t, keep in zip(truth, fit) if keep]
        found = _calibration(outputs[fit], right[fit], part, [u for u, keep in zip(units, fit) if keep])
        threshold = _threshold(found.confidence(outputs[fit]), right[fit], wish)
        confidence[held] = found.confidence(outputs[held])
        automatic[held] = confidence[held] >= (math.inf if threshold is None else threshold)
    whole = _calibration(outputs, right, truth, units)
    return whole, _threshold(whole.confidence(outputs), right, wish), confidence, automatic


def _measured(
    automatic: Any, right: Floats, units: Sequence[str], alpha: float
) -> tuple[Interval | None, Interval | None]:
    """Return coverage and accuracy of the automatic rows, each with its interval over units."""
    coverage = _interval(automatic.astype(np.float64), units, alpha)
    if not automatic.any():
        return coverage, None
    chosen = [u for u, keep in zip(units, automatic) if keep]
    return coverage, _interval(np.asarray(right, np.float64)[automatic], chosen, alpha)


def _interval(scores: Floats, units: Sequence[str], alpha: float) -> Interval:
    grouped = Units.of(scores, list(units))
    even = grouped.even()
    if even is not None and np.isin(even, (0.0, 1.0)).all():
        return wilson(float(even.sum()), len(even), alpha)
    return (
        bootstrap_mean(grouped, alpha)
        .joined(wilson(grouped.mean * grouped.effective, grouped.effective, alpha))
        .clipped(0, 1)
    )


def _curve(confidence: Floats, right: Floats, units: Sequence[str], alpha: float) -> tuple[Point, ...]:
    """Return points at every twentieth of coverage."""
    order = np.argsort(-confidence, kind="stable")
    hits, names = np.asarray(right, np.float64)[order], [units[i] for i in order]
    found = []
    for part in range(1, _POINTS + 1):
        n = max(1, round(len(order) * part / _POINTS))
        interval = _interval(hits[:n], names[:n], alpha)
        found.append(
            Point(float(confidence[order[n - 1]]), n / len(order), interval.value, interval.low, interval.high)
        )
    return tuple(found)


def _error(confidence: Floats, right: Floats) -> float:
    """Expected calibration error over ten bins of equally many rows."""
    order = np.argsort(confidence, kind="stable")
    bins = np.array_split(order, min(_BINS, len(order)))
    gaps = [abs(float(confidence[b].mean()) - float(np.asarray(right, np.float64)[b].mean())) * len(b) for b in bins]
    return float(sum(gaps) / len(order))
