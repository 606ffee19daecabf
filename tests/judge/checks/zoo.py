"""The leak zoo: worlds made of real texts in which every kind of leak is planted at 1 % of the rows, and what was found.

A world is two files, ``data.csv`` and ``test.csv``, in which everything is clean by construction but the texts: identifiers
are a random order and each stands once, customers and dates stay on their side, two columns say nothing of the label.
Edits are planted into rows of at least five words (twelve letters in Japanese), exchanged words into rows of at least eight
(twenty): whether "yes please" repeats "yes" is no question of leaks. Codes are planted in rows of three
labels, a third of them in each.

Real texts hold real near copies, so that "clean" needs a rule of its own: :func:`alike` compares all pairs by normalised edit
distance (letters as they are, words sorted, the shorter inside the longer); a flagged row is a false alarm where nothing was
planted and that calls no row near. The rule knows nothing of hashing, word lists or costs.
"""

from __future__ import annotations

import csv
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist
from zoo_edits import EDITS, exchange, is_japanese

from hasei.ground.sketch import Sketch
from hasei.inputs.base import Base
from hasei.inputs.data import mapping, reading, roles
from hasei.inputs.data.dataset import Finding
from hasei.inputs.data.roles import normalise
from hasei.judge.checks import Room, open_room, run_checks
from hasei.tasks import open_task

SHARE = 0.01
NEAR = 0.75
"""From this likeness on, the independent rule calls two texts near."""
COLUMNS = ("id", "customer", "date", "team", "remark", "text", "label")

_DISGUISED = {"label_in_disguise"}
VARIANTS: dict[str, set[str]] = {
    "exact": {"exact", ""}, "near": {"near", "edit"}, **{f"edit: {name}": {"edit", "near"} for name in EDITS},
    "group": {"group"}, "future": {"time"}, "past": {"time"}, "shared id": {"id"}, "id order": {"id"},
    "label in a column": _DISGUISED, "label in the text": _DISGUISED, "code in the text": _DISGUISED,
    "base saw": {"base_saw"}, "copies": {"exact"}, "near copies": {"near"},
}  # fmt: skip
"""By which variants of findings a planted kind counts as named: whether a typo is an edit or a near copy is a matter of words."""


def least(kind: str) -> float:
    """Return the share of planted rows that must be named."""
    return {"exact": 1.0, "copies": 1.0, "near": 0.9, "near copies": 0.9}.get(kind, 0.95)


# Worlds


@dataclass
class World:
    """Rows of both files on their way to disk, and which were planted: kind -> (file, row number in it)."""

    data: list[dict[str, str]]
    test: list[dict[str, str]]
    planted: dict[str, set[tuple[str, int]]] = field(default_factory=lambda: defaultdict(set))
    counterparts: set[tuple[str, int]] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)

    def mark(self, kind: str, rows: Sequence[dict[str, str]], source: Sequence[dict[str, str]] = ()) -> None:
        """Note that *rows* were planted as *kind*; *source* are rows of the other side that may rightly be named too."""
        self.planted[kind] |= {self.place(row) for row in rows}
        self.counterparts |= {self.place(row) for row in source}

    def place(self, row: dict[str, str]) -> tuple[str, int]:
        return next(
            (name, number) for name, rows in (("data.csv", self.data), ("test.csv", self.test))
            for number, other in enumerate(rows) if other is row
        )  # fmt: skip


def clean(texts: list[tuple[str, str]], seed: int) -> World:
    """Return a world in which nothing is planted: four fifths of *texts* to learn from, one fifth to judge by."""
    rng = random.Random(seed)
    order = rng.sample(texts, len(texts))
    ids = rng.sample(range(10_000, 10_000 + 2 * len(order)), len(order))
    cut = len(order) * 4 // 5
    rows = []
    for number, (text, label) in enumerate(order):
        side = number >= cut
        customer = f"K-{side + 1}{rng.randrange(len(order) // 8):05}"
        month = rng.randrange(1, 7) + 6 * side
        rows.append({
            "id": str(ids[number]), "customer": customer, "date": f"2025-{month:02}-{rng.randrange(1, 29):02}",
            "team": rng.choice(("north", "south", "east")), "remark": rng.choice(("", "by phone", "by letter", "came in")),
            "text": text, "label": label,
        })  # fmt: skip
    return World(rows[:cut], rows[cut:])


