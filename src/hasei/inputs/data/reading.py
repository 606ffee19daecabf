"""A file of rows, whatever its format, as a :class:`Table` in memory or as a :class:`Stream` of batches.

:func:`read` drops what can't be used and says so; :func:`stream` is for answering rows one by one, so it keeps every
row in its place and refuses what it can't keep. The format is told by :mod:`hasei.inputs.data.opening`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hasei.ground import files
from hasei.ground.errors import DataError
from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding, Table
from hasei.inputs.data.filtering import condition
from hasei.inputs.data.opening import open_source
from hasei.inputs.data.source import Source

Batch: TypeAlias = tuple[list[tuple[str, ...]], npt.NDArray[np.int64]]
"""Cells of some rows, and the lines (n,) where the rows stand."""


@dataclass(frozen=True)
class Stream:
    """A file's rows in batches, at constant memory; every iteration is a new pass over the file.

    Iterating raises DataError, naming the line, at a row with too many or too few cells.
    """

    path: Path
    columns: tuple[str, ...]
    encoding: str
    findings: tuple[Finding, ...]
    batch_rows: int
    source: Source

    def __iter__(self) -> Iterator[Batch]:
        cells: list[tuple[str, ...]] = []
        lines: list[int] = []
        for line, row in self.source.rows():
            cells.append(self._whole(line, row))
            lines.append(line)
            if len(cells) == self.batch_rows:
                yield cells, np.array(lines, np.int64)
                cells, lines = [], []
        if cells:
            yield cells, np.array(lines, np.int64)

    def _whole(self, line: int, row: Sequence[str]) -> tuple[str, ...]:
        if len(row) == len(self.columns):
            return tuple(row)
        if _is_blank(row):
            return ("",) * len(self.columns)
        raise DataError(
            f"'{self.path.name}', line {line} has {_cells(len(row))}",
            expected=f"{len(self.columns)}, as in the header",
            do="correct that line (a cell that holds the delimiter needs quotes around it)",
        )


def read(path: str | Path, *, where: Sequence[str] | None = None, limit: int | None = None) -> Table:
    """Read a file of rows; keep those for which all conditions of *where* hold, at most *limit* of them.

    Blank rows are skipped; rows with too many or too few cells are dropped, with a finding that names their lines.
    Raises DataError (one line: what is wrong, where, what to do) where the file can't be read or no row is left.
    """
    path = Path(path)
    source = open_source(path)
    columns = _named(path, source.header)
    expressions = [where] if isinstance(where, str) else list(where or ())
    holds = condition(expressions, columns, path)
    ragged: list[int] = []
    whole = _whole_rows(source, len(columns), ragged)
    first = next(whole, None)
    if first is None:
        raise _all_ragged(path, ragged, len(columns)) if ragged else _header_only(path)
    kept = list(itertools.islice((row for row in itertools.chain([first], whole) if holds(row[1])), limit))
    if not kept:
        raise DataError(f"no row of '{path.name}' is left by --where {' '.join(expressions)}", do="check the values")
    lines = np.array([line for line, _ in kept], np.int64)
    findings = source.findings + _ragged(path, ragged, len(columns))
    digest = source.digest or files.hash_file(path)
    return Table(path, columns, [row for _, row in kept], lines, source.encoding, digest, findings)


def refuse_ragged(table: Table) -> None:
    """Raise DataError where rows of *table* were dropped for their number of cells: in a short list every line counts."""
    for finding in table.findings:
        if finding.kind == "ragged":
            raise DataError(f"{finding.message}, line {finding.rows[0]} first", do=finding.do)


def _whole_rows(source: Source, width: int, ragged: list[int]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the rows of *width* cells that are not blank; note the lines of the others in *ragged*."""
    for line, row in source.rows():
        if _is_blank(row):
            continue
        if len(row) == width:
            yield line, tuple(row)
        else:
            ragged.append(line)


def stream(path: str | Path, batch_rows: int = 1000) -> Stream:
    """Open a file of rows for one pass after another in batches of *batch_rows*; every row is kept, in order.

    Raises DataError as :func:`read` does, and while iterating at a row with too many or too few cells.
    """
    path = Path(path)
    source = open_source(path)
    columns = _named(path, source.header)
    if next(source.rows(), None) is None:
        raise _header_only(path)
    return Stream(path, columns, source.encoding, source.findings, batch_rows, source)


def _named(path: Path, header: Sequence[str]) -> tuple[str, ...]:
    """Give blank header cells the name column_N; refuse a name that stands twice."""
    taken = {cell.strip() for cell in header}
    names: list[str] = []
    for position, cell in enumerate(header, start=1):
        name = cell
        if not cell.strip():
            name = f"column_{position}"
            while name in taken:
                name += "_"
        elif cell.strip() in {known.strip() for known in names}:
            raise DataError(
                f"'{path.name}' has two columns called '{cell.strip()}'",
                expected="different names in the header",
                do="rename or remove one of them",
            )
        names.append(name)
    return tuple(names)


def _is_blank(row: Sequence[str]) -> bool:
    return not any(map(str.strip, row))


def _cells(count: int) -> str:
    return f"{count} cell" + ("s" if count != 1 else "")


def _header_only(path: Path) -> DataError:
    return DataError(f"'{path.name}' has a header but no rows below it", expected="rows", do="export the file again")


def _all_ragged(path: Path, lines: list[int], width: int) -> DataError:
    return DataError(
        f"no row of '{path.name}' has as many cells as its header (the first is on line {lines[0]})",
        expected=f"rows of {_cells(width)}",
        do="check the delimiter and the quotes",
    )


def _ragged(path: Path, lines: list[int], width: int) -> tuple[Finding, ...]:
    if not lines:
        return ()
    message = _(
        "rows dropped from '{file}' for too many or too few cells (the header has {width}): {n}", file=path.name,
        width=width, n=len(lines),
    )  # fmt: skip
    do = _("correct those lines: a cell that holds the delimiter needs quotes around it")
    return (Finding("ragged", "warning", message, path.name, tuple(lines), do),)
