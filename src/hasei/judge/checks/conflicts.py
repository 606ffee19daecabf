"""Different labels for one text: within the test file, across the two files, and but for punctuation or spacing.

Within the data file texts that are the same are already compared as the rows are read (``inputs/data/roles.py``).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable

from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._room import Room

NEEDS = "text"
_NOT_WORDS = re.compile(r"[\W_]+")


def find(room: Room) -> list[Finding]:
    """Return at most one finding per file and variant; rows of an earlier one are not named again."""
    if room.task.target_kind != "category":
        return []
    tests = [i for i in range(len(room.rows)) if room.rows.is_test[i]]
    within = _clashing(room, [(i, room.rows.contents[i]) for i in tests])
    across = [
        rows for rows in _clashing(room, enumerate(room.rows.contents)) if len({room.rows.files[i] for i in rows}) > 1
    ]
    # One kept row per text and label: what is the same in every sign has been said above or by the reader.
    first = {(c, t): i for i, (c, t) in enumerate(zip(room.rows.contents, room.rows.targets, strict=True))}
    several = {c for c, rows in _grouped(room, enumerate(room.rows.contents)).items() if len(rows) > 1}
    near = _clashing(room, [(i, _bare(c)) for (c, _t), i in first.items() if c not in several])
    return _said_within(room, within) + _said_across(room, across) + _said_near(room, near)


def _bare(content: str) -> str:
    """What is left of a text without punctuation and spaces; texts of nothing else stay as they are."""
    return _NOT_WORDS.sub("", content) or content


def _grouped(room: Room, keyed: Iterable[tuple[int, Hashable]]) -> dict[Hashable, dict[str, list[int]]]:
    """Return the rows of each key by label."""
    found: dict[Hashable, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for i, key in keyed:
        found[key][room.rows.targets[i]].append(i)
    return found


def _clashing(room: Room, keyed: Iterable[tuple[int, Hashable]]) -> list[list[int]]:
    """Return the rows of every key that has several labels."""
    grouped = _grouped(room, keyed).values()
    return [[i for rows in labels.values() for i in rows] for labels in grouped if len(labels) > 1]


def _said_within(room: Room, groups: list[list[int]]) -> list[Finding]:
    if not groups or room.test is None:
        return []
    file, rows = room.test.path.name, [i for group in groups for i in group]
    message = _(
        "texts of the test file '{file}' with different labels in different rows: {texts} (in {n} rows); no model can be"
        " right in all of them", texts=len(groups), file=file, n=len(rows),
    )  # fmt: skip
    do = _("decide for one label per text")
    return [Finding("conflict", "warning", message, file, room.rows.lines_of(rows), do, "test")]


def _said_across(room: Room, groups: list[list[int]]) -> list[Finding]:
    if not groups or room.test is None:
        return []
    by_file = room.rows.by_file(i for group in groups for i in group)
    data, test = room.table.path.name, room.test.path.name
    message = _(
        "texts with one label in '{data}' and another in '{test}': {texts}", texts=len(groups), data=data, test=test
    )
    do = _("find out by which rule each file was labelled, then decide for one label per text")
    return [Finding("conflict", "warning", message, file, lines, do, "files") for file, lines in by_file.items()]


def _said_near(room: Room, groups: list[list[int]]) -> list[Finding]:
    if not groups:
        return []
    by_file = room.rows.by_file(i for group in groups for i in group)
    message = _(
        "texts that differ only in punctuation or spacing but have different labels: {texts}", texts=len(groups)
    )
    do = _("decide for one label per text")
    return [Finding("conflict", "warning", message, file, lines, do, "near") for file, lines in by_file.items()]
