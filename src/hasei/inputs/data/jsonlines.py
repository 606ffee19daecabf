"""JSONL: one object per line (RFC 8259, 2017). The columns are the union of the keys, in the order first seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hasei.ground.errors import DataError
from hasei.inputs.data.encoding import detect
from hasei.inputs.data.source import NULL, Row, Source, empty, refuse_nul


def open_jsonlines(path: Path) -> Source:
    """Open a JSONL file; a first pass checks every line and collects the keys. Raises DataError naming a bad line."""
    encoding = detect(path)
    keys: dict[str, None] = {}
    for _, record in _objects(path, encoding.codec):
        keys.update(dict.fromkeys(record))
    if not keys:
        raise empty(path)
    header = tuple(keys)

    def rows() -> Iterator[Row]:
        for line, record in _objects(path, encoding.codec):
            yield line, [as_text(record.get(key)) for key in header]

    return Source(header, rows, encoding.codec, encoding.findings(path.name))


def is_jsonlines(first_line: str) -> bool:
    """Tell whether a file that begins with *first_line* holds JSON objects, whatever its suffix says."""
    try:
        return isinstance(json.loads(first_line), dict)
    except (ValueError, RecursionError):
        return False


def as_text(value: Any) -> str:
    """Return a JSON value as a cell: text as it is, null as :data:`~hasei.inputs.data.source.NULL`, anything else as JSON."""
    if isinstance(value, str):
        return value
    return NULL if value is None else json.dumps(value, ensure_ascii=False)


def _objects(path: Path, codec: str) -> Iterator[tuple[int, dict[str, Any]]]:
    # Lines end as in any text file; U+2028 inside a string is no line end.
    with path.open("r", encoding=codec, newline="") as file:
        for number, line in enumerate(file, start=1):
            refuse_nul(path, number, line)
            if line.strip():
                yield number, _object(path, number, line)


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"'{path.name}', line {number} is not a JSON object ({error})",
            expected='one object per line, such as {"text": "...", "label": "..."}',
            received=_shown(line),
        ) from error
    if not isinstance(record, dict):
        raise DataError(
            f"'{path.name}', line {number} is not a JSON object",
            expected='one object per line, such as {"text": "...", "label": "..."}',
            received=_shown(line),
        )
    if "\\u" in line:
        refuse_escapes(path, number, record)
    return record


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return record


def refuse_escapes(path: Path, number: int, record: dict[str, Any]) -> None:
    """Refuse what an escape can smuggle in: NUL, and half of a surrogate pair, which no encoding can write."""
    text = json.dumps(record, ensure_ascii=False)
    refuse_nul(path, number, "\0" if "\\u0000" in text else "")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            f"'{path.name}', line {number} holds half a character (a lone surrogate, {text[error.start]!a})",
            do="remove it, or export the file again",
        ) from error


def _shown(line: str) -> str:
    text = line.strip()
    return text if len(text) <= 40 else text[:40] + "..."
