"""Entities of a text as canonical JSON, as tags of places, and back.

``[{"start": 0, "end": 5, "label": "person"}]``: *start* and *end* in characters (Unicode code points), sorted, none overlapping.
Tags are IOB2 (Ramshaw & Marcus 1995; Sang & Veenstra 1999): ``B-x`` begins an entity, ``I-x`` goes on with one, ``O`` is none.

Shapes: m entities of a row (m, 3) as start, end, number of the label; p places (p, 2) as start, end; tags (p,), where 0 is O,
2j + 1 is B and 2j + 2 is I of label j; logits (p, 2k + 1).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hasei.ground.errors import DataError
from hasei.tasks import Array, Floats

Ints = npt.NDArray[np.int64]
Spans: TypeAlias = tuple[tuple[int, int, str], ...]
START = ("start", "begin", "start_offset", "start_char", "from", "offset_start", "開始", "開始位置")
END = ("end", "stop", "end_offset", "end_char", "to", "offset_end", "終了", "終了位置")
LABEL = ("label", "type", "entity_type", "entity_group", "entity", "tag", "slot", "category", "class", "name", "types", "labels",
         "ラベル", "種類", "固有表現タイプ")  # fmt: skip
BOTH = ("span", "offsets", "range", "位置")
_EXPECTED = 'a list such as [{"start": 0, "end": 5, "label": "person"}], [] for none'


def joined(spans: Iterable[tuple[int, int, str]]) -> str:
    """Return entities as canonical JSON text."""
    found = [{"start": int(a), "end": int(b), "label": label} for a, b, label in sorted(spans)]
    return json.dumps(found, ensure_ascii=False)


@lru_cache(maxsize=65536)
def parted(cell: str) -> Spans:
    """Return the entities (start, end, label) of a cell, sorted; raises :class:`DataError` where it can't be read."""
    try:
        value = json.loads(cell)
    except ValueError:
        value = None
    if isinstance(value, dict) and len(value) == 1:  # {"entities": [...]}
        value = next(iter(value.values()))
    if not isinstance(value, list):
        raise _unreadable(cell, _EXPECTED)
    return tuple(sorted({_entity(item, cell) for item in value}))


def _entity(item: Any, cell: str) -> tuple[int, int, str]:
    if isinstance(item, list) and len(item) == 3:
        start, end, label = item
    elif isinstance(item, dict):
        both = _first(item, BOTH)
        start, end = both if isinstance(both, list) and len(both) == 2 else (_first(item, START), _first(item, END))
        label = _first(item, LABEL)
    else:
        raise _unreadable(cell, _EXPECTED)
    label = label[0] if isinstance(label, list) and len(label) == 1 else label
    if not all(isinstance(place, int) and not isinstance(place, bool) for place in (start, end)):
        raise _unreadable(cell, "start and end as whole numbers")
    if not isinstance(label, (str, int)) or not str(label).strip():
        raise _unreadable(cell, "a label in every entity")
    return start, end, str(label)


def _first(item: dict[str, Any], names: Sequence[str]) -> Any:
    return next((item[name] for name in names if name in item), None)


def _unreadable(cell: str, expected: str) -> DataError:
    return DataError(
        f"a cell of entities can't be read: '{cell.strip()[:60]}'", expected=expected,
        do="correct it, or leave the row out with --where",
    )  # fmt: skip


def check(spans: Spans, length: int | None = None) -> str:
    """Return what is wrong with *spans* in a text of *length* characters (None: unknown), "" where nothing is."""
    before: tuple[int, int, str] | None = None
    for start, end, label in spans:
        shown = f"{start} to {end} ({label})"
        if start < 0 or end <= start or (length is not None and end > length):
            inside = "" if length is None else f" in a text of {length} characters"
            return f"an entity is out of range: {shown}{inside}"
        if before is not None and start < before[1]:
            return f"two entities overlap: {before[0]} to {before[1]} ({before[2]}) and {shown}"
        before = start, end, label
    return ""


def tag_names(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the names of all tags of *labels* in the order of outputs: O, then B and I of each."""
    return ("O", *(f"{part}-{label}" for label in labels for part in "BI"))


def marked(spans: Array, at: Array) -> tuple[Ints, Array]:
    """Return the tags (p,) of places *at* (p, 2) under *spans* (m, 3), and which spans (m,) they show exactly.

    A span that begins or ends inside a place takes the whole of it, unless a span before it did.
    """
    tags, exact = np.zeros(len(at), np.int64), np.zeros(len(spans), np.bool_)
    taken = 0
    for i, (start, end, label) in enumerate(spans.tolist()):
        low = max(taken, int(np.searchsorted(at[:, 1], start, side="right")))
        high = int(np.searchsorted(at[:, 0], end, side="left"))
        if low >= high:
            continue
        tags[low] = 2 * label + 1
        tags[low + 1 : high] = 2 * label + 2
        taken = high
        exact[i] = at[low, 0] == start and at[high - 1, 1] == end
    return tags, exact


def best_tags(logits: Floats) -> Ints:
    """Return the likeliest tags (p,) under *logits* (p, 2k + 1) among those in which each I goes on with an entity of its type.

    Source: Viterbi 1967. Where the likeliest tag of each place is such a sequence already, it is that.
    """
    tags = np.asarray(logits.argmax(1), np.int64)
    before = np.concatenate([[0], tags[:-1]])
    going_on = (tags > 0) & (tags % 2 == 0)
    if not (going_on & (before != tags) & (before != tags - 1)).any():
        return tags
    scores = np.asarray(logits, np.float64)
    width = scores.shape[1]
    inside = np.arange(2, width, 2)
    best, back = scores[0].copy(), np.zeros(scores.shape, np.int64)
    best[inside] = -np.inf
    for p in range(1, len(scores)):
        back[p] = best.argmax()
        own = np.where(best[inside - 1] >= best[inside], inside - 1, inside)
        back[p, inside] = own
        best = best[back[p]] + scores[p]
    tags[-1] = best.argmax()
    for p in range(len(scores) - 1, 0, -1):
        tags[p - 1] = back[p, tags[p]]
    return tags


def spans_of(tags: Ints, at: Array, labels: Sequence[str]) -> list[tuple[int, int, str]]:
    """Return the entities that legal *tags* (p,) of places *at* (p, 2) show."""
    found: list[tuple[int, int, str]] = []
    for tag, (start, end) in zip(tags.tolist(), at.tolist(), strict=True):
        if tag == 0:
            continue
        if tag % 2:
            found.append((int(start), int(end), labels[tag // 2]))
        else:
            found[-1] = (found[-1][0], int(end), found[-1][2])
    return found
