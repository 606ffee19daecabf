"""A table with one row for each box, read as one row a picture.

Shapes: columns of the picture's name, a label and four sides (``xmin, ymin, xmax, ymax`` in the usual spellings, or ``x, y, w,
h``) become one column ``objects``, a JSON list; other columns keep the cell of the picture's first row. A row whose label and
sides are blank says that its picture holds nothing. Pictures come in the order in which they are first named.

>>> header("filename,width,height,class,xmin,ymin,xmax,ymax".split(","))
('filename', 'class', ('xmin', 'ymin', 'xmax', 'ymax'), False)
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from hasei.ground.errors import DataError
from hasei.inputs.data.source import Row, Source
from hasei.inputs.data.voc import number

Header: TypeAlias = tuple[str, str, tuple[str, ...], bool]
"""The columns of picture, label and sides; whether the last two sides are width and height."""

_PICTURE = (
    "image",
    "filename",
    "imagepath",
    "imageid",
    "imagename",
    "path",
    "file",
    "filepath",
    "img",
    "picture",
    "画像",
)
_LABEL = ("label", "class", "classname", "category", "labelname", "categoryname", "name", "object", "ラベル", "クラス")
_CORNERS = (("xmin", "ymin", "xmax", "ymax"), ("x1", "y1", "x2", "y2"), ("x0", "y0", "x1", "y1"),
            ("left", "top", "right", "bottom"), ("bboxxmin", "bboxymin", "bboxxmax", "bboxymax"),
            ("bboxx1", "bboxy1", "bboxx2", "bboxy2"))  # fmt: skip
_SIZED = (("x", "y", "w", "h"), ("bboxx", "bboxy", "bboxwidth", "bboxheight"), ("left", "top", "width", "height"),
          ("x", "y", "width", "height"), ("bboxx", "bboxy", "bboxw", "bboxh"))  # fmt: skip


def header(names: Sequence[str]) -> Header | None:
    """Return which of the columns *names* are which, or None where they are not those of a table of boxes."""
    folded: dict[str, str] = {}
    for name in names:
        folded.setdefault(re.sub(r"[\s_\-.]+", "", unicodedata.normalize("NFKC", name)).casefold(), name)
    picture = next((folded[name] for name in _PICTURE if name in folded), None)
    label = next((folded[name] for name in _LABEL if name in folded and folded[name] != picture), None)
    if picture is None or label is None:
        return None
    for kinds, sized in ((_CORNERS, False), (_SIZED, True)):
        for sides in kinds:
            if all(side in folded for side in sides):
                return picture, label, tuple(folded[side] for side in sides), sized
    return None


def by_picture(path: Path, source: Source) -> Source:
    """Return *source* with one row a picture where it is a table of boxes, else as it is.

    Reading its rows raises DataError at a line with too many or too few cells: left out, it would be a box that is missed.
    """
    found = header(source.header)
    if found is None:
        return source
    picture, label, sides, sized = found
    place = {name: i for i, name in enumerate(source.header)}
    others = [name for name in source.header if name not in (picture, label, *sides)]

    def rows() -> Iterator[Row]:
        pictures: dict[str, tuple[int, list[str], list[object]]] = {}
        for line, cells in source.rows():
            if not any(map(str.strip, cells)):
                continue
            if len(cells) != len(source.header):
                raise DataError(
                    f"'{path.name}', line {line} has {len(cells)} cells", expected=f"{len(source.header)}, as in the header",
                    do="correct that line (a cell that holds the delimiter needs quotes around it)",
                )  # fmt: skip
            named = [cells[place[picture]], *(cells[place[name]] for name in others)]
            row = pictures.setdefault(cells[place[picture]].strip(), (line, named, []))
            written = [cells[place[name]].strip() for name in (label, *sides)]
            if any(written):
                row[2].append(
                    {"label": written[0], ("bbox" if sized else "box"): [number(side) for side in written[1:]]}
                )
        for line, named, objects in pictures.values():
            yield line, [*named, json.dumps(objects, ensure_ascii=False)]

    return Source((picture, *others, "objects"), rows, source.encoding, source.findings)
