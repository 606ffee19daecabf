"""Which format a file has: certain content first, then its suffix, then what its text looks like."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from hasei.ground.errors import DataError, nearest
from hasei.inputs.data.box_table import by_picture, header
from hasei.inputs.data.coco import is_coco, open_coco
from hasei.inputs.data.columnar import open_parquet
from hasei.inputs.data.delimited import open_delimited
from hasei.inputs.data.folder import open_folder
from hasei.inputs.data.jsonlines import is_jsonlines, open_jsonlines
from hasei.inputs.data.nested import is_document, open_document
from hasei.inputs.data.source import Source, empty
from hasei.inputs.data.voc import is_voc, open_voc
from hasei.inputs.data.workbook import open_workbook

_Opener: TypeAlias = Callable[[Path], Source]

_OPENERS: dict[str, _Opener] = {
    ".csv": open_delimited, ".tsv": open_delimited, ".tab": open_delimited, ".txt": open_delimited,
    ".jsonl": open_jsonlines, ".ndjson": open_jsonlines, ".xlsx": open_workbook, ".xlsm": open_workbook,
    ".parquet": open_parquet, ".pq": open_parquet,
}  # fmt: skip
"""Text may be CSV or JSONL whatever its suffix; a workbook or a Parquet file is known by its first bytes."""
_FORMATS = "CSV, TSV, XLSX, JSONL or Parquet"
_REFUSED = {
    ".xls": "open it in a spreadsheet program and save it as XLSX or 'CSV UTF-8'",
    ".ods": "open it in a spreadsheet program and save it as XLSX or 'CSV UTF-8'",
    ".pdf": "take the table out of it and save it as CSV",
    ".doc": "take the table out of it and save it as CSV",
    ".docx": "take the table out of it and save it as CSV",
    ".html": "take the table out of it and save it as CSV",
    ".xml": "export it as CSV",
    ".json": "write one object per line and call it .jsonl",
    ".zip": "unpack it first",
    ".gz": "unpack it first",
}
_MAGIC = {
    b"%PDF": ".pdf", b"\xd0\xcf\x11\xe0": ".xls", b"\x1f\x8b": ".gz", b"PAR1": ".parquet", b"PK\x03\x04": ".zip",
}  # fmt: skip


def open_source(path: Path) -> Source:
    """Open a file of rows in any format, or a folder of pictures. Raises DataError where there is none that can be read."""
    try:
        if path.is_dir():
            return open_voc(path) if is_voc(path) else open_folder(path)
        _refuse_no_file(path)
        if is_coco(path):
            return open_coco(path)
        return by_picture(path, _opener(path)(path))
    except PermissionError as error:
        raise DataError(f"'{path}' may not be read (permission denied)", do="change its permissions") from error


def form_of(path: Path) -> str:
    """Return what a file is: ``delimited``, ``jsonlines``, ``workbook``, ``parquet``, ``coco`` or ``boxes`` (a table with one
    row a box, which is not read as it stands); raises DataError as above.
    """
    _refuse_no_file(path)
    if is_coco(path):
        return "coco"
    opener = _opener(path)
    if opener is open_delimited and header(opener(path).header):
        return "boxes"
    return opener.__name__.removeprefix("open_")


def _refuse_no_file(path: Path) -> None:
    if path.is_dir():
        raise DataError(f"'{path}' is a folder", expected=f"a file of rows ({_FORMATS})", do="name the file in it")
    if not path.exists():
        there = [sibling.name for sibling in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = nearest(path.name, there)
        raise DataError(f"there is no file '{path}'", do=hint if hint.startswith("did") else "check the path")
    if not path.is_file():
        raise DataError(f"'{path}' is not a regular file", do="save the rows to a file first")
    if path.stat().st_size == 0:
        raise empty(path)


def _opener(path: Path) -> _Opener:
    """Choose the format: certain content first, then the suffix, then what text there is."""
    suffix = path.suffix.lower()
    with path.open("rb") as file:
        head = file.read(1 << 12)
    if suffix == ".json" and is_document(head.decode("utf-8-sig", "ignore")):
        return open_document
    kind = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "")
    if kind == ".zip" and (suffix in (".xlsx", ".xlsm") or _holds_workbook(path)):
        kind = ".xlsx"
    opener = _OPENERS.get(kind or suffix, open_delimited)
    if kind in _REFUSED or (suffix in _REFUSED and opener is open_delimited and not _first_is_object(head)):
        raise _unsupported(path, suffix, suffix if suffix in _REFUSED else kind)
    if not kind and opener in (open_workbook, open_parquet):
        raise DataError(
            f"'{path.name}' is damaged, or not what its suffix '{path.suffix}' says",
            expected=f"a file in the format {'XLSX' if opener is open_workbook else 'Parquet'}",
            do="export it again, or correct the suffix if it is text",
        )
    return open_jsonlines if opener is open_delimited and _first_is_object(head) else opener


def _unsupported(path: Path, suffix: str, kind: str) -> DataError:
    if suffix in (".xlsx", ".xlsm") and kind == ".xls":
        return DataError(f"'{path.name}' is protected by a password or of an old format", do="save it without, as XLSX")
    return DataError(f"'{path.name}' is of a format ({kind}) that can't be read", expected=_FORMATS, do=_REFUSED[kind])


def _holds_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False


def _first_is_object(head: bytes) -> bool:
    lines = head.decode("utf-8-sig", "ignore").split("\n")
    first = next((line for line in lines if line.strip()), "")
    # A long first line is cut, so that it is no whole object: then two signs of one must do.
    return is_jsonlines(first) or (len(lines) == 1 and first.lstrip().startswith('{"') and '":' in first)
