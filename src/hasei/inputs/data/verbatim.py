"""Text files of rows as they stand, so that a copy can differ in some cells and in nothing else.

A record is a list of pieces that together are its text: cell, delimiter, cell, ..., line end; cells with their quotes.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from hasei.inputs.data.delimited import delimiter_of
from hasei.inputs.data.encoding import detect

_QUOTED = re.compile(r'"(?:[^"]|"")*"(?!")')


def raw_codec(path: Path) -> str:
    """Return the codec that reads a byte order mark as a character, so that writing gives it back."""
    codec = detect(path).codec
    if codec != "utf-16":
        return codec.removesuffix("-sig")
    with path.open("rb") as file:
        return "utf-16-le" if file.read(2) == codecs.BOM_UTF16_LE else "utf-16-be"


def raw_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text file with their ends."""
    with path.open("r", encoding=raw_codec(path), newline="") as file:
        yield from file


def raw_records(path: Path) -> Iterator[list[str]]:
    """Yield the records of a delimited file that :func:`~hasei.inputs.data.delimited.open_delimited` can read."""
    delimiter = delimiter_of(path, detect(path).codec)
    cell = re.compile(rf"[^{re.escape(delimiter)}\r\n]*")
    text = ""
    for line in raw_lines(path):
        text += line
        pieces = _pieces(text, delimiter, cell)
        if pieces is not None:
            yield pieces
            text = ""


def cell_of(piece: str) -> str:
    """Return what a raw cell says."""
    piece = piece.removeprefix("\ufeff")
    return piece[1:-1].replace('""', '"') if _is_quoted(piece) else piece.rstrip("\r")


def piece_of(cell: str, like: str) -> str:
    """Return *cell* written as the raw cell *like* was."""
    return '"' + cell.replace('"', '""') + '"' if _is_quoted(like) else cell


def _is_quoted(piece: str) -> bool:
    return len(piece) > 1 and piece[0] == piece[-1] == '"'


def _pieces(text: str, delimiter: str, cell: re.Pattern[str]) -> list[str] | None:
    """Return the pieces of one record, or None where a quoted cell goes on in the next line."""
    place = len(text) - len(text.removeprefix("\ufeff"))
    pieces = [text[:place]] if place else []
    while True:
        found = (_QUOTED if text[place : place + 1] == '"' else cell).match(text, place)
        if found is None:
            return None
        pieces.append(found.group())
        place = found.end()
        if text[place : place + 1] != delimiter:
            return [*pieces, text[place:]]
        pieces.append(delimiter)
        place += 1
