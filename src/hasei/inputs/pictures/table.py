"""The cells of a table that name pictures become pictures; each is opened once, so that a broken one is found here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from hasei.ground.errors import DataError
from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding, Table
from hasei.inputs.data.whereabouts import folder_of
from hasei.inputs.pictures.opening import inspect, open_picture
from hasei.inputs.pictures.place import Picture, is_picture_name, locate

_LOOKED_AT = 200
_SMALL = 64


def with_pictures(table: Table, names: Sequence[str]) -> Table:
    """Return *table* with pictures instead of their names, wherever most cells of a column are names of pictures.

    *names* are those that such a column usually has, best first; where none has one, the first such column stands a second
    time under ``names[0]``. Paths are read relative to the folder of *table*'s file (or to the folder that it is), or where
    none leads to a picture from there, to a usual folder beside it; cells that are pictures already stay.
    Raises DataError in one line, naming the row, at a name that leads nowhere or out, and at what is no whole picture.
    """
    places = [i for i in range(len(table.columns)) if _names_pictures(table, i)]
    if not places:
        return table
    here = table.path if table.path.is_dir() else table.path.parent
    folder = here / folder_of(table.path, [row[places[0]] for row in table.cells])
    known: dict[str, Picture] = {}
    moving: list[int] = []
    cells = []
    for line, row in zip(table.lines.tolist(), table.cells):
        where = f"'{table.path.name}', {'picture' if table.path.is_dir() else 'line'} {line}"
        made = list(row)
        for place in places:
            if row[place].strip():
                made[place] = _picture(folder, row[place], where, known, partial(moving.append, line))
        cells.append(tuple(made))
    columns = table.columns
    usual = {name.casefold() for name in names}
    if not any(columns[place].strip().casefold() in usual for place in places) and names[0] not in columns:
        columns, cells = (*columns, names[0]), [(*row, row[places[0]]) for row in cells]
    return replace(table, columns=columns, cells=cells, findings=table.findings + _moving(table, moving))


def _names_pictures(table: Table, place: int) -> bool:
    step = max(1, len(table.cells) // _LOOKED_AT)
    cells = [cell for row in table.cells[::step] if (cell := row[place].strip())]
    return bool(cells) and 2 * sum(map(is_picture_name, cells)) > len(cells)


def _picture(folder: Path, name: str, where: str, known: dict[str, Picture], moves: partial[None]) -> Picture:
    if name in known:
        return known[name]
    picture = name if isinstance(name, Picture) else locate(folder, name, where)
    try:
        if inspect(picture).frames > 1:
            moves()
        open_picture(picture, least=_SMALL)
    except DataError as error:
        raise DataError(
            f"{where}: {error.happened}", expected=error.expected, received=error.received, do=error.do
        ) from error
    return known.setdefault(name, picture)


def _moving(table: Table, lines: list[int]) -> tuple[Finding, ...]:
    if not lines:
        return ()
    message = _(
        "pictures of '{file}' that move: {n}; only their first frame is read", file=table.path.name, n=len(lines)
    )
    do = _("save the frame that matters as a picture of its own, if it is not the first")
    return (Finding("moving_picture", "note", message, table.path.name, tuple(lines), do),)
