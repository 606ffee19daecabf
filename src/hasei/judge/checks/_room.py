"""What a check may look at: the rows of both files before anything is dropped, and what a base makes of them.

Shapes: n rows with text and label, of the data file and then of the test file; u rows with text and no label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hasei.engine.heads import solve_head
from hasei.engine.splits import folds
from hasei.ground.errors import DataError, nearest
from hasei.ground.events import Watch
from hasei.inputs.data.dataset import Dataset, Input, Mapping, Table
from hasei.inputs.data.roles import RawRow, usable
from hasei.tasks import Floats, Space, Task

if TYPE_CHECKING:
    from hasei.engine.trunk import Trunk
    from hasei.inputs.base import Base

Ints = npt.NDArray[np.int64]
_STRENGTHS = (1e-1, 1e-2)
"""Of the head's penalty: few rows want the first, many classes the second (3.7 points of accuracy on banking77)."""


@dataclass(frozen=True)
class Rows:
    """Rows of one kind, row i of every field being the same one.

    *contents* are what is compared (normalised); *targets* are clean, "" where there is none; *lines* 1-based, in *files*;
    *is_test*: it stands in the test file; *roles*: train, select or confirm, "" where it was dropped; *cells*: the whole
    line as read, in the order of its own file's columns.
    """

    inputs: list[Input]
    targets: list[str]
    contents: list[str]
    lines: Ints
    files: list[str]
    is_test: npt.NDArray[np.bool_]
    roles: npt.NDArray[np.str_]
    cells: list[tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.inputs)

    def texts(self) -> list[str]:
        """What a model reads of each row as one text (the parts of a tuple on lines of their own)."""
        return [i if isinstance(i, str) else "\n".join(i) for i in self.inputs]

    def lines_of(self, rows: Any) -> tuple[int, ...]:
        """Return the line numbers of the rows at the indices *rows*, sorted; they must be of one file."""
        return tuple(sorted({int(self.lines[i]) for i in rows}))

    def by_file(self, rows: Any) -> dict[str, tuple[int, ...]]:
        """Return the line numbers of the rows at the indices *rows* by the name of their file, the data file first."""
        found: dict[str, list[int]] = {}
        for i in sorted(set(map(int, rows))):
            found.setdefault(self.files[i], []).append(int(self.lines[i]))
        return {name: tuple(sorted(lines)) for name, lines in found.items()}


