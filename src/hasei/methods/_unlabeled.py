"""Rows without a target, as methods learn from them."""

from __future__ import annotations

from collections.abc import Sequence

from hasei.engine.derivation import Context
from hasei.ground.errors import DataError, NotSupported
from hasei.inputs.data.dataset import Input


def unlabeled_of(context: Context, name: str) -> list[Input]:
    """Return the rows without a target, each once. Raises NotSupported without any, DataError where one is blank."""
    if not context.unlabeled:
        raise NotSupported(f"'{name}' needs rows without a target (unlabeled rows)", received="none", do="give some")
    refuse_blank(context.unlabeled)
    return list(dict.fromkeys(context.unlabeled))


def refuse_blank(rows: Sequence[Input]) -> None:
    """Raise DataError where one of the unlabeled *rows* holds no text."""
    blank = [i for i, row in enumerate(rows, 1) if not any(text.strip() for text in parts(row))]
    if blank:
        raise DataError(
            f"of the rows without a target, number {blank[0]} is blank" + (f" (and {len(blank) - 1} more)" if blank[1:] else ""),
            expected="a text in each", do="leave blank ones out",
        )  # fmt: skip


def parts(row: Input) -> tuple[str, ...]:
    """Return the texts that *row* holds; of a picture its place."""
    return (
        (row,) if isinstance(row, str) else tuple(str(part) for part in row) if isinstance(row, tuple) else (str(row),)
    )
