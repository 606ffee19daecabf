"""Units and roles, by the first rule of the verdict: a hash decides who trains, who selects and who confirms.

A unit is a cluster of rows that belong together: the same group where one is given, else the same normalised content.
Its key, hashed to a uniform number, falls under a threshold, so that adding rows never moves an old unit. A content
that stands in two roles, or in a given test file, is dropped from the less protected one and said.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hasei.ground.errors import DataError, nearest
from hasei.ground.files import hash_text
from hasei.ground.language import _
from hasei.inputs.data.dataset import Column, Dataset, Finding, Input, Mapping, Role, Table
from hasei.inputs.pictures import Picture

LEAST_UNITS = 20
"""Below this, a share of a fifth is easily empty."""
_PROTECTION: dict[str, int] = {"train": 0, "select": 1, "confirm": 2}
Clean = Callable[[Sequence[str]], tuple[list[str], list[Finding]]]


def normalise(value: Input) -> str:
    """Return what is compared: NFKC, no case, single spaces; the texts of a tuple joined by the unit separator.

    Of a picture its content is compared, wherever it lies.
    """
    if isinstance(value, Picture):
        return value.content
    if isinstance(value, tuple):
        return "\x1f".join(map(normalise, value))
    # The separators 1C to 1F count as white space, so that no text can hold one.
    if value.isascii():
        return " ".join(value.lower().split())
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
    return " ".join(folded.split())


class RawRow(NamedTuple):
    """A row with something to read: *target* as it stands there, maybe blank; *content* is what is compared."""

    line: int
    input: Input
    target: str
    content: str


def usable(table: Table, mapping: Mapping, columns: Sequence[Column]) -> Iterator[tuple[RawRow, tuple[str, ...]]]:
    """Yield each row of *table* that has something to read, labelled or not, with its cells."""
    reads = [_index(table, mapping.columns[column.name]) for column in columns if column.kind == "input"]
    (answer,) = (_index(table, mapping.columns[column.name]) for column in columns if column.kind == "target")
    for line, cells in zip(table.lines.tolist(), table.cells):
        texts = tuple(cells[index] for index in reads)
        if not any(map(_is_blank, texts)):
            value: Input = texts if len(texts) > 1 else texts[0]
            target = "" if _is_blank(cells[answer]) else cells[answer]
            yield RawRow(line, value, target, normalise(value)), cells


@dataclass(slots=True)
class _Row:
    """A usable row on its way into the data set; *group* is blank where there is none."""

    line: int
    input: Input
    target: str
    group: str
    content: str
    unit: str
    extra: tuple[str, ...] = ()
    role: Role = "confirm"

    def hash(self) -> str:
        return hash_text(f"{self.content}\x1e{self.target}")


def assemble(
    table: Table,
    mapping: Mapping,
    *,
    columns: Sequence[Column],
    clean: Clean,
    test: Table | None = None,
    group: str | None = None,
    licence: str = "unknown",
    select_share: float = 0.2,
    confirm_share: float = 0.2,
    extras: Sequence[str] = (),
) -> Dataset:
    """Make the data set of *table*, and of *test*, whose rows then are the confirm rows; *group* is the units' column.

    *clean* unifies raw targets, of both files together; *extras* are further columns to carry along. Rows of *table* come
    first, each file in its own order. Raises DataError where the files are the same, a column is absent, or a role is left
    without rows.
    """
    for name in extras:
        _index(table, name)
    rows, findings = _usable(table, mapping, columns, _index(table, group) if group else None, extras)
    confirm, more = _usable_test(test, mapping, columns, group, extras) if test else ([], [])
    files = [table.path.name] * len(rows) + [test.path.name if test else ""] * len(confirm)
    unified = _unify([*rows, *confirm], files, clean)
    findings = [*table.findings, *(test.findings if test else ()), *findings, *more, *unified]
    if test:
        _refuse_same(table, test, rows, confirm)
        rows = _without_leaks(table, test, rows, confirm, findings, group)
    for row in rows:
        row.role = _role(row.unit, select_share, 0.0 if test else confirm_share)
    rows = _without_bridges(table, rows, findings)
    findings += _conflicts(table, rows)
    shares = {
        "train": 1 - select_share - confirm_share,
        "select": select_share,
        "confirm": 1.0 if test else confirm_share,
    }
    _refuse_empty_roles(table, [*rows, *confirm], {role for role, share in shares.items() if share > 0}, group)
    return _dataset(table, test, rows, confirm, tuple(findings), mapping, licence, extras)


def _dataset(
    table: Table, test: Table | None, rows: list[_Row], confirm: list[_Row], findings: tuple[Finding, ...],
    mapping: Mapping, licence: str, extras: Sequence[str],
) -> Dataset:  # fmt: skip
    every = [*rows, *confirm]
    hashes = [row.hash() for row in every]
    # Neither the order of rows or columns nor a file's name changes the fingerprint; which file a row came from does.
    origins = ["train"] * len(rows) + ["test"] * len(confirm)
    return Dataset(
        inputs=[row.input for row in every],
        targets=[row.target for row in every],
        units=[row.unit for row in every],
        row_hashes=hashes,
        roles=np.array([row.role for row in every], dtype=np.str_),
        lines=np.array([row.line for row in every], dtype=np.int64),
        files=[table.path.name] * len(rows) + ([test.path.name] * len(confirm) if test else []),
        findings=findings,
        mapping=mapping,
        fingerprint=hash_text("\n".join(sorted(f"{origin} {key}" for origin, key in zip(origins, hashes)))),
        licence=licence,
        extras={name: [row.extra[place] for row in every] for place, name in enumerate(extras)},
    )


def _usable_test(
    test: Table, mapping: Mapping, columns: Sequence[Column], group: str | None, extras: Sequence[str]
) -> tuple[list[_Row], list[Finding]]:
    if group is None or group in test.columns:
        return _usable(test, mapping, columns, _index(test, group) if group else None, extras)
    rows, findings = _usable(test, mapping, columns, None, extras)
    message = _(
        "'{file}' has no column '{column}': only the texts could be kept apart, not the groups", file=test.path.name,
        column=group,
    )  # fmt: skip
    do = _("add the column '{column}'", column=group)
    return rows, [Finding("group", "warning", message, test.path.name, do=do), *findings]


def _usable(
    table: Table, mapping: Mapping, columns: Sequence[Column], together: int | None, extras: Sequence[str]
) -> tuple[list[_Row], list[Finding]]:
    """Return the rows with both input and target, and what was dropped. Raises DataError where none is left."""
    reads = [_index(table, mapping.columns[column.name]) for column in columns if column.kind == "input"]
    (answer,) = (_index(table, mapping.columns[column.name]) for column in columns if column.kind == "target")
    others = [table.columns.index(name) if name in table.columns else None for name in extras]
    rows: list[_Row] = []
    no_text: list[int] = []
    no_label: list[int] = []
    for line, cells in zip(table.lines.tolist(), table.cells):
        texts = tuple(cells[index] for index in reads)
        if any(map(_is_blank, texts)):
            no_text.append(line)
        elif _is_blank(cells[answer]):
            no_label.append(line)
        else:
            rows.append(_row(line, texts, cells[answer], "" if together is None else cells[together]))
            if others:
                rows[-1].extra = tuple("" if place is None else cells[place] for place in others)
    findings = _without_text(table, no_text, [table.columns[index] for index in reads])
    findings += _without_label(table, no_label, table.columns[answer])
    if not rows:
        raise DataError(
            f"no row of '{table.path.name}' has both {' and '.join(mapping.columns)}",
            received=f"{len(no_text)} rows with nothing to read, {len(no_label)} more without '{table.columns[answer]}'",
            do="check which columns were taken",
        )
    return rows, findings


def _row(line: int, texts: tuple[str, ...], target: str, group: str) -> _Row:
    value: Input = texts if len(texts) > 1 else texts[0]
    content, group = normalise(value), normalise(group)
    unit = hash_text(f"hasei.unit.group.v1\x1e{group}") if group else hash_text(f"hasei.unit.content.v1\x1e{content}")
    return _Row(line, value, target, group, content, unit)


def _index(table: Table, name: str) -> int:
    if name not in table.columns:
        raise DataError(f"'{table.path.name}' has no column '{name}'", do=nearest(name, table.columns))
    return table.columns.index(name)


def _is_blank(text: str) -> bool:
    """Nothing to be seen: white space of any width, and signs without a shape such as zero-width spaces."""
    if text.isascii() or len(text) > 100:
        return not text.strip()
    return all(unicodedata.category(char)[0] in "ZC" for char in unicodedata.normalize("NFKC", text))


def _without_text(table: Table, lines: Sequence[int], columns: Sequence[str]) -> list[Finding]:
    said = _dropped(table, lines, columns)
    return [Finding("blank_text", "warning", *said, _("fill it in, or leave them out"))] if lines else []


def _without_label(table: Table, lines: Sequence[int], column: str) -> list[Finding]:
    said = _dropped(table, lines, [column])
    return [Finding("blank_label", "warning", *said, _("fill it in, or leave them out"))] if lines else []


def _dropped(table: Table, lines: Sequence[int], columns: Sequence[str]) -> tuple[str, str, tuple[int, ...]]:
    """Return message, file and lines of rows that are dropped because one of *columns* is blank."""
    name, names = table.path.name, ", ".join(f"'{column}'" for column in columns)
    message = _("rows dropped from '{file}' because {columns} is blank: {n}", file=name, columns=names, n=len(lines))
    return message, name, tuple(lines)


def _unify(rows: list[_Row], files: Sequence[str], clean: Clean) -> list[Finding]:
    """Give the targets of *rows*, each of one of *files*, one spelling; a target that can't be read is named with its line."""
    try:
        targets, findings = clean([row.target for row in rows])
    except DataError as error:
        cell = error.cell if error.cell is not None else _unreadable([row.target for row in rows], clean)
        for row, file in zip(rows, files):
            if row.target == cell:
                raise DataError(
                    f"'{file}', line {row.line}: {error.happened}", expected=error.expected, received=error.received, do=error.do,
                ) from error  # fmt: skip
        raise
    for row, target in zip(rows, targets, strict=True):
        row.target = target
    return findings