@dataclass
class Room:
    """Everything a check may look at. *time*, *identifier* and *slices* are columns that the user named.

    *seen* are the indices of the rows whose labels model-based checks may use: all of them, or in a study those that are
    not confirm rows. *open_trunk* opens the base; a check that calls it must have ``NEEDS = "base"``. *kept* is for
    :meth:`once`.
    """

    task: Task
    table: Table
    test: Table | None
    mapping: Mapping
    data: Dataset
    rows: Rows
    unlabelled: Rows
    seen: Ints
    base: Base | None = None
    group: str | None = None
    time: str | None = None
    identifier: str | None = None
    slices: tuple[str, ...] = ()
    watch: Watch = field(default_factory=Watch)
    seed: int = 0
    open_trunk: Callable[[], Trunk] | None = None
    kept: dict[str, Any] = field(default_factory=dict, repr=False)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what *make* gives, made at most once for all checks of this room."""
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]

    def column(self, name: str) -> list[str]:
        """Return the cells (n,) of a column, "" for the rows of a file without it; raises DataError where none has it."""
        places = [
            t.columns.index(name) if t is not None and name in t.columns else None for t in (self.table, self.test)
        ]
        if places == [None, None]:
            raise DataError(f"'{self.table.path.name}' has no column '{name}'", do=nearest(name, self.table.columns))
        rows = zip(self.rows.cells, self.rows.is_test.tolist(), strict=True)
        return ["" if (place := places[test]) is None else cells[place] for cells, test in rows]

    def other_columns(self) -> list[str]:
        """Return the columns of the data file that play no part in the task, in file order."""
        return [name for name in self.table.columns if name not in self.mapping.columns.values()]

    @cached_property
    def space(self) -> Space:
        """What a target can be, learnt from the rows at :attr:`seen`; raises DataError where there is nothing to learn."""
        return self.task.space([self.rows.targets[i] for i in self.seen])

    @cached_property
    def trunk(self) -> Trunk:
        """The base, opened for work."""
        if self.open_trunk is None:
            raise DataError("this check needs a base model", do="name one with --base")
        return self.open_trunk()

    def features(self, inputs: list[Input]) -> Floats:
        """Return the base's pooled last states (n, h) of *inputs*, float32, in the base's own pooling."""
        trunk = self.trunk
        return trunk.pooled(inputs, trunk.layers, trunk.base.pooling, self.watch)

    @cached_property
    def seen_features(self) -> Floats:
        """Features (s, h) of the rows at :attr:`seen`."""
        return self.features([self.rows.inputs[i] for i in self.seen])

    @cached_property
    def held_out(self) -> Floats:
        """Outputs (s, width) for the rows at :attr:`seen`, each by a solved head that has not seen its unit (5 folds)."""
        units = [self.rows.contents[i] for i in self.seen]
        targets = self.task.encode(self.space, [self.rows.targets[i] for i in self.seen])
        fold = folds(units, 5, self.seed)
        outputs = np.zeros((len(self.seen), self.space.width), np.float32)
        strengths: tuple[float, ...] = _STRENGTHS
        for out in (fold == number for number in range(5)):
            if out.all() or not out.any():
                continue
            tried = {strength: self._opinions(out, targets, strength) for strength in strengths}
            if len(tried) > 1:  # the first fold settles the strength for all of them
                strengths = (min(tried, key=lambda s: self._loss(tried[s], targets[out])),)
            outputs[out] = tried[strengths[0]]
        return outputs

    def _opinions(self, out: npt.NDArray[np.bool_], targets: Any, strength: float) -> Floats:
        """Outputs for the rows *out* of a head solved on the others."""
        self.watch.check()
        weight, bias = solve_head(self.task, self.space, self.seen_features[~out], targets[~out], strength)
        outputs: Floats = self.seen_features[out] @ weight.T + bias
        return outputs

    def _loss(self, outputs: Floats, targets: Any) -> float:
        import torch

        losses = self.task.loss(torch.from_numpy(outputs), torch.from_numpy(np.ascontiguousarray(targets)))
        return float(losses.mean())


def open_room(
    task: Task, table: Table, mapping: Mapping, data: Dataset, *, test: Table | None = None, only_learnt_from: bool = False,
    **others: Any,
) -> Room:  # fmt: skip
    """Return the room of the rows of *table* and *test*, of which *data* was assembled; *others* are fields of Room.

    *only_learnt_from*: model-based checks may look at train and select rows only (a study's confirm rows stay closed).
    """
    known = {(data.roles[i] == "confirm", int(data.lines[i])): str(data.roles[i]) for i in range(len(data))}
    labelled, blank = _rows(task, table, mapping, known, test is None, is_test=False)
    if test is not None:
        more, more_blank = _rows(task, test, mapping, known, False, is_test=True)
        labelled, blank = _joined(labelled, more), _joined(blank, more_blank)
    cleaned, _ = task.clean(labelled.targets)
    labelled = _with_targets(labelled, cleaned)
    allowed = np.isin(labelled.roles, ("train", "select")) if only_learnt_from else np.ones(len(labelled), np.bool_)
    return Room(task, table, test, mapping, data, labelled, blank, np.flatnonzero(allowed), **others)


def _rows(
    task: Task, table: Table, mapping: Mapping, known: dict[tuple[bool, int], str], alone: bool, *, is_test: bool
) -> tuple[Rows, Rows]:
    """Return the labelled and the unlabelled rows of one file."""
    kept: list[tuple[RawRow, tuple[str, ...]]] = []
    blank: list[tuple[RawRow, tuple[str, ...]]] = []
    for row, cells in usable(table, mapping, task.columns):
        (kept if row.target.strip() else blank).append((row, cells))

    def role(line: int) -> str:
        if is_test:
            return known.get((True, line), "")
        return known.get((False, line), "") or (known.get((True, line), "") if alone else "")

    return _made(kept, table, is_test, role), _made(blank, table, is_test, lambda line: "")


def _made(pairs: list[tuple[RawRow, tuple[str, ...]]], table: Table, is_test: bool, role: Callable[[int], str]) -> Rows:
    return Rows(
        inputs=[row.input for row, _ in pairs], targets=[row.target for row, _ in pairs],
        contents=[row.content for row, _ in pairs], lines=np.array([row.line for row, _ in pairs], np.int64),
        files=[table.path.name] * len(pairs), is_test=np.full(len(pairs), is_test),
        roles=np.array([role(row.line) for row, _ in pairs], dtype=np.str_), cells=[cells for _, cells in pairs],
    )  # fmt: skip


def _joined(one: Rows, other: Rows) -> Rows:
    return Rows(
        inputs=one.inputs + other.inputs, targets=one.targets + other.targets, contents=one.contents + other.contents,
        lines=np.concatenate([one.lines, other.lines]), files=one.files + other.files,
        is_test=np.concatenate([one.is_test, other.is_test]), roles=np.concatenate([one.roles, other.roles]),
        cells=one.cells + other.cells,
    )  # fmt: skip


def _with_targets(rows: Rows, targets: list[str]) -> Rows:
    from dataclasses import replace

    return replace(rows, targets=targets)
