"""Pascal VOC: a folder of XML files, one for each picture, read as one row a picture.

Source: Everingham et al. 2010, "The Pascal Visual Object Classes challenge".

Shapes: columns ``image``, ``width``, ``height``, ``objects``: a JSON list of ``{"label": name, "bndbox": {"xmin": ..., ...}}``
in pixels. The line of a row is the place of its file among the XML files in order of their names, from 1. Files that declare
entities are refused: a few lines of them can fill the memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hasei.ground.errors import DataError
from hasei.ground.files import hash_file, hash_json
from hasei.inputs.data.source import Row, Source
from hasei.inputs.data.whereabouts import folder_of
from hasei.inputs.pictures import locate

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_LARGEST = 1 << 24


def is_voc(path: Path) -> bool:
    """Whether *path* is a folder of XML files."""
    return path.is_dir() and bool(_files(path))


def open_voc(path: Path) -> Source:
    """Open a folder of VOC annotations. Raises DataError naming the file that is none."""
    pictures = [_picture(file) for file in _files(path)]
    folder = path / folder_of(path, [name for name, *_ in pictures])
    files = zip(_files(path), pictures)
    names = [locate(folder, name, f"'{file.name}'") for file, (name, *_) in files]

    def rows() -> Iterator[Row]:
        for line, (name, (_, width, height, objects)) in enumerate(zip(names, pictures), 1):
            yield line, [name, width, height, objects]

    digest = hash_json({file.name: hash_file(file) for file in _files(path)})
    return Source(("image", "width", "height", "objects"), rows, digest=digest)


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.iterdir() if file.suffix.lower() == ".xml" and file.is_file())


def _picture(file: Path) -> tuple[str, str, str, str]:
    """Return name, width, height and objects of the picture that *file* describes."""
    root = _parse(file)
    if root.tag != "annotation":
        raise DataError(
            f"'{file.name}' is no VOC annotation", expected="<annotation>", received=f"<{root.tag}>",
            do="take it out of the folder",
        )  # fmt: skip
    objects = [
        {"label": _text(item, "name"), "bndbox": {side: number(_text(item, f"bndbox/{side}")) for side in _SIDES}}
        for item in root.findall("object")
    ]
    name = _text(root, "filename") or f"{file.stem}.jpg"
    size = _text(root, "size/width"), _text(root, "size/height")
    # Some tools write 0 where they do not know.
    width, height = size if all(side.strip("0") for side in size) else ("", "")
    return name, width, height, json.dumps(objects, ensure_ascii=False)


def _parse(file: Path) -> Any:
    try:
        from defusedxml import DefusedXmlException, ElementTree
    except ImportError as error:
        raise DataError("VOC annotations are read by defusedxml", do="pip install 'hasei[images]'") from error
    if file.stat().st_size > _LARGEST:
        raise DataError(f"'{file.name}' is too large for the boxes of one picture", do="take it out of the folder")
    try:
        return ElementTree.parse(file, forbid_dtd=False).getroot()
    except DefusedXmlException as error:
        raise DataError(
            f"'{file.name}' declares entities, which can fill the memory or read other files", expected="plain VOC XML",
            do="take it out of the folder, and ask where it comes from",
        ) from error  # fmt: skip
    except (ElementTree.ParseError, ValueError, UnicodeError) as error:
        raise DataError(f"'{file.name}' is not XML ({error})", do="export it again") from error


def _text(item: Any, path: str) -> str:
    return (item.findtext(path) or "").strip()


def number(text: str) -> float | str:
    """Return *text* as a number, or as it is where it is none: what it should have been is said when the row is checked."""
    try:
        return float(text)
    except ValueError:
        return text
