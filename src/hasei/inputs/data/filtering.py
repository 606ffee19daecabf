"""``--where``: keep the rows for which every condition holds: ``column=value``, ``column!=value``, ``column~part``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from hasei.ground.errors import DataError, nearest

_OPERATOR = re.compile(r"!=|=|~")
_TESTS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda cell, value: cell.strip() == value,
    "!=": lambda cell, value: cell.strip() != value,
    "~": lambda cell, value: value in cell,
}


def condition(expressions: Sequence[str], columns: Sequence[str], path: Path) -> Callable[[Sequence[str]], bool]:
    """Return a test of a row's cells that holds where all *expressions* do; spaces around a value don't matter.

    Raises DataError for an expression without an operator and for a column that *path* doesn't have.
    """
    parsed = [_parse(expression, columns, path) for expression in expressions]
    return lambda cells: all(test(cells[index], value) for index, test, value in parsed)


def _parse(expression: str, columns: Sequence[str], path: Path) -> tuple[int, Callable[[str, str], bool], str]:
    operators = list(_OPERATOR.finditer(expression))
    if not operators:
        raise DataError(
            f"'{expression}' is no condition",
            expected="--where column=value, column!=value or column~part",
        )
    stripped = [column.strip() for column in columns]
    for operator in operators:
        # A column's own name may hold a sign such as '='.
        name = expression[: operator.start()].strip()
        if name in stripped:
            return stripped.index(name), _TESTS[operator.group()], expression[operator.end() :].strip()
    name = expression[: operators[0].start()].strip()
    raise DataError(f"'{path.name}' has no column '{name}' to filter by", do=nearest(name, columns))
