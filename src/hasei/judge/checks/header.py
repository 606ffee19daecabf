"""Whether the first line is a row, so that the file lacks the names of its columns.

A first line is taken for a row where a cell of it is a value of its own column, and no cell looks like a name: then the row
was read as names and is lost. JSONL and Parquet name their columns themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding, Table
from hasei.inputs.data.opening import form_of
from hasei.inputs.data.roles import normalise
from hasei.judge.checks._room import Room
from hasei.judge.checks._saying import listed

NEEDS = "text"

_LOOKED_AT = 2000
_NEARLY_ALL = 0.9
_SHORTEST = 0.02
_NUMBER = re.compile(r"[-+]?[\d.,:/\s年月日時分-]*\d[\d.,:/\s年月日時分-]*%?")
_IDENTIFIER = re.compile(r"[a-z]+\d*([_-][a-z\d]+)+|[a-z]+([A-Z][a-z\d]+)+|[A-Z][A-Z\d]*(_[A-Z\d]+)+")
_USUAL = set(re.findall(
    r"\S+",
    "id no nr key uuid index date time day year month name title url link split set lang language source region country"
    " city user customer author group thread score rating stars version status type channel word term phrase keyword item"
    " product value input output x y 番号 日付 日時 名前 氏名 地域 言語 種類 分類 状態",
))  # fmt: skip


def find(room: Room) -> list[Finding]:
    """Say that the first line looks like a row, where it does."""
    table = room.table
    if not table.path.is_file() or form_of(table.path) not in ("delimited", "workbook"):
        return []
    values = _values(room)
    if not values or _is_counted(table.columns) or any(_is_name(room, name, values) for name in table.columns):
        return []
    message = _(
        "the first line of '{file}' looks like a row, not like names of columns (values of their columns: {names}): it was read"
        " as names and is missing among the rows", file=table.path.name, names=listed([f"'{v}'" for v in values]),
    )  # fmt: skip
    do = _("add a first line with the names of the columns")
    return [
        Finding("header", "warning", message, table.path.name, do=do, evidence={"values": [v[:40] for v in values]})
    ]


def _cells(table: Table, name: str) -> list[str]:
    """Return cells of a column that are not blank, spread through the file; a header that comes again is no row."""
    index, step = table.columns.index(name), max(1, len(table.cells) // _LOOKED_AT)
    return [cell for row in table.cells[::step] if row != table.columns and (cell := row[index].strip())]


def _values(room: Room) -> list[str]:
    """Return the names of columns that are values of them: they stand below too, or are numbers over numbers."""
    table = room.table
    found = []
    for index, name in enumerate(table.columns):
        same = normalise(name)
        if same and any(normalise(row[index]) == same and row != table.columns for row in table.cells):
            found.append(name)
        elif _NUMBER.fullmatch(name.strip()):
            cells = _cells(table, name)
            if cells and sum(bool(_NUMBER.fullmatch(cell)) for cell in cells) >= _NEARLY_ALL * len(cells):
                found.append(name)
    return found


def _is_counted(columns: Sequence[str]) -> bool:
    """Whether the columns are numbered from 0 or 1, as programs do that have no names for them."""
    return [name.strip() for name in columns] in ([str(n + first) for n in range(len(columns))] for first in (0, 1))


def _is_name(room: Room, name: str, values: Sequence[str]) -> bool:
    """Whether *name* can hardly be a cell of its column: a usual name, an identifier, far shorter than every text below."""
    bare, cells = name.strip(), _cells(room.table, name)
    answers = [room.mapping.columns[c.name] for c in room.task.columns if c.kind == "target"]
    if name in values and name in answers:
        return False  # a class may be called like a column
    hints = {hint for column in room.task.columns for hint in column.hints} | _USUAL
    if normalise(bare) in hints or bare.startswith(("Unnamed:", "column_")):
        return True
    if name in values:
        return False
    if _IDENTIFIER.fullmatch(bare) and not any(_IDENTIFIER.fullmatch(cell) for cell in cells):
        return True
    sizes = np.array([len(cell) for cell in cells] or [0])
    return len(bare) < float(np.quantile(sizes, _SHORTEST)) and len(bare) <= float(np.median(sizes)) / 2
