"""Where a picture lies: a relative name, its file inside the data folder, and a hash of what it shows.

A :class:`Picture` is a text, its relative name, so that it goes wherever rows go and no path of the machine with it. Two
pictures are equal where their bytes are: moving, renaming or copying one changes nothing.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from hasei.ground.errors import DataError, nearest
from hasei.ground.files import hash_file

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff")
"""How the names of pictures end, lower case; what a file is, its content says."""
MOST_BYTES = 200_000_000


class Picture(str):
    """The relative name of a picture; *path* is its file on this machine, *content* the SHA-256 of its bytes (hex)."""

    path: Path
    content: str

    def __new__(cls, name: str, path: Path, content: str) -> Picture:
        """Make the text *name* that knows its file."""
        made = super().__new__(cls, name)
        made.path, made.content = path, content
        return made

    def __eq__(self, other: object) -> bool:
        return self.content == other.content if isinstance(other, Picture) else str.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.content)

    def __getnewargs__(self) -> Any:  # copies and other processes
        return str(self), self.path, self.content


def is_picture_name(name: str) -> bool:
    """Whether *name* ends like that of a picture."""
    return name.lower().endswith(SUFFIXES)


def locate(folder: Path, name: str, where: str = "") -> Picture:
    """Return the picture called *name* in *folder*, hashed; *where* says which row asks (``"'a.csv', line 3"``).

    Raises DataError where *name* leaves the folder (an absolute path, ``..``, a link that leads out) or is no file in it.
    """
    at = f"{where}: " if where else ""
    path = _inside(folder, name, at)
    size = path.stat().st_size
    if size == 0:
        raise DataError(f"{at}the picture '{name}' is empty (0 bytes)", do="copy it again, or leave its row out")
    if size > MOST_BYTES:
        raise DataError(
            f"{at}the picture '{name}' is too large a file", expected=f"at most {MOST_BYTES // 1_000_000} MB",
            received=f"{size / 1e6:,.0f} MB", do="scale it down",
        )  # fmt: skip
    try:
        return Picture(path.relative_to(folder.resolve()).as_posix(), path, hash_file(path))
    except PermissionError as error:
        raise DataError(f"{at}the picture '{name}' may not be read", do="change its permissions") from error


def as_picture(value: object) -> Picture:
    """Return what a row holds as the picture that it is; raises DataError where it is only a text, or several pictures."""
    if not isinstance(value, Picture):
        raise DataError(
            f"'{str(value)[:80]}' is no picture",
            expected="one picture in each row, read from a folder of pictures or a list of them",
        )
    return value


def _inside(folder: Path, name: str, at: str) -> Path:
    """Return the real file of *name*, which lies in the real *folder*."""
    cleaned = name.strip()
    parts = PurePosixPath(cleaned).parts
    if "\0" in cleaned or "://" in cleaned:
        raise DataError(f"{at}{cleaned[:80]!r} is no name of a file", expected="a path relative to the data's folder")
    if PurePosixPath(cleaned).is_absolute() or PureWindowsPath(cleaned).drive or PureWindowsPath(cleaned).root:
        raise DataError(
            f"{at}'{cleaned}' is an absolute path", expected="a path relative to the data's folder",
            do="write it relative to that folder, and move the picture into it",
        )  # fmt: skip
    if ".." in (*parts, *PureWindowsPath(cleaned).parts):
        raise DataError(
            f"{at}'{cleaned}' leaves the data's folder ('..')", expected="a path inside it",
            do="move the picture into the folder",
        )  # fmt: skip
    path = _spelt(folder, cleaned)
    if path is None and PurePosixPath(cleaned).name in _beside(folder / cleaned):
        raise DataError(
            f"{at}'{cleaned}' is a link to nothing",
            expected="a picture",
            do="put the picture in its place, or leave it out",
        )
    if path is None:
        near = nearest(PurePosixPath(cleaned).name, _beside(folder / cleaned))
        raise DataError(
            f"{at}there is no picture '{cleaned}' in the data's folder",
            do=near if near.startswith("did") else "check the path: it is read relative to the folder of the rows",
        )
    real = path.resolve()
    if not real.is_relative_to(folder.resolve()):
        raise DataError(
            f"{at}'{cleaned}' is a link that leads out of the data's folder", expected="a file inside it",
            do="copy the picture into the folder",
        )  # fmt: skip
    if not real.is_file():
        raise DataError(f"{at}'{cleaned}' is not a regular file", expected="a picture", do="leave its row out")
    return real


def _spelt(folder: Path, name: str) -> Path | None:
    """Return the file *name* under the spellings that other systems use: backslashes, composed or decomposed accents."""
    spellings = [name, name.replace("\\", "/")]
    spellings += [unicodedata.normalize(form, spelling) for spelling in spellings for form in ("NFC", "NFD")]
    try:
        return next((folder / s for s in dict.fromkeys(spellings) if s and (folder / s).exists()), None)
    except OSError:  # a name that no file system holds
        return None


def _beside(path: Path) -> list[str]:
    try:
        return [sibling.name for sibling in path.parent.iterdir()] if path.parent.is_dir() else []
    except OSError:
        return []
