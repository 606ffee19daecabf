"""Measurements and prices become money: training, and inference per thousand rows."""

from __future__ import annotations

from dataclasses import dataclass

from hasei.inputs.purpose import Prices


@dataclass(frozen=True)
class Cost:
    """Money in *currency*: *training* once, *per_1000* predictions of the batch kind on this machine."""

    currency: str
    training: float
    per_1000: float


def cost(prices: Prices, train_seconds: float, predict_ms_per_row: float, paid_per_row: float = 0.0) -> Cost:
    """Return what *train_seconds* and a row's *predict_ms_per_row* (milliseconds) cost at ``prices.cpu_hour``.

    *paid_per_row* is money that a row's answer costs beside this machine's time (a hosted model).
    """
    per_second = prices.cpu_hour / 3600
    return Cost(prices.currency, train_seconds * per_second, predict_ms_per_row * per_second + 1000 * paid_per_row)


def monthly(prices: Prices, predict_ms_per_row: float, paid_per_row: float = 0.0) -> float:
    """Return what the month's predictions cost, in machine time and paid; 0 where their number is unknown."""
    per_row = predict_ms_per_row / 1000 * prices.cpu_hour / 3600 + paid_per_row
    return (prices.predictions_per_month or 0.0) * per_row
