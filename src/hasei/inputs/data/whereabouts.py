"""Where the pictures lie that a file of annotations names: beside it, or in one of the folders that are usual."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

_USUAL = ("", "images", "JPEGImages", "imgs", "img", "pictures", "data")
_LOOKED_AT = 20


def folder_of(path: Path, names: Sequence[str]) -> str:
    """Return what must stand before *names* so that they lead from the folder of *path* to pictures: "" or ``../images/``.

    The first usual folder that holds one of them counts, "" where none does. *path* may be a folder itself.
    """
    here = path if path.is_dir() else path.parent
    # instances_train2017.json lies in annotations/, its pictures in ../train2017 or ../images/train2017.
    split = path.stem.rpartition("_")[2]
    places = [*_USUAL, split, f"images/{split}", *(f"../{usual}" for usual in (*_USUAL[1:], split, f"images/{split}"))]
    some = [name for name in names if name.strip()][:_LOOKED_AT]
    for place in places:
        if any((here / place / name).is_file() for name in some):
            return f"{PurePosixPath(place)}/" if place else ""
    return ""
