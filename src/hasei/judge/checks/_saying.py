"""How checks say shares and lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hasei.ground.statistics import Interval

_LONGEST = 40


def percent(share: float) -> str:
    """Say a share of one: ``4.7 %``; nothing below a tenth of a point is told apart."""
    return f"{100 * share:.1f} %"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Say the first *most* of *names*, none longer than a line allows; the rest as dots."""
    return ", ".join(map(short, names[:most])) + (", ..." if len(names) > most else "")


def short(name: str) -> str:
    """Return *name*, cut where it is long."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def bounds(interval: Interval) -> dict[str, Any]:
    """Return value and bounds of an interval of shares as plain JSON, to a hundredth of a point."""
    return {"value": round(interval.value, 4), "low": round(interval.low, 4), "high": round(interval.high, 4)}