def plant(world: World, seed: int, texts: list[tuple[str, str]]) -> None:
    """Plant every kind, each at 1 % of the rows, in rows that nothing else was planted in."""
    rng = random.Random(seed)
    share = max(5, round(SHARE * (len(world.data) + len(world.test))))
    free = rng.sample(world.data, len(world.data))
    judged = rng.sample(world.test, len(world.test))

    def take(
        rows: list[dict[str, str]], count: int = share, fit: Callable[[str], bool] = lambda text: True
    ) -> list[dict[str, str]]:
        chosen = [row for row in rows if fit(row["text"])][:count]
        for row in chosen:
            rows.remove(row)
        return chosen

    def copy(kind: str, into: list[dict[str, str]], edit: Callable[[str], str], fit: Callable[[str], bool]) -> None:
        for source in take(
            free, fit=lambda text: fit(text) and (kind in _SAME or normalise(edit(text)) != normalise(text))
        ):
            like = rng.choice(judged if into is world.test else free)
            row = like | {
                "id": str(rng.randrange(10**6, 10**7)),
                "text": edit(source["text"]),
                "label": source["label"],
            }
            into.append(row)
            world.mark(kind, [row], [source])

    words = [word for text, _ in rng.sample(texts, 500) for word in _content(text)]
    copy("exact", world.test, lambda text: rng.choice((text, text.upper(), f"  {text} ")), lambda text: True)
    for name, edit in EDITS.items():
        copy(f"edit: {name}", world.test, lambda text, edit=edit: edit(text, rng), _is_long_enough)
    copy("near", world.test, lambda text: exchange(text, words, rng), _is_long)
    copy("copies", world.data, str, lambda text: True)
    copy("near copies", world.data, lambda text: EDITS["typo"](text, rng), _is_long_enough)
    _plant_columns(world, rng, share, take, free, judged)
    _plant_labels(world, rng, share, take, free)
    seen = take(judged)
    world.seen = [normalise(row["text"]) for row in seen]
    world.mark("base saw", seen)


_SAME = {"exact", "copies"}


Take = Callable[..., list[dict[str, str]]]


def _plant_columns(
    world: World, rng: random.Random, share: int, take: Take, free: list[dict[str, str]], judged: list[dict[str, str]]
) -> None:
    for kind, column in (("group", "customer"), ("shared id", "id")):
        rows, sources = take(judged), take(free)
        for row, source in zip(rows, sources, strict=True):
            row[column] = source[column]
        shared = {row[column] for row in rows}
        world.mark(kind, rows, [row for row in [*world.data, *world.test] if row[column] in shared])
    for kind, rows, month in (("future", take(free), 9), ("past", take(judged), 3)):
        for row in rows:
            row["date"] = f"2025-{month:02}-{rng.randrange(1, 29):02}"
        world.mark(kind, rows)
    counts = Counter(row["label"] for row in free)
    rarest = min(
        sorted(label for label in counts if counts[label] >= min(share, max(counts.values()))), key=counts.__getitem__
    )
    block = [row for row in free if row["label"] == rarest][:share]
    for number, row in enumerate(block):
        free.remove(row)
        row["id"] = str(5_000 + number)
    world.mark("id order", block)


