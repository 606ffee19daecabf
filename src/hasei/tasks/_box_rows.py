"""Rows of pictures with boxes: where the picture lies, and its boxes checked against its size, in canonical form.

Boxes are in the frame of the picture as it is seen, turned upright as its EXIF orientation says: nearly every tool shows it so
while boxes are drawn. Where a row states the size that the file has before turning, its boxes are turned with the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

from hasei.ground.errors import DataError
from hasei.inputs.data.dataset import Table
from hasei.inputs.pictures import Picture, inspect
from hasei.inputs.pictures.table import with_pictures
from hasei.tasks._boxes import Box, NoBox, fitted, normalised, parsed, written
from hasei.tasks.image_classification import IMAGE_HINTS

OBJECT_HINTS = ("objects", "boxes", "annotations", "bboxes", "detections", "targets", "labels", "物体", "矩形", "枠")


def arrange(table: Table) -> Table:
    """Return *table* with paths that lead to the pictures and, where it has boxes, these in canonical form.

    Raises DataError naming the line where a picture is missing or its boxes can't be right.
    """
    table = with_pictures(table, IMAGE_HINTS)
    image = _column(table, IMAGE_HINTS)
    if image is None:
        return table
    objects = _column(table, OBJECT_HINTS)
    cells = [list(row) for row in table.cells]
    if objects is not None:
        boxes = [_parsed(table, line, row[objects]) for line, row in zip(table.lines.tolist(), cells)]
        _refuse_shares(table, boxes)
        sizes = [_column(table, (side,)) for side in ("width", "height")]
        for line, row, found in zip(table.lines.tolist(), cells, boxes):
            if found is not None and isinstance(row[image], Picture):
                stated = tuple(_number(row[place]) if place is not None else None for place in sizes)
                row[objects] = written(_checked(table, line, row[image], found, stated))
    return replace(table, cells=[tuple(row) for row in cells])


def _column(table: Table, hints: Sequence[str]) -> int | None:
    names = [name.strip().casefold() for name in table.columns]
    return next((names.index(hint) for hint in hints if hint in names), None)


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if 0 < value < 1e7 else None


def _parsed(table: Table, line: int, cell: str) -> tuple[Box, ...] | None:
    """Return the boxes of a row; None where it has none stated."""
    if not cell.strip():
        return None
    try:
        return parsed(cell)
    except NoBox as error:
        raise _wrong(table, line, str(error)) from error


def _wrong(table: Table, line: int, reason: str, picture: str = "") -> DataError:
    return DataError(
        f"'{table.path.name}', line {line} {reason}",
        expected='boxes in pixels such as [{"label": "cat", "box": [left, top, right, bottom]}]',
        received=f"the boxes of the picture '{picture}'" if picture else "",
        do="correct it, or leave the row out with --where",
    )


def _refuse_shares(table: Table, boxes: Sequence[tuple[Box, ...] | None]) -> None:
    """Raise DataError where boxes are given in shares of the picture, in all rows or in some."""
    shares = [line for line, row in zip(table.lines.tolist(), boxes) if row and normalised(row)]
    if not shares:
        return
    filled = sum(bool(row) for row in boxes)
    among = "all boxes are" if len(shares) == filled else f"the boxes of {len(shares)} of {filled} rows are"
    raise DataError(
        f"'{table.path.name}': {among} in shares of the picture (between 0 and 1), line {shares[0]} first",
        expected="pixels in every row", do="multiply them by the picture's width and height",
    )  # fmt: skip


def _checked(
    table: Table, line: int, picture: str, boxes: tuple[Box, ...], stated: tuple[float | None, ...]
) -> tuple[Box, ...]:
    """Return *boxes* inside *picture*, turned upright with it where they were drawn on its side."""
    facts = inspect(cast(Picture, picture))
    size = facts.width, facts.height
    stored = size[::-1] if facts.orientation in _TURNS else size
    if None not in stated and stated != size and stated == stored:
        turn = _TURNS[facts.orientation]
        boxes = tuple(replace(box, corners=turn(*box.corners, *stored)) for box in boxes)
    elif None not in stated and stated not in (size, stored):
        raise _wrong(
            table, line, f"says that its picture has {stated[0]:g} x {stated[1]:g} pixels, but it has"
            f" {size[0]} x {size[1]}: its boxes are of another picture",
        )  # fmt: skip
    try:
        return fitted(boxes, *size)
    except NoBox as error:
        raise _wrong(table, line, str(error), cast(Picture, picture).path.name) from error


_Corners = tuple[float, float, float, float]
_TURNS: dict[int, Callable[[float, float, float, float, float, float], _Corners]] = {
    5: lambda left, top, right, bottom, wide, high: (top, left, bottom, right),
    6: lambda left, top, right, bottom, wide, high: (high - bottom, left, high - top, right),
    7: lambda left, top, right, bottom, wide, high: (high - bottom, wide - right, high - top, wide - left),
    8: lambda left, top, right, bottom, wide, high: (top, wide - right, bottom, wide - left),
}
"""By EXIF orientation: the corners of a box in a stored picture of *wide* x *high* pixels, once this lies upright."""
