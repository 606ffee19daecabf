"""A column that plays no part in the task, for the rows of a data set: what today's process said, what a row is worth."""

from __future__ import annotations

from hasei.ground.errors import DataError, nearest
from hasei.inputs.data.dataset import Dataset, Table


def cells(name: str, data: Dataset, table: Table, test: Table | None = None) -> list[str]:
    """Return the cell of the column *name* for every row of *data* (n,), which was assembled of *table* and *test*.

    Raises DataError where a file lacks the column, or where it is the one that the task answers.
    """
    if name.strip() in {column.strip() for column in data.mapping.columns.values()}:
        part = next(p for p, column in data.mapping.columns.items() if column.strip() == name.strip())
        raise DataError(f"the column '{name}' is the {part} of the task already", do="name another column")
    found = {False: _by_line(name, table), True: {} if test is None else _by_line(name, test)}
    # With a test file its rows are the confirm rows, and no others are.
    tested = [test is not None and role == "confirm" for role in data.roles.tolist()]
    return [found[is_test][line] for is_test, line in zip(tested, data.lines.tolist())]


def _by_line(name: str, table: Table) -> dict[int, str]:
    known = {column.strip(): i for i, column in enumerate(table.columns)}
    if name.strip() not in known:
        raise DataError(f"'{table.path.name}' has no column '{name}'", do=nearest(name, table.columns))
    at = known[name.strip()]
    return {line: row[at] for line, row in zip(table.lines.tolist(), table.cells)}