def _plant_labels(
    world: World, rng: random.Random, share: int, take: Callable[..., list[dict[str, str]]], free: list[dict[str, str]]
) -> None:
    rows = take(free)
    for row in rows:
        row["remark"] = row["label"]
    world.mark("label in a column", rows)
    rows = take(free)
    for row in rows:
        row["text"] = rng.choice(("[{0}] {1}", "{0}: {1}", "{1} #{0}")).format(
            row["label"].replace(" ", "_"), row["text"]
        )
    world.mark("label in the text", rows)
    counts = defaultdict(list)
    for row in free:
        counts[row["label"]].append(row)
    several = sorted(counts, key=lambda label: (-len(counts[label]), label))[:3]
    for number, label in enumerate(several):
        rows = counts[label][: -(-share // len(several))]
        for row in rows:
            row["text"] = f"Q{number + 7} {row['text']}"
        world.mark("code in the text", rows)


def _content(text: str) -> list[str]:
    return re.findall(r"[\u4e00-\u9fff]{2}", text) if is_japanese(text) else re.findall(r"[^\W\d_]{4,}", text)


def _is_long_enough(text: str) -> bool:
    return len(text) >= 12 if is_japanese(text) else len(text.split()) >= 5


def _is_long(text: str) -> bool:
    return len(text) >= 20 if is_japanese(text) else len(text.split()) >= 8


# What was found


def open_world(world: World, folder: Path) -> Room:
    """Write the two files and open their room, as the command line would."""
    task = open_task("text_classification")
    tables = []
    for name, rows in (("data.csv", world.data), ("test.csv", world.test)):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        tables.append(reading.read(folder / name))
    columns = mapping.guess(tables[0], task.columns, {"text": "text", "label": "label"})
    data = roles.assemble(tables[0], columns, columns=task.columns, clean=task.clean, test=tables[1])
    base = Base("parent", folder, sketches=(("parent", Sketch.of(world.seen).to_json()),))
    return open_room(task, tables[0], columns, data, test=tables[1], base=base)


def findings(room: Room) -> list[Finding]:
    """Return what the checks of rows find, and what was found when roles were given."""
    return [f for f in [*room.data.findings, *run_checks(room, ("text",))] if f.kind in ("leak", "duplicate")]


@dataclass
class Outcome:
    """Per kind, how many rows were planted and named; false alarms and rows, for leaks and for duplicates."""

    planted: dict[str, tuple[int, int]]
    alarms: dict[str, tuple[int, int]]
    near_by_rule: int = 0

    def share(self, kind: str) -> float:
        planted, named = self.planted[kind]
        return named / planted


def judge(world: World, room: Room) -> Outcome:
    """Compare what was found with what was planted, and what was flagged besides with the independent rule."""
    named: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for finding in findings(room):
        named[f"{finding.kind} {finding.variant}"] |= {(finding.file, line) for line in finding.rows}
    planted = {}
    lines = {"data.csv": room.table.lines, "test.csv": room.test.lines if room.test else ()}
    for kind, numbers in world.planted.items():
        places = {(name, int(lines[name][number])) for name, number in numbers}
        of = "duplicate" if "copies" in kind else "leak"
        hit = set().union(*(named[f"{of} {variant}"] for variant in VARIANTS[kind])) & places
        planted[kind] = (len(places), len(hit))
    numbers = set().union(*world.planted.values()) | world.counterparts
    ours = {(name, int(lines[name][number])) for name, number in numbers}
    flagged = {
        of: set().union(*(places for key, places in named.items() if key.startswith(of))) - ours
        for of in ("leak", "duplicate")
    }
    near = {of: _near_by_rule(room, places, across=of == "leak") for of, places in flagged.items()}
    alarms = {of: (len(flagged[of] - near[of]), len(room.rows)) for of in flagged}
    return Outcome(planted, alarms, len(near["leak"] | near["duplicate"]))


def _near_by_rule(room: Room, places: set[tuple[str, int]], *, across: bool) -> set[tuple[str, int]]:
    """Return those of *places* that the rule calls near to a row of the other file (*across*) or of their own."""
    where = {(name, int(line)): row for row, (name, line) in enumerate(zip(room.rows.files, room.rows.lines))}
    rows = np.array(sorted(where[place] for place in places), np.int64)
    others = (room.rows.is_test[rows][:, None] != room.rows.is_test) == across
    others[np.arange(len(rows)), rows] = False
    contents = room.rows.contents
    best = alike([contents[row] for row in rows], contents, others)
    return {(room.rows.files[row], int(room.rows.lines[row])) for row, found in zip(rows, best) if found >= NEAR}


def alike(some: list[str], every: list[str], others: np.ndarray) -> np.ndarray:
    """Return how alike each of *some* normalised texts is to its nearest of *every*, in [0, 1], by edit distance alone.

    *others* (some, every): which pairs count. All are compared three times: as they are, with words (letters, in Japanese)
    sorted, and as the shorter inside the longer where both have at least 20 letters (10 in Japanese).
    """
    if not some:
        return np.zeros(0)
    best = np.zeros(len(some))
    for way in (str, _sorted):
        found = cdist(
            list(map(way, some)), list(map(way, every)), scorer=Levenshtein.normalized_similarity, dtype=np.float32
        )
        best = np.maximum(best, (found * others).max(axis=1))
    rest = np.flatnonzero(best < NEAR)
    inside = cdist([some[i] for i in rest], every, scorer=fuzz.partial_ratio, score_cutoff=95, dtype=np.float32)
    inside *= others[rest] & np.array([[_is_long_to_stand_in(some[i])] for i in rest], np.bool_).reshape(-1, 1)
    inside *= np.array(list(map(_is_long_to_stand_in, every)))
    best[rest] = np.maximum(best[rest], NEAR * (inside.max(axis=1, initial=0) > 0))
    return best


def _sorted(text: str) -> str:
    return "".join(sorted(text)) if is_japanese(text) else " ".join(sorted(text.split()))


def _is_long_to_stand_in(text: str) -> bool:
    return len(text) >= (10 if is_japanese(text) else 20)
