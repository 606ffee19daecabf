"""Where answers go: the rows as they came with two columns more, as CSV, TSV or JSONL, one batch after another."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from typing import Any, TextIO

_NAMES = ("label", "confidence")
_DELIMITERS = {".tsv": "\t", ".tab": "\t"}
_LINES = (".jsonl", ".ndjson")


def added_columns(columns: Sequence[str]) -> tuple[str, str]:
    """Return the names of the two new columns: ``label`` and ``confidence``, or others where a file has these."""
    taken = {column.strip().casefold() for column in columns}
    prefix, number = "", 1
    while any(f"{prefix}{name}" in taken for name in _NAMES):
        prefix, number = ("predicted_" if number == 1 else f"predicted_{number}_"), number + 1
    return f"{prefix}{_NAMES[0]}", f"{prefix}{_NAMES[1]}"


class Writer:
    """Writes rows to *file* in the format that *suffix* names (CSV unless it is another one that is known)."""

    def __init__(self, file: TextIO, columns: Sequence[str], suffix: str) -> None:
        self.file, self.columns = file, (*columns, *added_columns(columns))
        self._lines = suffix.lower() in _LINES
        self._csv = csv.writer(file, delimiter=_DELIMITERS.get(suffix.lower(), ","), lineterminator="\n")
        if not self._lines:
            self._csv.writerow(self.columns)

    def write(self, row: Sequence[str], value: Any, confidence: float | None) -> None:
        """Write one row; *value* None: the row had nothing to answer."""
        sure = None if confidence is None or not math.isfinite(confidence) else round(confidence, 4)
        if self._lines:
            record = dict(zip(self.columns, (*row, value, sure)))
            self.file.write(json.dumps(record, ensure_ascii=False) + "\n")
        else:
            shown = ("" if value is None else str(value), "" if sure is None else f"{sure:.4f}")
            self._csv.writerow((*row, *shown))
