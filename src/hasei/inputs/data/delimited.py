"""CSV and its kin (tab, semicolon, bar), through the standard library's parser in strict mode.

RFC 4180 (2005) with any of the three line ends; a cell may hold line ends inside quotes, and line numbers count them.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from hasei.ground.errors import DataError
from hasei.inputs.data.encoding import detect
from hasei.inputs.data.source import Row, Source, empty, refuse_nul

LONGEST_CELL = 1 << 24
"""Characters in one cell. Also the most that a quote which is never closed can take into memory."""
_SAMPLE_LINES, _SAMPLE_CHARACTERS = 200, 1 << 16


def open_delimited(path: Path) -> Source:
    """Open a CSV file, with its encoding and delimiter detected. Raises DataError where it can't be parsed."""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))
    encoding = detect(path)
    delimiter = delimiter_of(path, encoding.codec)
    header = next((cells for _, cells in _records(path, encoding.codec, delimiter) if any(map(str.strip, cells))), None)
    if header is None:
        raise empty(path)

    def rows() -> Iterator[Row]:
        body = _records(path, encoding.codec, delimiter)
        body = itertools.dropwhile(lambda row: not any(map(str.strip, row[1])), body)
        return itertools.islice(body, 1, None)

    return Source(tuple(header), rows, encoding.codec, encoding.findings(path.name))


class _Lines:
    """Feeds lines to the parser and keeps those of the record in hand, so that an error can say where it began."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self.file, self.path, self.number = file, path, 0
        self.record: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self.file)
        self.number += 1
        refuse_nul(self.path, self.number, line)
        self.record.append(line)
        return line


def _records(path: Path, codec: str, delimiter: str) -> Iterator[Row]:
    with path.open("r", encoding=codec, newline="") as file:
        lines = _Lines(file, path)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        while True:
            lines.record.clear()
            first = lines.number + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise _malformed(path, str(error), first + _cell_begins(lines.record, delimiter)) from error
            yield first, [cell.rstrip("\r") if cell[-1:] == "\r" else cell for cell in cells]


def _malformed(path: Path, reason: str, line: int) -> DataError:
    if "unexpected end" in reason:
        return DataError(
            f"'{path.name}', line {line}: the quote that opens a cell there is never closed",
            do="close the quote, or remove it",
        )
    if "field limit" in reason:
        return DataError(
            f"'{path.name}', line {line}: a cell that begins there is longer than {LONGEST_CELL:,} characters",
            do="look for a quote that is never closed",
        )
    return DataError(
        f"'{path.name}', line {line}: the quoted cell that begins there goes on after its closing quote",
        expected="a quote inside a quoted cell to be written twice",
        do="double that quote, or look for one that is missing",
    )


def _cell_begins(record: list[str], delimiter: str) -> int:
    """Return in which line (from 0) of a broken *record* the quoted cell begins that broke it."""
    begins, state = 0, "start"
    for number, line in enumerate(record):
        for char in line:
            if state == "quoted":
                state = "closed" if char == '"' else state
            elif char == delimiter or char in "\r\n":
                state = "start"
            elif char == '"' and state in ("start", "closed"):
                begins = number if state == "start" else begins
                state = "quoted"
            elif state == "closed":
                return begins
            else:
                state = "plain"
    return begins


def delimiter_of(path: Path, codec: str) -> str:
    """Return the delimiter under which most rows are as wide as the header; a tie goes to more cells, then comma."""
    with path.open("r", encoding=codec, newline="") as file:
        lines = list(_first_lines(file))
    order = "\t,;|" if path.suffix.lower() in (".tsv", ".tab") else ",\t;|"
    fits = {delimiter: _fit(lines, delimiter) for delimiter in order}
    # A header that a delimiter doesn't split is one column: rows must not be judged by commas in their text.
    split = [delimiter for delimiter in order if fits[delimiter][1] > 1]
    return max(split or order, key=lambda delimiter: fits[delimiter])


def _first_lines(file: TextIO) -> Iterator[str]:
    size = 0
    for line in itertools.islice(file, _SAMPLE_LINES):
        size += len(line)
        if size > _SAMPLE_CHARACTERS and size > len(line):
            return
        yield line[:LONGEST_CELL]


def _fit(lines: list[str], delimiter: str) -> tuple[float, int]:
    """Return the share of rows as wide as the header, and that width."""
    rows = [row for row in csv.reader(lines, delimiter=delimiter) if any(map(str.strip, row))]
    if not rows:
        return 0.0, 0
    width = len(rows[0])
    # The last record of the sample may be cut in the middle of a quoted cell.
    body = rows[1:-1] or rows[1:]
    return sum(len(row) == width for row in body) / max(1, len(body)), width