def _unreadable(targets: Sequence[str], clean: Clean) -> str | None:
    """Return the first of *targets* that *clean* refuses by itself, None where it is their sum that is wrong."""
    for target in dict.fromkeys(targets):
        try:
            clean([target])
        except DataError:
            return target
    return None


def _refuse_same(table: Table, test: Table, rows: list[_Row], confirm: list[_Row]) -> None:
    same_bytes = table.file_hash == test.file_hash and np.array_equal(table.lines, test.lines)
    if same_bytes or {row.hash() for row in rows} == {row.hash() for row in confirm}:
        raise DataError(
            f"the train file '{table.path.name}' and the test file '{test.path.name}' hold the same rows",
            expected="a test file of rows that are not learnt from",
            do="leave out --test: some rows are then held out by themselves",
        )


def _without_leaks(
    table: Table, test: Table, rows: list[_Row], confirm: list[_Row], findings: list[Finding], group: str | None
) -> list[_Row]:
    """Drop the rows of the train file whose content or group stands in the test file; say which, and why."""
    contents = {row.content for row in confirm}
    groups = {row.group for row in confirm} - {""}
    leaks = tuple(row.line for row in rows if row.content in contents)
    together = tuple(row.line for row in rows if row.content not in contents and row.group in groups)
    if len(leaks) + len(together) == len(rows):
        what = f"every row of the train file '{table.path.name}'"
        raise DataError(
            f"{what} shares its '{group}' with the test file '{test.path.name}'" if together
            else f"{what} also stands in the test file '{test.path.name}'",
            do="leave out --test: some rows are then held out by themselves",
        )  # fmt: skip
    if leaks:
        message = _(
            "rows dropped from '{file}' that also stand in the test file '{test}': {n}", file=table.path.name,
            test=test.path.name, n=len(leaks),
        )  # fmt: skip
        do = _("keep the two files apart")
        findings.append(Finding("leak", "warning", message, table.path.name, leaks, do, variant="exact"))
    if together:
        findings.append(_dropped_groups(table, test, together, str(group)))
    return [row for row in rows if row.content not in contents and row.group not in groups]


