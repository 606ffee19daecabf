"""Where answers go: the rows as they came with two columns more, as CSV, TSV or JSONL, one batch after another."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from typing import Any, TextIO

_NAMES = ("label", "confidence")
_AUTOMATIC = "automatic"
_DELIMITERS = {".tsv": "\t", ".tab": "\t"}
_LINES = (".jsonl", ".ndjson")


def added_columns(columns: Sequence[str], *, automatic: bool = False, told: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of the new columns: ``label`` and ``confidence``, or others where a file has these.

    *automatic*: and ``automatic``, whether the answer is sure enough to go out without a person; *told*: what else is told of it.
    """
    taken = {column.strip().casefold() for column in columns}
    prefix, number = "", 1
    names = (*_NAMES, *([_AUTOMATIC] if automatic else []), *told)
    while any(f"{prefix}{name}" in taken for name in names):
        prefix, number = ("predicted_" if number == 1 else f"predicted_{number}_"), number + 1
    return tuple(f"{prefix}{name}" for name in names)


class Writer:
    """Writes rows to *file* in the format that *suffix* names (CSV unless it is another one that is known)."""

    def __init__(
        self, file: TextIO, columns: Sequence[str], suffix: str, *, automatic: bool = False, told: Sequence[str] = ()
    ) -> None:
        from hasei.inputs.data.source import Null

        self._null = Null
        self.file, self.columns = file, (*columns, *added_columns(columns, automatic=automatic, told=told))
        self._told = len(told)
        self._lines = suffix.lower() in _LINES
        self._csv = csv.writer(file, delimiter=_DELIMITERS.get(suffix.lower(), ","), lineterminator="\n")
        if not self._lines:
            self._csv.writerow(self.columns)

    def write(
        self, row: Sequence[str], value: Any, confidence: float | None, *, automatic: bool | None = None,
        told: Sequence[str] | None = None,
    ) -> None:  # fmt: skip
        """Write one row; *value* None: the row had nothing to answer; *automatic* None: it was not asked for.

        *told* is what else is told of the answer, None: nothing.
        """
        more = () if automatic is None else ("yes" if automatic else "no",)
        more = (*more, *(("",) * self._told if told is None else told))
        sure = None if confidence is None or not math.isfinite(confidence) else round(confidence, 4)
        if self._lines:
            known = (None if isinstance(cell, self._null) else cell for cell in row)
            record = dict(zip(self.columns, (*known, value, sure, *more)))
            self.file.write(json.dumps(record, ensure_ascii=False) + "\n")
        else:
            shown = ("" if value is None else str(value), "" if sure is None else f"{sure:.4f}")
            self._csv.writerow((*row, *shown, *more))
