"""A cleaned copy of a file: personal data replaced by tags such as ``[EMAIL]``, everything else as it stands.

CSV and its kin and JSONL keep their form, encoding, order and every other character; XLSX and Parquet are written as CSV.
A column that is kept (the labels) is not touched. *Source*: what is replaced is what the check ``personal_data`` finds, so
that the check finds nothing in the copy.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TextIO

from hasei.ground.errors import DataError, OutputError, nearest
from hasei.ground.events import Watch
from hasei.ground.files import new_file, refuse_existing
from hasei.inputs.data.opening import form_of
from hasei.inputs.data.reading import Stream, stream
from hasei.inputs.data.verbatim import cell_of, piece_of, raw_codec, raw_lines, raw_records
from hasei.judge.checks import _personal_model
from hasei.judge.checks._personal import cell_hits, json_strings, redacted_cell, redacted_json

_AS_IT_STANDS = ("delimited", "jsonlines")


@dataclass
class Redaction:
    """What was done: *counts* of what was replaced and *left* of what stands in the kept column, by kind; *rows* changed."""

    out: Path
    counts: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    rows: int = 0


def redact(
    source: str | Path, out: str | Path, *, keep: str = "", by_model: bool | None = None, watch: Watch | None = None
) -> Redaction:
    """Write a cleaned copy of all rows of *source* to the new file *out* and return what was replaced.

    *keep* names the column that stays as it is; *by_model* also replaces names that an installed model sees (None: where
    one is installed). Raises DataError where *source* can't be read, OutputError where *out* exists or is named for
    another form; nothing is left under *out* then.
    """
    path, place = Path(source), Path(out)
    refuse_existing(place)
    form = form_of(path)
    _refuse_form(path, place, form)
    opened = stream(path)
    if keep and keep not in opened.columns:
        raise DataError(f"'{path.name}' has no column '{keep}' to keep", do=nearest(keep, opened.columns))
    for _row in opened.source.rows():  # A malformed file is refused before anything is written.
        (watch or Watch()).check()
    model = bool(_personal_model.installed()) if by_model is None else by_model
    work = _Work(path, opened, keep, model, watch or Watch(), Redaction(place))
    with new_file(place) as temporary:
        codec = raw_codec(path) if form in _AS_IT_STANDS else "utf-8"
        with temporary.open("w", encoding=codec, newline="") as file:
            {"delimited": work.delimited, "jsonlines": work.json_lines}.get(form, work.table)(file)
    return work.done


def _refuse_form(path: Path, out: Path, form: str) -> None:
    wanted = path.suffix.lower() if form in _AS_IT_STANDS else ".csv"
    if out.suffix.lower() != wanted:
        raise OutputError(
            f"the cleaned copy of '{path.name}' can't be called '{out.name}'",
            expected=f"a name that ends with '{wanted}'" if wanted else "a name without a suffix",
            do="choose another name for it",
        )


class _Work:
    """The cleaning of one file, written record by record."""

    def __init__(self, path: Path, opened: Stream, keep: str, model: bool, watch: Watch, done: Redaction) -> None:
        self.path, self.header, self.rows, self.keep = path, opened.columns, opened.source.rows, keep
        self.model, self.watch, self.done = model, watch, done
        # Cells repeat, above all short ones.
        self.clean = lru_cache(maxsize=1 << 16)(lambda cell, column: redacted_cell(cell, column, by_model=model))

    def cell(self, cell: str, column: str, kinds: list[str]) -> str:
        """Return a cell with what it holds replaced, unless it is kept; *kinds* grows by what was."""
        if self.keep and column == self.keep:
            self.done.left.update(hit.kind for hit in cell_hits(cell, column))
            return cell
        text, found = self.clean(cell, column)
        kinds += found
        return text

    def delimited(self, file: TextIO) -> None:
        """Write a delimited file; every piece of it that holds nothing personal as it stands."""
        below = False
        for pieces in raw_records(self.path):
            cells = range(pieces[0] == "\ufeff", len(pieces), 2)
            if below:
                self._record(pieces, cells)
            else:
                below = any(cell_of(pieces[place]).strip() for place in cells)
            file.write("".join(pieces))

    def _record(self, pieces: list[str], cells: range) -> None:
        kinds: list[str] = []
        for column, place in zip([*self.header, *[""] * len(cells)], cells):
            before = cell_of(pieces[place])
            after = self.cell(before, column, kinds)
            pieces[place] = pieces[place] if after == before else piece_of(after, pieces[place])
        self._count(kinds)

    def json_lines(self, file: TextIO) -> None:
        """Write a file of JSON objects; only strings and numbers that hold something personal change."""
        for line in raw_lines(self.path):
            text, kinds = redacted_json(line, by_model=self.model, keep=self.keep)
            for _start, _end, value, key in json_strings(line) if self.keep else ():
                self.done.left.update(hit.kind for hit in (cell_hits(value, key) if key == self.keep else ()))
            self._count(kinds)
            file.write(text)

    def table(self, file: TextIO) -> None:
        """Write the rows of a workbook or a Parquet file as CSV (RFC 4180)."""
        writer = csv.writer(file)
        writer.writerow(self.header)
        for _line, cells in self.rows():
            kinds: list[str] = []
            writer.writerow([self.cell(cell, column, kinds) for cell, column in zip(cells, self.header)])
            self._count(kinds)

    def _count(self, kinds: list[str]) -> None:
        self.watch.check()
        self.done.counts.update(kinds)
        self.done.rows += bool(kinds)
