"""Columns of a table by their usual names, for tasks that arrange their rows."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from hasei.inputs.data.dataset import Table


def called(table: Table, hints: Sequence[str]) -> str | None:
    """Return the column that is called as the best of *hints*; None where none is."""
    by_name = {folded(name): name for name in reversed(table.columns)}
    return next((by_name[hint] for hint in hints if hint in by_name), None)


def folded(text: str) -> str:
    """Return *text* without case, width and doubled spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
