"""The shapes in which rows travel: :class:`Table` (as read), :class:`Dataset` (mapped, grouped, with roles)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Input: TypeAlias = str | tuple[str, ...]
"""What a model reads of one row: a text, or several texts (a pair)."""

Role: TypeAlias = Literal["train", "select", "confirm"]


@dataclass(frozen=True)
class Column:
    """A column that a task needs. *kind*: what a model reads, or what it should answer.

    *hints* are usual names of such a column, best first, in any language, lower case.
    """

    name: str
    kind: Literal["input", "target"]
    hints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """Something worth saying about the data: how many rows, which lines, and what to do about it.

    *kind* is for programs (``leak``, ``duplicate``, ``label_noise``, ...), *variant* tells its sorts apart (``near``);
    *rows* are line numbers in *file*; *evidence* is plain JSON that shows why, never longer than it need be.
    """

    kind: str
    severity: Literal["error", "warning", "note"]
    message: str
    file: str = ""
    rows: tuple[int, ...] = ()
    do: str = ""
    variant: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)

    def to_json(self, most: int | None = 1000) -> dict[str, Any]:
        """Return the finding as plain JSON (the first *most* row numbers, None: all, and how many there are)."""
        return {
            "kind": self.kind, "variant": self.variant, "severity": self.severity, "file": self.file,
            "count": len(self.rows), "rows": [int(row) for row in self.rows[:most]], "message": self.message,
            "do": self.do, "evidence": self.evidence,
        }  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A file as read: every cell a string, blank cells empty strings; list cells (JSONL) kept as JSON text.

    *lines* are 1-based line numbers in the file (row numbers for XLSX and Parquet, the header being row 1).
    """

    path: Path
    columns: tuple[str, ...]
    cells: Sequence[tuple[str, ...]]
    lines: npt.NDArray[np.int64]
    encoding: str
    file_hash: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Mapping:
    """Which column of a table plays which part of a task, e.g. ``{"text": "message", "label": "department"}``."""

    columns: dict[str, str]
    guessed: frozenset[str] = frozenset()
    why: str = ""


@dataclass(frozen=True)
class Dataset:
    """Rows ready for a task; row i of every field is the same row.

    *inputs* what a model reads; *targets* the raw target as text; *units* the key (hex hash) of the cluster a row
    belongs to; *row_hashes* a hash of the row's normalised content and target; *roles* one of train / select / confirm;
    *files* / *lines* where the row came from; *extras* other columns that were asked for (slices, weights), "" where a
    file lacks one; *licence* that of the rows, and *licence_override* the user's reason to go on where it conflicts with
    the base's. *unlabeled*: rows of the same shape without a target; *stage*, *also*: columns among *extras* that hold the stage
    of a row and other targets of it, these with the task that each is of. Nothing is known here of what a target means.
    """

    inputs: list[Input]
    targets: list[str]
    units: list[str]
    row_hashes: list[str]
    roles: npt.NDArray[np.str_]
    lines: npt.NDArray[np.int64]
    files: list[str]
    findings: tuple[Finding, ...] = ()
    mapping: Mapping = field(default_factory=lambda: Mapping({}))
    fingerprint: str = ""
    licence: str = "unknown"
    extras: dict[str, list[str]] = field(default_factory=dict)
    licence_override: str = ""
    unlabeled: list[Input] = field(default_factory=list)
    stage: str = ""
    also: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)

    def where(self, *roles: Role) -> npt.NDArray[np.int64]:
        """Return the indices of the rows with one of *roles*, in file order."""
        return np.flatnonzero(np.isin(self.roles, roles))

    def take(self, rows: npt.NDArray[np.int64]) -> Dataset:
        """Return the data set of the rows *rows* only (the fingerprint stays that of the whole)."""
        return replace(
            self,
            inputs=[self.inputs[i] for i in rows], targets=[self.targets[i] for i in rows],
            units=[self.units[i] for i in rows], row_hashes=[self.row_hashes[i] for i in rows],
            roles=self.roles[rows], lines=self.lines[rows], files=[self.files[i] for i in rows],
            extras={name: [cells[i] for i in rows] for name, cells in self.extras.items()},
        )  # fmt: skip
