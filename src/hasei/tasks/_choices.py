"""Questions with their choices, in the shapes in which people have them: one column a choice, or one column of lists.

The right choice may be given by its text, by its letter or number (as in the columns' names, else A, B, ...), or by its place,
counted from 0 or from 1: whichever reading fits the file. Canonical are a JSON list of texts and the text of the right one.

Shapes: k choices a row, k differing from row to row. Relations: read by :mod:`hasei.tasks.multiple_choice` alone.

>>> read('["red","blue"]')
('red', 'blue')
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import takewhile
from string import ascii_lowercase
from typing import Any

from hasei.ground.errors import DataError
from hasei.ground.files import canonical_json
from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding, Table
from hasei.tasks._columns import called, folded

LISTS = ("choices", "options", "endings", "answers", "candidates", "選択肢", "候補")
"""Usual names of a column that holds all choices of a row, best first."""
RIGHT = (
    "label", "answer", "answerkey", "answer_key", "answer_index", "answer_idx", "correct", "correct_answer", "gold", "target",
    "y", "正解", "正答", "答え", "ラベル",
)  # fmt: skip
"""Usual names of the column that says which is right, best first."""
_ONE = re.compile(r"(?:choice|option|opt|ending|answer|sol|選択肢|候補)[\s_\-.]*([0-9]+|[a-z])")
_SPOILT = 0.05
"""Share of rows that may be no question with choices before the whole file is taken for something else."""


@dataclass(frozen=True)
class _Row:
    """The choices of a row: what each is called there ("" where it has no name of its own), and its text."""

    names: tuple[str, ...]
    texts: tuple[str, ...]

    @property
    def wrong(self) -> str:
        """What makes it no row of choices, in words; "" where nothing does."""
        texts = [folded(text) for text in self.texts]
        if len(texts) < 2:
            return "fewer than two choices"
        return "two choices that are the same" if len(set(texts)) < len(texts) else ""


def read(cell: str | Sequence[str]) -> tuple[str, ...]:
    """Return the choices that a canonical cell holds (or that are given as they are); raises DataError where it holds none."""
    return _read(cell) if isinstance(cell, str) else tuple(cell)


@lru_cache(maxsize=65536)
def _read(cell: str) -> tuple[str, ...]:
    found = _listed(cell)
    if found is None or not found.texts:
        raise DataError(
            "the choices of a row are no list",
            expected='a JSON list of texts, such as ["red", "blue"]',
            received=cell[:40],
        )
    return found.texts


def arrange(table: Table, part: str) -> Table:
    """Return *table* with a column *part* of canonical choices and the right ones as texts; see above for what it reads.

    Rows that hold no choices, or whose right one is none of them, get a blank cell there, and a finding says which; raises
    DataError, naming the line, where that would be many.
    """
    rows, findings = _rows(table)
    if rows is None:
        return table
    bad = {i: row.wrong for i, row in enumerate(rows) if row.wrong and any(map(str.strip, table.cells[i]))}
    findings += _refused(table, bad, part)
    cells = ["" if i in bad or row.wrong else canonical_json(list(row.texts)) for i, row in enumerate(rows)]
    columns: dict[str, Sequence[str]] = {part: cells}
    right = called(table, RIGHT)
    if right is not None and not _ONE.fullmatch(folded(right)):
        place = table.columns.index(right)
        said = ["" if i in bad else row[place].strip() for i, row in enumerate(table.cells)]
        resolved, more = _resolved(table, right, rows, said)
        columns[right], findings = resolved, [*findings, *more]
    return _with(table, columns, findings)


def _rows(table: Table) -> tuple[list[_Row] | None, list[Finding]]:
    """Return the choices of each row; None where no column holds any."""
    single = {name: found[1] for name in table.columns if (found := _ONE.fullmatch(folded(name)))}
    if len(single) < 2:  # columns called A, B, ... without a gap
        names = {folded(name): name for name in table.columns}
        single = {names[letter]: letter for letter in takewhile(names.__contains__, ascii_lowercase)} or single
    if len(single) > 1:
        places = [(key, table.columns.index(name)) for name, key in single.items()]
        kept = [[(key, row[place].strip()) for key, place in places if row[place].strip()] for row in table.cells]
        return [_Row(tuple(k for k, __ in row), tuple(t for __, t in row)) for row in kept], []
    name = called(table, LISTS)
    if name is None:
        return None, []
    place = table.columns.index(name)
    return [_listed(row[place]) or _Row((), ()) for row in table.cells], []


def _listed(cell: str) -> _Row | None:
    """Return the choices of a JSON cell: a list of texts, or texts with what they are called; None where it is neither."""
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        return None
    names: Any = ()
    if isinstance(value, dict):
        names, value = value.get("label", ()), value.get("text")
    if isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
        names, value = [v.get("label", "") for v in value], [v.get("text") for v in value]
    if not isinstance(value, list) or not all(isinstance(v, (str, int, float)) for v in value):
        return None
    texts = [v.strip() if isinstance(v, str) else json.dumps(v) for v in value]
    if not all(texts):
        return None
    return _Row(tuple(map(folded, map(str, names))) if len(names) == len(texts) else (), tuple(texts))


def _by_text(row: _Row, said: str) -> int | None:
    texts = [folded(text) for text in row.texts]
    return texts.index(folded(said)) if folded(said) in texts else None


def _by_name(row: _Row, said: str) -> int | None:
    name = folded(said)
    names = row.names or tuple(ascii_lowercase[: len(row.texts)])
    return names.index(name) if name in names else None


def _by_place(first: int) -> Callable[[_Row, str], int | None]:
    def found(row: _Row, said: str) -> int | None:
        digits = re.fullmatch(r"([0-9]+)(?:\.0+)?", folded(said))
        place = int(digits[1]) - first if digits else -1
        return place if 0 <= place < len(row.texts) else None

    return found


_READINGS: tuple[Callable[[_Row, str], int | None], ...] = (_by_text, _by_name, _by_place(0), _by_place(1))
"""How a right choice may be said, the likeliest first."""


def _resolved(table: Table, column: str, rows: list[_Row], said: list[str]) -> tuple[list[str], list[Finding]]:
    """Return the texts of the right choices, by the one reading that fits the most rows."""
    filled = [i for i, text in enumerate(said) if text and not rows[i].wrong]
    tried = [[how(rows[i], said[i]) for i in filled] for how in _READINGS]
    best = min(tried, key=lambda places: sum(place is None for place in places))
    texts = ["" for __ in said]
    for i, place in zip(filled, best):
        texts[i] = "" if place is None else rows[i].texts[place]
    lost = {i: "a right choice that is none of them" for i, place in zip(filled, best) if place is None}
    return texts, _refused(table, lost, column)


def _refused(table: Table, bad: dict[int, str], column: str) -> list[Finding]:
    """Say which rows can't be used; raises DataError where they are too many for slips."""
    if not bad:
        return []
    first = min(bad)
    if len(bad) > _SPOILT * len(table.cells):
        raise DataError(
            f"'{table.path.name}', line {table.lines[first]} has {bad[first]}",
            expected="two or more different choices, and the right one by its text, letter or number",
            received=f"{len(bad)} such rows of {len(table.cells)}", do="correct them, or leave them out with --where",
        )  # fmt: skip
    lines = tuple(int(table.lines[i]) for i in bad)
    message = _(
        "rows of '{file}' that can't be used for their choices, line {line} first: {n}", file=table.path.name,
        line=lines[0], n=len(lines),
    )  # fmt: skip
    do = _("give each row two or more different choices, and the right one by its text, letter or number")
    return [
        Finding("choices", "warning", message, table.path.name, lines, do, variant=column, evidence={"why": bad[first]})
    ]


def _with(table: Table, columns: dict[str, Sequence[str]], findings: list[Finding]) -> Table:
    """Return *table* with *columns* added or replaced."""
    names = [*table.columns, *(name for name in columns if name not in table.columns)]
    places = [(names.index(name), cells) for name, cells in columns.items()]
    rows: list[tuple[str, ...]] = []
    for i, row in enumerate(table.cells):
        made = [*row, *[""] * (len(names) - len(row))]
        for place, cells in places:
            made[place] = cells[i]
        rows.append(tuple(made))
    return replace(table, columns=tuple(names), cells=rows, findings=(*table.findings, *findings))
