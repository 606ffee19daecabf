"""Parquet, read in batches by pyarrow; row n of the data is row n + 1 of the file, the header being row 1."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hasei.ground.errors import DataError
from hasei.inputs.data.jsonlines import as_text
from hasei.inputs.data.source import Row, Source, refuse_nul

BATCH_ROWS = 1000


def open_parquet(path: Path) -> Source:
    """Open a Parquet file. Raises DataError where it is damaged or a column holds bytes that are no text."""
    header = tuple(_open(path).schema_arrow.names)

    def rows() -> Iterator[Row]:
        number = 1
        for batch in _batches(path):
            for cells in zip(*(_column(path, batch, i) for i in range(len(header)))):
                number += 1
                refuse_nul(path, number, "".join(cells))
                yield number, cells

    return Source(header, rows)


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"'{path.name}' can't be read as Parquet: it is damaged or cut short ({error})", do="export the file again"
    )


def _open(path: Path) -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path, memory_map=True)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _batches(path: Path) -> Iterator[Any]:
    import pyarrow as pa

    file = _open(path)
    try:
        yield from file.iter_batches(batch_size=BATCH_ROWS, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    finally:
        file.close()


def _column(path: Path, batch: Any, index: int) -> list[str]:
    import pyarrow as pa

    column = batch.column(index)
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Python's datetime ends at microseconds.
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    try:
        return [_cell(value) for value in column.to_pylist()]
    except UnicodeDecodeError as error:
        name = batch.schema.names[index]
        raise DataError(
            f"'{path.name}': the column '{name}' holds bytes that are no UTF-8 text",
            do="leave that column out, or write it as text",
        ) from error


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float) and math.isnan(value):
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if value is None or isinstance(value, (bool, int, float)):
        return as_text(value)
    return _nested(value)


def _nested(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (list, dict)) else str(value)
