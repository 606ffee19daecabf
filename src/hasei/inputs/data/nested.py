"""One JSON document of questions over paragraphs, as question answering sets have it: one row a question.

Source: Rajpurkar et al. 2016, "SQuAD": ``{"data": [{"title", "paragraphs": [{"context", "qas": [{"id", "question",
"answers"}]}]}]}``. A row has its paragraph's context and its document's title; its line is its number in the document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hasei.ground.errors import DataError
from hasei.inputs.data.encoding import detect
from hasei.inputs.data.jsonlines import as_text, refuse_escapes
from hasei.inputs.data.source import Row, Source, empty, refuse_nul

_PARTS = ("data", "paragraphs", "qas")


def is_document(head: str) -> bool:
    """Tell whether a file that begins with *head* is one JSON object that holds such a document, and not one a line."""
    start = head.lstrip()
    return start.startswith("{") and '"paragraphs"' in start and '"data"' in start[: start.index('"paragraphs"')]


def open_document(path: Path) -> Source:
    """Open such a document, read as a whole. Raises DataError where it is none, or holds no question."""
    encoding = detect(path)
    text = path.read_text(encoding.codec)
    refuse_nul(path, 1, text)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"'{path.name}' is no sound JSON ({error})", do="export it again") from error
    records = list(_records(path, value))
    if not records:
        raise empty(path)
    for number, record in enumerate(records, start=1):
        refuse_escapes(path, number, record)
    header = tuple(dict.fromkeys(key for record in records for key in record))

    def rows() -> Iterator[Row]:
        for number, record in enumerate(records, start=1):
            yield number, [as_text(record.get(key)) for key in header]

    return Source(header, rows, encoding.codec, encoding.findings(path.name))


def _records(path: Path, value: Any) -> Iterator[dict[str, Any]]:
    for document in _listed(path, value, "data"):
        for paragraph in _listed(path, document, "paragraphs"):
            for asked in _listed(path, paragraph, "qas"):
                if not isinstance(asked, dict):
                    raise _unfit(path, "a question")
                above = {"title": document.get("title"), "context": paragraph.get("context")}
                yield above | {key: cell for key, cell in asked.items() if key != "plausible_answers"}


def _listed(path: Path, value: Any, part: str) -> list[Any]:
    found = value.get(part) if isinstance(value, dict) else None
    if not isinstance(found, list):
        raise _unfit(path, f"a list '{part}'")
    return found


def _unfit(path: Path, lacking: str) -> DataError:
    return DataError(
        f"'{path.name}' is no document of questions over paragraphs", expected=f"{lacking}, in {' / '.join(_PARTS)}",
        do="write one object per line and call it .jsonl",
    )  # fmt: skip
