"""What every file format gives: a header and a fresh pass over its rows, each with its place in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from hasei.ground.errors import DataError
from hasei.inputs.data.dataset import Finding

Row: TypeAlias = tuple[int, Sequence[str]]
"""A 1-based line (or row) number and the cells as they stand there, however many."""


class Null(str):
    """A cell that holds nothing at all, where a format tells that from an empty text; everywhere else it is one."""

    __slots__ = ()


NULL = Null()


@dataclass(frozen=True)
class Source:
    """A file of rows, opened. *header* is as written; *rows* starts a new pass over the rows below it, in file order.

    Rows come as they are: ragged ones and blank ones too. Memory does not grow with the file. *digest* stands for the hash of
    the file where there is no single one.
    """

    header: tuple[str, ...]
    rows: Callable[[], Iterator[Row]]
    encoding: str = "utf-8"
    findings: tuple[Finding, ...] = ()
    digest: str = ""


def refuse_nul(path: Path, line: int, text: str) -> None:
    """Raise DataError where *text*, of the given line, holds a NUL character: no tool agrees on what it means."""
    if "\0" in text:
        raise DataError(
            f"'{path.name}' holds a NUL character on line {line}",
            expected="plain text",
            do="remove it, or export the file again",
        )


def empty(path: Path) -> DataError:
    """Return the error for a file with nothing in it."""
    return DataError(f"'{path.name}' is empty", expected="a header and rows below it", do="export the file again")
