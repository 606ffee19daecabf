"""Which column tells when a row was made, and when that was."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hasei.ground.errors import DataError
from hasei.inputs.data.roles import normalise
from hasei.judge.checks._saying import short

if TYPE_CHECKING:
    from hasei.judge.checks._room import Room

Floats = npt.NDArray[np.float64]

_READABLE = 0.95
_NAMED_READABLE = 0.5
_TRIED = 200
_NAMED = re.compile(
    r"date|time|created|updated|received|opened|closed|posted|sent_?(at|on)|timestamp|\bts\b|year|month|day"
    r"|日付|日時|時刻|時間|年月|受付日|受信日|作成日|登録日|投稿日|発生日|更新日|送信日"
)
_FORMATS = (
    "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y.%m.%d", "%Y年%m月%d日", "%Y年%m月%d日 %H:%M", "%Y-%m", "%Y/%m",
    "%Y年%m月", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M", "%d.%m.%Y %H:%M",
    "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%a %b %d %H:%M:%S %Y",
    "%a, %d %b %Y %H:%M:%S %z",
)  # fmt: skip
_YEARS = range(1970, 2101)
_EPOCH = re.compile(r"\d{9,10}(\.\d+)?|\d{12,13}")


def moments(room: Room) -> tuple[str, Floats] | None:
    """Return the column that tells the time of a row and the times (n,) in seconds, NaN where none stands.

    The column is the one that the user named, else the first whose cells read as dates; None where there is none.
    """
    if room.time:
        return room.time, named_times(room.time, room.column(room.time))
    for name in room.other_columns():
        found = times(room.column(name), surely=bool(_NAMED.search(normalise(name))))
        if not np.isnan(found).all():
            return name, found
    return None


def times(cells: Sequence[str], *, surely: bool) -> Floats:
    """Read *cells* (n,) as times in seconds since 1970 (UTC where no zone stands), NaN where blank or not one.

    All NaN where they don't read as times in one format. *surely*: it is a column of times, so bare numbers may be some.
    """
    filled = [cell.strip() for cell in cells if cell.strip()]
    tried = filled[:: max(1, len(filled) // _TRIED)]
    for read in [_iso, *map(_by, _FORMATS), *([_epoch] if surely else [])]:
        if tried and sum(_of(read, cell, surely) is not None for cell in tried) >= _READABLE * len(tried):
            found = [_of(read, cell.strip(), surely) if cell.strip() else None for cell in cells]
            return np.array([np.nan if seconds is None else seconds for seconds in found], np.float64)
    return np.full(len(cells), np.nan)


def named_times(name: str, cells: Sequence[str]) -> Floats:
    """Read *cells* (n,) of the column *name*, which the user called one of times: half of them readable will do.

    Raises DataError where no format reads half of them.
    """
    found = times(cells, surely=True)
    filled = [cell.strip() for cell in cells if cell.strip()]
    if filled and np.isnan(found).all():
        tried = filled[:: max(1, len(filled) // _TRIED)]
        ways = [_iso, *map(_by, (*_FORMATS, "%Y")), _epoch]
        hits = [sum(_of(read, cell, True) is not None for cell in tried) for read in ways]
        if max(hits) >= _NAMED_READABLE * len(tried):
            best = ways[hits.index(max(hits))]
            seconds = [_of(best, cell.strip(), True) if cell.strip() else None for cell in cells]
            found = np.array([np.nan if second is None else second for second in seconds], np.float64)
    if np.isnan(found).all():
        shown = ", ".join(f"'{short(cell)}'" for cell in list(dict.fromkeys(filled))[:3]) or "blank cells"
        raise DataError(
            f"the column '{name}' can't be read as times", expected="dates in one format, such as 2026-03-31",
            received=shown, do="name another column with --time, or leave it out",
        )  # fmt: skip
    return found


def _of(read: Callable[[str], float], cell: str, surely: bool) -> float | None:
    """Return the time of one cell, None where it is none; eight digits are a date in a column of times only."""
    if cell.isdigit() and not surely:
        return None
    try:
        seconds = read(cell)
    except (ValueError, OverflowError):
        return None
    return seconds if datetime.fromtimestamp(seconds, UTC).year in _YEARS else None


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _iso(cell: str) -> float:
    return _seconds(datetime.fromisoformat(cell))


def _by(pattern: str) -> Callable[[str], float]:
    return lambda cell: _seconds(datetime.strptime(cell, pattern))


def _epoch(cell: str) -> float:
    if not _EPOCH.fullmatch(cell):
        raise ValueError(cell)
    value = float(cell)
    return value / 1000 if value > 1e11 else value
