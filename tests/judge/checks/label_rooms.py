"""Rooms for tests of what labels are worth: from rows made up here, or from a part of a real set read by the real base."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from hasei.inputs import data as rooms
from hasei.inputs.base import Base
from hasei.judge.checks import Room, open_room
from hasei.judge.checks._opinion import Opinion
from hasei.tasks import open_task

HEADER = ("text", "label")


def write(path: Path, rows: Sequence[tuple[str, ...]], header: tuple[str, ...] = HEADER) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def made(folder: Path, rows: Sequence[tuple[str, ...]], header: tuple[str, ...] = HEADER, **others: Any) -> Room:
    """A room of rows made up here; *test* are rows of a test file; line i + 2 is row i."""
    test = others.pop("test", None)
    task = open_task(others.pop("task", "text_classification"))
    table = rooms.read(write(folder / "data.csv", rows, header))
    tests = rooms.read(write(folder / "test.csv", test, header)) if test else None
    mapping = rooms.guess(table, task.columns, {column.name: header[i] for i, column in enumerate(task.columns)})
    data = rooms.assemble(table, mapping, columns=task.columns, clean=task.clean, test=tests, group=others.get("group"))
    return open_room(task, table, mapping, data, test=tests, **others)


def real(path: Path, classes: Sequence[str], each: int, blank: int = 0) -> Room:
    """A room of the first *each* rows of some classes, and *blank* more of each without their label, read by MiniLM."""
    task = open_task("text_classification")
    table = rooms.read(path)
    text, label = (table.columns.index(name) for name in HEADER)
    of = {name: [i for i, cells in enumerate(table.cells) if cells[label] == name] for name in classes}
    kept = {i for rows in of.values() for i in rows[:each]}
    unlabelled = {i for rows in of.values() for i in rows[each : each + blank]}
    order = sorted(kept | unlabelled)
    cells = [(table.cells[i][text], table.cells[i][label] if i in kept else "") for i in order]
    table = replace(table, columns=HEADER, cells=cells, lines=table.lines[order])
    mapping = rooms.guess(table, task.columns, {"text": "text", "label": "label"})
    data = rooms.assemble(table, mapping, columns=task.columns, clean=task.clean)
    return open_room(task, table, mapping, data, open_trunk=minilm)


def relabelled(room: Room, targets: Sequence[str]) -> Room:
    """The same room with other labels; what the base makes of the texts is kept."""
    other = replace(room, rows=replace(room.rows, targets=list(targets)), kept={})
    other.__dict__["seen_features"] = room.seen_features
    return other


def flipped(room: Room, share: float, seed: int) -> tuple[Room, set[int]]:
    """The room with a share of its labels made wrong, and the line numbers of those."""
    rng = np.random.default_rng(seed)
    names, targets = sorted(set(room.rows.targets)), list(room.rows.targets)
    wrong = rng.permutation(len(targets))[: round(share * len(targets))]
    for i in wrong:
        targets[i] = str(rng.choice([name for name in names if name != targets[i]]))
    return relabelled(room, targets), {int(room.rows.lines[i]) for i in wrong}


@lru_cache(maxsize=1)
def minilm() -> Any:
    from hasei.engine.trunk import Trunk

    return Trunk(Base.open("all-minilm-l6-v2"))


def opinion_of(labels: Sequence[int], probabilities: Any, units: Sequence[str] | None = None) -> Opinion:
    """An opinion made up here, of rows that are each a unit unless told otherwise."""
    chances = np.asarray(probabilities, np.float64)
    names = tuple(f"class {i}" for i in range(chances.shape[1]))
    keys = list(units) if units is not None else [str(i) for i in range(len(labels))]
    return Opinion(np.arange(len(labels)), np.asarray(labels, np.int64), chances, names, keys)


def sure_of(classes: Sequence[int], width: int, chance: float = 0.9) -> np.ndarray:
    """Probabilities of a reader that is as sure as *chance* of one class a row."""
    rest = np.full((len(classes), width), (1 - chance) / (width - 1))
    rest[np.arange(len(classes)), classes] = chance
    return rest
