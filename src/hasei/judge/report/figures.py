"""Numbers as a person reads them: 29.6 k parameters, 3m 12s, 91 MB."""

from __future__ import annotations

import math

from hasei.ground.language import ENGLISH, _, language

NONE = "–"
"""What stands where nothing was measured."""
_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_COUNTS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def significant(value: float | None, digits: int = 2, least: float = 1e-6) -> str:
    """Say a number with *digits* significant digits and no exponent: ``0.00012``, ``1.2``, ``1,240``.

    What is smaller than *least* is only said to be so.
    """
    if value is None or not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    if abs(value) < least:
        return f"<{least:f}".rstrip("0")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"


def thousands(number: float | None) -> str:
    """Say a whole number with its thousands set apart: ``10,003``; "" where there is none."""
    return "" if number is None else f"{number:,.0f}"


def count(number: float | None) -> str:
    """Say how many: ``950``, ``29.6 k``, ``5.3 M``."""
    if number is None:
        return NONE
    for scale, unit in _COUNTS:
        if number >= 0.99995 * scale:
            return f"{number / scale:.1f} {unit}"
    return f"{number:,.0f}"


def size(number: float | None) -> str:
    """Say a number of bytes: ``91 MB``, ``5.3 MB``, ``340 kB``."""
    if number is None:
        return NONE
    for scale, unit in _SIZES:
        if number >= 0.9995 * scale:
            return f"{number / scale:.{1 if number < 9.95 * scale else 0}f} {unit}"
    return f"{number:,.0f} B"


def duration(seconds: float | None) -> str:
    """Say a time in seconds: ``0.4 s``, ``42 s``, ``3m 12s``, ``1h 05m``."""
    if seconds is None or not math.isfinite(seconds):
        return NONE
    if seconds < 0.05:
        return _("0 s") if seconds <= 0 else _("<0.1 s")
    if seconds < 9.95:
        return _("{seconds} s", seconds=f"{seconds:.1f}")
    whole = round(seconds)
    if whole < 60:
        return _("{seconds} s", seconds=whole)
    if whole < 3600:
        return _("{minutes}m {seconds}s", minutes=whole // 60, seconds=f"{whole % 60:02d}")
    return _("{hours}h {minutes}m", hours=whole // 3600, minutes=f"{whole % 3600 // 60:02d}")


def few(numbers: list[int], most: int = 5) -> str:
    """Say the first *most* of some row numbers: ``3, 7, 12, ...``."""
    return ", ".join(map(str, numbers[:most])) + (", ..." if len(numbers) > most else "")


def ordinal(number: int) -> str:
    """Say a place: ``1st``, ``2nd``, ``11th``."""
    if language() != ENGLISH:
        return _("no. {number}", number=number)
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"
