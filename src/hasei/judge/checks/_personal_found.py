"""Findings of personal data: per file and kind, where it stands and masked examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding, Table
from hasei.judge.checks._personal import KINDS, Hit, mask
from hasei.judge.checks._room import Room

_MOST_EXAMPLES = 5
# By law these may not lie about at all: PCI DSS 3.3, Japan's My Number Act (2013), the US Privacy Act (1974).
_GRAVE = ("payment_card", "my_number", "us_ssn")


@dataclass
class _Seen:
    """What was seen of one kind in one file."""

    count: int = 0
    lines: set[int] = field(default_factory=set)
    columns: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)


def findings(room: Room, look: Callable[[str, str], list[Hit]], by: str = "patterns") -> list[Finding]:
    """Return one finding for each kind that *look* (cell, column -> hits) sees in each file; *by* says what looked."""
    return [
        _finding(table, kind, seen[kind], room.mapping.columns.values(), by)
        for table in (room.table, room.test)
        if table is not None and (seen := _look(room, table, look))
        for kind in KINDS
        if kind in seen
    ]


def _look(room: Room, table: Table, look: Callable[[str, str], list[Hit]]) -> dict[str, _Seen]:
    found: dict[str, _Seen] = {}
    for place, column in enumerate(table.columns):
        known: dict[str, list[Hit]] = {}
        for row, cells in enumerate(table.cells):
            if row % 256 == 0:
                room.watch.check()
            cell = cells[place]
            if cell not in known:
                known[cell] = look(cell, column)
            for hit in known[cell]:
                _note(found.setdefault(hit.kind, _Seen()), hit, cell, column, int(table.lines[row]))
    return found


def _note(seen: _Seen, hit: Hit, cell: str, column: str, line: int) -> None:
    seen.count += 1
    seen.lines.add(line)
    seen.columns[column] = seen.columns.get(column, 0) + 1
    example = mask(hit.kind, cell[hit.start : hit.end])
    if len(seen.examples) < _MOST_EXAMPLES and example not in seen.examples:
        seen.examples.append(example)


def _finding(table: Table, kind: str, seen: _Seen, parts: object, by: str) -> Finding:
    severity: Literal["error", "warning"] = "error" if kind in _GRAVE else "warning"
    columns = ", ".join(f"'{name}'" for name in seen.columns)
    message = _says(kind, rows=len(seen.lines), file=table.path.name, count=seen.count, columns=columns)
    evidence = {"count": seen.count, "columns": seen.columns, "examples": seen.examples, "by": by}
    return Finding(
        "personal_data", severity, message, table.path.name, tuple(sorted(seen.lines)), _do(kind), kind, evidence
    )


def _says(kind: str, *, rows: int, file: str, count: int, columns: str) -> str:
    said = {
        "email": lambda **v: _("E-mail addresses stand in '{file}': {count} (rows: {rows}; columns: {columns}).", **v),
        "phone": lambda **v: _("Telephone numbers stand in '{file}': {count} (rows: {rows}; columns: {columns}).", **v),
        "postal_address":
            lambda **v: _("Postal addresses stand in '{file}': {count} (rows: {rows}; columns: {columns}).", **v),
        "payment_card":
            lambda **v: _("Numbers of payment cards stand in '{file}': {count} (rows: {rows}; columns: {columns}).", **v),
        "my_number": lambda **v: _("My Numbers (Japan) stand in '{file}': {count} (rows: {rows}; columns: {columns}).", **v),
        "iban":
            lambda **v: _("Numbers of bank accounts (IBAN) stand in '{file}': {count} (rows: {rows}; columns: {columns}).", **v),
        "us_ssn":
            lambda **v: _("US social security numbers stand in '{file}': {count} (rows: {rows}; columns: {columns}).", **v),
        "bank_account":
            lambda **v: _("Numbers of bank accounts stand in '{file}': {count} (rows: {rows}; columns: {columns}).", **v),
        "passport":
            lambda **v: _("Numbers of passports stand in '{file}': {count} (rows: {rows}; columns: {columns}).", **v),
        "ip_address": lambda **v: _("IP addresses stand in '{file}': {count} (rows: {rows}; columns: {columns}).", **v),
        "name": lambda **v: _("Names of people stand in '{file}': {count} (rows: {rows}; columns: {columns}).", **v),
    }  # fmt: skip
    return said[kind](rows=rows, file=file, count=count, columns=columns)


def _do(kind: str) -> str:
    if kind in _GRAVE:
        return _("remove them before anything else is done with the file: --redact OUT writes a cleaned copy")
    return _("write a cleaned copy with --redact OUT, unless you may and must learn from them")
