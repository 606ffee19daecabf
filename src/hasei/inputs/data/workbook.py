"""XLSX: the first sheet, row by row, every cell as the sheet shows it (ECMA-376, 2006); dates in ISO 8601."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from hasei.ground.errors import DataError
from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.inputs.data.source import Row, Source, empty, refuse_nul

_LOOK_AHEAD_ROWS = 1000
_BATCH_ROWS = 500
_BROKEN = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, SyntaxError, KeyError, ValueError, TypeError, IndexError,
    AttributeError, NotImplementedError,
)  # fmt: skip
_DIGITS = re.compile(r"(0+)(?:\.(0+))?(%?)$")
# How Excel writes control characters, and an underscore that would read as the start of one.
_ESCAPE = re.compile(r"_x(00[01][0-9A-Fa-f]|005[Ff])_")


def open_workbook(path: Path) -> Source:
    """Open the first sheet of a workbook. Raises DataError where it is damaged.

    A cell without a heading counts as a column where one of the first thousand rows fills it.
    """
    filled = _filled(path)
    top, header = next(filled, (0, []))
    if not header:
        raise empty(path)
    width = max([len(header)] + [len(cells) for _, cells in itertools.islice(filled, _LOOK_AHEAD_ROWS)])

    def rows() -> Iterator[Row]:
        last = top
        for number, cells in _filled(path):
            if number > top:
                # Blank rows count only where a filled one follows: sheets trail off in formatted, empty rows.
                yield from ((blank, [""] * width) for blank in range(last + 1, number))
                yield number, cells + [""] * (width - len(cells))
                last = number

    return Source((*header, *[""] * (width - len(header))), rows, "utf-8", _other_sheets(path))


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"'{path.name}' can't be read as XLSX: it is damaged or cut short ({error})",
        do="open it in a spreadsheet program and save it again as XLSX, or as 'CSV UTF-8'",
    )


def _quietly(step: Any) -> Any:
    """Call *step* without the reader's warnings about styles and validations, which say nothing of the cells."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return step()


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import openpyxl

    # The file, not its path: the reader would judge a path by its suffix.
    with path.open("rb") as file:
        try:
            book = _quietly(lambda: openpyxl.load_workbook(file, read_only=True, data_only=True))
        except _BROKEN as error:
            raise _damaged(path, error) from error
        try:
            yield book
        finally:
            book.close()


def _filled(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of every row that is not blank, without the blank cells at its end."""
    with _opened(path) as book:
        sheet = _first_sheet(path, book)
        sheet.reset_dimensions()  # Many programs write wrong ones.
        numbered = enumerate(sheet.iter_rows(), start=1)
        while batch := _batch(path, numbered):
            for number, row in batch:
                cells = _cells(row)
                refuse_nul(path, number, "".join(cells))
                if cells:
                    yield number, cells


def _batch(path: Path, rows: Iterator[tuple[int, Any]]) -> list[tuple[int, Any]]:
    try:
        return cast(list[tuple[int, Any]], _quietly(lambda: list(itertools.islice(rows, _BATCH_ROWS))))
    except _BROKEN as error:
        raise _damaged(path, error) from error


def _first_sheet(path: Path, book: Any) -> Any:
    if not book.worksheets:
        raise DataError(f"'{path.name}' has no sheet of cells", do="save the rows as the first sheet")
    return book.worksheets[0]


def _other_sheets(path: Path) -> tuple[Finding, ...]:
    with _opened(path) as book:
        names = [sheet.title for sheet in book.worksheets]
    if len(names) < 2:
        return ()
    message = _(
        "'{file}' has {n} sheets; only the first, '{first}', was read", file=path.name, n=len(names), first=names[0]
    )
    return (Finding("sheets", "note", message, path.name, do=_("put the rows first if they stand on another sheet")),)


def _cells(row: Any) -> list[str]:
    cells = [_shown(cell) for cell in row]
    while cells and not cells[-1].strip():
        cells.pop()
    return cells


def _shown(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), value).rstrip("\r") if "_x" in value else value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return _number(value, cell.number_format)
    if isinstance(value, datetime.datetime):
        return _moment(value, cell.number_format)
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else str(value)


def _number(value: float, number_format: str) -> str:
    """Return a number with the digits of formats such as ``0.0``, ``00000`` and ``0%``, else as 'General' shows it."""
    match = _DIGITS.match(number_format)
    if not match:
        return format(value, ".15g") if isinstance(value, float) else str(value)
    whole, decimals, percent = match[1], match[2] or "", match[3]
    width = len(whole) + len(decimals) + bool(decimals) + (value < 0)
    return f"{value * 100 if percent else value:0{width}.{len(decimals)}f}{percent}"


def _moment(value: datetime.datetime, number_format: str) -> str:
    from openpyxl.styles.numbers import is_datetime

    return value.date().isoformat() if is_datetime(number_format) == "date" else value.isoformat()
