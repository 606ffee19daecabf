"""Rows: read from a file, mapped to a task's columns, grouped into units, given roles. Nothing that needs a model.

::

    table = read(path)                    # reading.py, encoding.py   any format -> Table
    mapping = guess(table, columns, ...)  # mapping.py                which column is what, and why
    data = assemble(table, mapping, ...)  # roles.py                  units, roles, drops, findings -> Dataset
"""

from hasei.inputs.data.dataset import Column, Dataset, Finding, Input, Mapping, Table
from hasei.inputs.data.mapping import guess
from hasei.inputs.data.reading import read, stream
from hasei.inputs.data.roles import assemble, normalise

__all__ = [
    "Column", "Dataset", "Finding", "Input", "Mapping", "Table", "assemble", "guess", "normalise", "read", "stream",
]  # fmt: skip
