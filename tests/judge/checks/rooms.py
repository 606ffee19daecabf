"""Rooms made of a few rows, as the command line would open them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hasei.ground import plugins
from hasei.inputs.data import mapping, reading, roles
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks import Room, open_room
from hasei.tasks import open_task

Row = dict[str, str]


def write(path: Path, rows: Sequence[Row]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def room(folder: Path, rows: Sequence[Row], test: Sequence[Row] | None = None, **others: Any) -> Room:
    """Return the room of *rows* (the data file) and of *test*; every row needs ``text`` and ``label``."""
    task = open_task("text_classification")
    table = reading.read(write(folder / "data.csv", rows))
    other = reading.read(write(folder / "test.csv", test)) if test else None
    columns = mapping.guess(table, task.columns, {"text": "text", "label": "label"})
    data = roles.assemble(table, columns, columns=task.columns, clean=task.clean, test=other, group=others.get("group"))
    return open_room(task, table, columns, data, test=other, **others)


def find(check: str, opened: Room) -> list[Finding]:
    return plugins.load("judge/checks", check).find(opened)  # type: ignore[no-any-return]


_CITIES = (
    "oslo paris rome cairo lima quito tokyo delhi hanoi perth accra dakar sofia riga turin leeds bergen kyoto nara lyon"
)
_PLACES = _CITIES.split()
_THINGS = [
    "sofa",
    "lamp",
    "kettle",
    "mirror",
    "carpet",
    "piano",
    "bicycle",
    "camera",
    "tent",
    "violin",
    "drill",
    "clock",
]


def plain_rows(count: int, **columns: Any) -> list[Row]:
    """Return *count* rows of different things in different places, labels in turn; *columns* are functions of the number."""
    whys = (
        "was late again",
        "came without screws",
        "has the wrong colour",
        "makes a strange noise",
        "fell off the van",
    )
    rows = []
    for n in range(count):
        place, thing = _PLACES[n % len(_PLACES)], _THINGS[(n // 3) % len(_THINGS)]
        text = f"order {7919 * (n + 1) % 9973} from {place}: the {thing} {whys[n % 5]} {'x' * (n % 7)}"
        rows.append({name: make(n) for name, make in columns.items()} | {"text": text, "label": ("a", "b", "c")[n % 3]})
    return rows
