"""How checks say shares and lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hasei.ground.statistics import Interval


def percent(share: float) -> str:
    """Say a share of one: ``4.7 %``; nothing below a tenth of a point is told apart."""
    return f"{100 * share:.1f} %"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Say the first *most* of *names*, the rest as dots."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def bounds(interval: Interval) -> dict[str, Any]:
    """Return value and bounds of an interval of shares as plain JSON, to a hundredth of a point."""
    return {"value": round(interval.value, 4), "low": round(interval.low, 4), "high": round(interval.high, 4)}