def _dropped_groups(table: Table, test: Table, lines: tuple[int, ...], group: str) -> Finding:
    """Return the finding for rows whose texts are new but whose group is judged: what --group asks for, and no leak."""
    message = _(
        "rows dropped from '{file}' because their '{column}' stands in the test file '{test}' too: {n}; nothing of these groups"
        " is learnt from",
        file=table.path.name, column=group, test=test.path.name, n=len(lines),
    )  # fmt: skip
    do = _("nothing must be done; to learn from these rows, take the rows of these groups out of the test file")
    return Finding("group", "note", message, table.path.name, lines, do, variant="dropped")


def _role(unit: str, select_share: float, confirm_share: float) -> Role:
    """Place a unit by a uniform number in [0, 1) that depends on nothing but its key."""
    uniform = int.from_bytes(hashlib.sha256(f"hasei.role.v1\x1e{unit}".encode()).digest()[:8], "big") / 2**64
    if uniform < confirm_share:
        return "confirm"
    return "select" if uniform < confirm_share + select_share else "train"


def _without_bridges(table: Table, rows: list[_Row], findings: list[Finding]) -> list[_Row]:
    """Where one content stands in units of different roles, keep it in the most protected role only; say what went."""
    most: dict[str, int] = defaultdict(int)
    for row in rows:
        most[row.content] = max(most[row.content], _PROTECTION[row.role])
    bridges = tuple(row.line for row in rows if _PROTECTION[row.role] < most[row.content])
    if not bridges:
        return rows
    message = _(
        "rows dropped from '{file}' whose text stands in groups of different roles: {n}", file=table.path.name,
        n=len(bridges),
    )  # fmt: skip
    do = _("check the column given as --group")
    findings.append(Finding("bridge", "warning", message, table.path.name, bridges, do))
    return [row for row in rows if _PROTECTION[row.role] == most[row.content]]


def _conflicts(table: Table, rows: list[_Row]) -> list[Finding]:
    targets: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        targets[row.content].add(row.target)
    lines = tuple(row.line for row in rows if len(targets[row.content]) > 1)
    if not lines:
        return []
    texts = sum(len(several) > 1 for several in targets.values())
    message = _(
        "texts of '{file}' with different labels in different rows: {n} (in {rows} rows, kept)", file=table.path.name,
        n=texts, rows=len(lines),
    )  # fmt: skip
    return [Finding("conflict", "warning", message, table.path.name, lines, _("decide for one label per text"))]


def _refuse_empty_roles(table: Table, rows: list[_Row], needed: set[str], group: str | None) -> None:
    empty = sorted(needed - {row.role for row in rows}, key=_PROTECTION.__getitem__)
    if not empty:
        return
    units = len({row.unit for row in rows})
    what = f"different values of '{group}'" if group else "different texts"
    raise DataError(
        f"'{table.path.name}' has too little to split: none of {units} {what} fell to the role {' or '.join(empty)}",
        expected=f"at least {max(LEAST_UNITS, units + 1)}",
        received=str(units),
        do="add rows",
    )
