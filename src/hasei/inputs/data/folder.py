"""A folder of pictures as rows: one folder in it for each class, the picture's relative name and its class in each row.

Rows come in the order of their names and are numbered from 1. Pictures that lie beside the class folders have no label yet.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from hasei.ground.errors import DataError
from hasei.ground.files import hash_json
from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.inputs.data.source import Row, Source
from hasei.inputs.pictures import is_picture_name

IMAGE, LABEL = "image", "label"
"""The columns of such rows."""
_SPLITS = {
    "train",
    "training",
    "test",
    "testing",
    "val",
    "valid",
    "validation",
    "dev",
    "eval",
    "学習",
    "訓練",
    "テスト",
    "検証",
}
_NO_FILES = {"thumbs.db", "desktop.ini", "__macosx"}
_END_BYTES = 4096


def open_folder(path: Path) -> Source:
    """Open the folder *path*. Raises DataError where it holds no picture, is split into parts, or links lead out of it."""
    pictures, others, empty = _look_through(path)
    if not pictures:
        raise DataError(
            f"'{path}' is a folder without pictures",
            expected="a file of rows (CSV, TSV, XLSX, JSONL or Parquet), or a folder of pictures for each class in it",
            received=f"{len(others)} other files" if others else "no files", do="name the file of rows, or another folder",
        )  # fmt: skip
    _refuse_splits(path, pictures)

    def rows() -> Iterator[Row]:
        for number, name in enumerate(pictures, start=1):
            yield number, (name, name.split("/", 1)[0] if "/" in name else "")

    return Source((IMAGE, LABEL), rows, "utf-8", _findings(path, others, empty), _digest(path, pictures))


def _look_through(path: Path) -> tuple[list[str], list[str], list[str]]:
    """Return the names of pictures, of other files, and of class folders without a picture, relative to *path*, sorted."""
    pictures: list[str] = []
    others: list[str] = []
    top: set[str] = set()
    for place, folders, names in os.walk(path, onerror=_unreadable):
        here = Path(place)
        folders[:] = sorted(name for name in folders if _counts(name))
        linked = next((name for name in folders if (here / name).is_symlink()), None)
        if linked is not None:
            raise DataError(
                f"'{(here / linked).relative_to(path)}' in '{path.name}' is a link to a folder", expected="real folders",
                do="copy the pictures into it",
            )  # fmt: skip
        top |= set(folders) if here == path else set()
        for name in filter(_counts, names):
            if (here / name).exists() and not (here / name).is_file():  # a pipe would be waited for, without an end
                raise DataError(
                    f"'{(here / name).relative_to(path).as_posix()}' in '{path.name}' is not a regular file",
                    expected="pictures", do="take it out of the folder",
                )  # fmt: skip
            (pictures if is_picture_name(name) else others).append((here / name).relative_to(path).as_posix())
    filled = {name.split("/", 1)[0] for name in pictures if "/" in name}
    return sorted(pictures), sorted(others), sorted(top - filled)


def _counts(name: str) -> bool:
    """Whether a name is one that people gave, and not their computer."""
    return not name.startswith(".") and name.lower() not in _NO_FILES


def _unreadable(error: OSError) -> None:
    raise DataError(f"'{error.filename}' may not be read", do="change its permissions") from error


def _refuse_splits(path: Path, pictures: list[str]) -> None:
    """Refuse a folder of parts (train, test) of which each holds the classes: its parts are no classes."""
    parts = {name.split("/", 1)[0] for name in pictures}
    if not any(part.lower() in _SPLITS for part in parts) or any(name.count("/") < 2 for name in pictures):
        return
    train = min(parts, key=lambda p: (not p.lower().startswith(("train", "学習", "訓練")), p))
    test = min(parts, key=lambda p: (not p.lower().startswith(("test", "テスト")), p))
    raise DataError(
        f"'{path.name}' holds the parts {', '.join(sorted(parts))}, and each of these the classes",
        expected="a folder that holds a folder of pictures for each class",
        do=f"give {path.name}/{train}" + (f" and --test {path.name}/{test}" if test != train else ""),
    )


def _findings(path: Path, others: list[str], empty: list[str]) -> tuple[Finding, ...]:
    found: list[Finding] = []
    if empty:
        message = _("class folders of '{file}' without a picture: {names}", file=path.name, names=", ".join(empty[:10]))
        do = _("put pictures into them, or remove them")
        found.append(Finding("empty_class", "warning", message, path.name, do=do, evidence={"classes": empty[:100]}))
    if others:
        message = _(
            "files in '{file}' that are no pictures by their names, not read: {n}, such as {name}", file=path.name,
            n=len(others), name=others[0],
        )  # fmt: skip
        found.append(Finding("other_files", "note", message, path.name, evidence={"names": others[:20]}))
    return tuple(found)


def _digest(path: Path, pictures: list[str]) -> str:
    """Return a hash of names, sizes and both ends of every file: enough to tell two folders apart without reading all."""
    found: list[list[object]] = []
    for name in pictures:
        try:
            with (path / name).open("rb") as file:
                head = file.read(_END_BYTES)
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _END_BYTES))
                found.append([name, size, (head + file.read(_END_BYTES)).hex()])
        except OSError:  # opening the picture will say why
            found.append([name])
    return hash_json(found)
