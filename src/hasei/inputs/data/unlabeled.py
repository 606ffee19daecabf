"""Rows without a target: what some methods learn a domain from, and nothing is ever scored on."""

from __future__ import annotations

from collections.abc import Sequence

from hasei.ground.errors import DataError
from hasei.inputs.data.dataset import Column, Input, Mapping, Table
from hasei.inputs.data.mapping import guess
from hasei.inputs.data.roles import normalise


def unlabeled_rows(
    table: Table, columns: Sequence[Column], mapping: Mapping, judged: Sequence[Input]
) -> tuple[list[Input], int]:
    """Return what a model reads of each row of *table*, each content once, and how many of *judged* were left out.

    *mapping* is that of the labelled rows, *columns* those of the task; *judged* are the rows that scores are made on: a method
    that had read them would know what it is asked. Blank rows are left out. Raises DataError where nothing is left.
    """
    reads = [column for column in columns if column.kind == "input"]
    known = {name.strip(): name for name in table.columns}
    chosen = {c.name: known[mapping.columns[c.name].strip()] for c in reads if mapping.columns[c.name].strip() in known}
    found = guess(table, reads, chosen)
    places = [table.columns.index(found.columns[column.name]) for column in reads]
    asked = {normalise(item) for item in judged}
    kept: dict[str, Input] = {}
    left: set[str] = set()
    for cells in table.cells:
        texts = tuple(cells[place] for place in places)
        value: Input = texts if len(texts) > 1 else texts[0]
        content = normalise(value)
        if not all(normalise(text) for text in texts):
            continue
        if content in asked:
            left.add(content)
        else:
            kept.setdefault(content, value)
    if not kept:
        raise DataError(
            f"'{table.path.name}' holds no row to read without a target",
            expected="texts that are not among the rows that are scored", received=f"{len(table.cells):,} rows",
        )  # fmt: skip
    return list(kept.values()), len(left)


__all__ = ["unlabeled_rows"]
