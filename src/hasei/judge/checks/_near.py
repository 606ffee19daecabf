"""Which rows repeat one another nearly, found once for all checks that ask.

Texts with the same letters are one *text*; pairs of different texts are near where the edits between them cost little for
their length and few other texts are as close, for then they are one formula with many fillings rather than copies.

Shapes: n rows, t different texts; ``text_of`` (n,) is the text of each row.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Indel
from rapidfuzz.process import cpdist

from hasei.ground.events import Watch
from hasei.judge.checks._candidates import candidates
from hasei.judge.checks._compare import HALF, Likeness, Text, compare, make_text
from hasei.judge.checks._forms import LONGEST, bare, core, is_function, shortened, squeezed, words
from hasei.judge.checks._sides import sides

if TYPE_CHECKING:
    from hasei.judge.checks._room import Room

Ints = npt.NDArray[np.int64]

MOST_TEXTS = 150_000
"""Texts that are compared: of more, the judged ones and a fixed choice of the others."""
MOST_COST = 1.5
COST_SHARE = 0.34
LONG_SHARE = 0.1
CROWD = 2
"""Further texts that may be as close: one less where the edits are not simple."""
SIMPLE = 1.0
_REACH = 0.5
_LEAST_AROUND = 3
_LEAST_ALIKE = 0.6
_READ = 50_000
_LEAST_THROUGHOUT = 0.9
_BLOCK = 50_000


@dataclass(frozen=True)
class Pair:
    """Two texts that are nearly one: their numbers, the cost of the edits between them, whether these are simple ones."""

    one: int
    other: int
    cost: float
    simple: bool


@dataclass(frozen=True)
class Near:
    """What stands in the rows: ``text_of`` (n,), the rows of each text, and the pairs of texts that are near.

    *compared* of the texts were compared; *whole*: all pairs of these that were worth it.
    """

    text_of: Ints
    rows_of: list[list[int]]
    pairs: list[Pair]
    compared: int
    whole: bool


def near(room: Room) -> Near:
    """Return the near texts of all rows of *room*, of both files; found once and kept."""
    if "near" not in room.kept:
        room.kept["near"] = find_near(room.rows.contents, room.watch, sides(room)[1])
    found: Near = room.kept["near"]
    return found


def find_near(contents: Sequence[str], watch: Watch, first: Sequence[bool] | npt.NDArray[np.bool_] = ()) -> Near:
    """Find the near texts among normalised *contents* (n,); those marked in *first* are compared before all others."""
    numbers: dict[str, int] = {}
    text_of = np.array([numbers.setdefault(squeezed(core(c)) or c, len(numbers)) for c in contents], np.int64)
    rows_of: list[list[int]] = [[] for _ in numbers]
    for row, text in enumerate(text_of.tolist()):
        rows_of[text].append(row)
    urgent = {int(text_of[row]) for row in np.flatnonzero(first)}
    order = sorted(
        range(len(rows_of)),
        key=lambda t: (t not in urgent, zlib.crc32(contents[rows_of[t][0]].encode("utf-8", "surrogatepass"))),
    )
    chosen = sorted(order[:MOST_TEXTS])
    pairs, whole = _pairs([contents[rows_of[text][0]] for text in chosen], watch)
    renamed = [replace(pair, one=chosen[pair.one], other=chosen[pair.other]) for pair in pairs]
    return Near(text_of, rows_of, renamed, len(chosen), whole)


def _text(content: str) -> Text:
    kept = shortened(core(content))
    return make_text(bare(kept), words(kept))


def _pairs(contents: list[str], watch: Watch) -> tuple[list[Pair], bool]:
    texts = list(map(_text, contents))
    i, j, whole = candidates([text.bare for text in texts], watch)
    frequency = Counter(word for text in texts for word in set(text.words))
    close: defaultdict[int, dict[int, Likeness]] = defaultdict(dict)
    for number, (a, b) in enumerate(_plausible(texts, i, j, watch)):
        if number % 1000 == 0:
            watch.check()
        like = compare(texts[a], texts[b], frequency)
        if (like.around or like.cost <= _allowed(like) + _REACH) and _alike_throughout(contents[a], contents[b]):
            close[a][b] = close[b][a] = like
    holders = _Holders(texts)
    found = [
        Pair(a, b, like.cost, not like.replaced and (like.around or like.cost <= SIMPLE))
        for a, others in sorted(close.items())
        for b, like in sorted(others.items())
        if a < b and _is_near(a, b, like, close, holders, texts)
    ]
    return found, whole


def _alike_throughout(one: str, other: str) -> bool:
    """Tell whether two texts of which only the ends were compared are alike in between, too."""
    if max(len(one), len(other)) <= LONGEST:
        return True
    return Indel.normalized_similarity(one[:_READ], other[:_READ]) >= _LEAST_THROUGHOUT


def _allowed(like: Likeness) -> float:
    return max(min(MOST_COST, COST_SHARE * like.shared), LONG_SHARE * like.shared)


def _is_near(
    a: int, b: int, like: Likeness, close: dict[int, dict[int, Likeness]], holders: _Holders, texts: list[Text]
) -> bool:
    if like.content < 2:
        return like.cost == 0 and like.shared > 0
    if like.cost <= _allowed(like):
        crowd = CROWD if like.cost <= SIMPLE else CROWD - 1
        return like.cost <= HALF or min(_crowd(a, b, like, close), _crowd(b, a, like, close)) <= crowd
    short = min((a, b), key=lambda text: len(texts[text].words))
    return like.around and like.content >= _LEAST_AROUND and holders.count(short) <= 2


def _crowd(a: int, b: int, like: Likeness, close: dict[int, dict[int, Likeness]]) -> int:
    """Count the further texts that are about as close to *a* as *b* is."""
    return sum(other != b and found.cost <= like.cost + _REACH for other, found in close[a].items())


class _Holders:
    """Counts the texts that hold all content words of a text."""

    def __init__(self, texts: list[Text]) -> None:
        self._texts = texts
        self._where: defaultdict[str, set[int]] = defaultdict(set)
        for number, text in enumerate(texts):
            for word in text.words:
                if not is_function(word):
                    self._where[word].add(number)

    def count(self, number: int) -> int:
        wanted = sorted((self._where[w] for w in set(self._texts[number].words) if not is_function(w)), key=len)
        return len(set.intersection(*wanted)) if wanted else len(self._texts)


def _plausible(texts: list[Text], i: Ints, j: Ints, watch: Watch) -> Iterator[tuple[int, int]]:
    """Yield the candidates that the words alone, whatever their order and however misspelt, do not make too dear."""
    held, content = _held(texts)
    weights = np.array([text.weight for text in texts])
    letters = ["".join(sorted(w for w in text.words if not is_function(w))) for text in texts]
    for start in range(0, len(i), _BLOCK):
        watch.check()
        a, b = i[start : start + _BLOCK], j[start : start + _BLOCK]
        shared = np.asarray(held[a].minimum(held[b]).sum(axis=1)).ravel()
        most, least = np.maximum(content[a], content[b]) - shared, np.minimum(content[a], content[b]) - shared
        smaller = np.minimum(weights[a], weights[b])
        allowed = np.maximum(np.minimum(MOST_COST, COST_SHARE * smaller), LONG_SHARE * smaller) + _REACH
        keep = (HALF * most <= allowed) | ((least == 0) & (shared >= _LEAST_AROUND))
        a, b, within = a[keep], b[keep], (least == 0)[keep]
        alike = cpdist([letters[k] for k in a], [letters[k] for k in b], scorer=Indel.normalized_similarity)
        keep = within | (alike >= _LEAST_ALIKE)
        yield from zip(a[keep].tolist(), b[keep].tolist())


def _held(texts: list[Text]) -> tuple[Any, Ints]:
    """Return how often each content word stands in each text, sparse (t, v), and the sums (t,)."""
    from scipy.sparse import csr_matrix

    vocabulary: dict[str, int] = {}
    counts = [Counter(w for w in text.words if not is_function(w)) for text in texts]
    columns = [vocabulary.setdefault(word, len(vocabulary)) for one in counts for word in one]
    ends = np.cumsum([0] + [len(one) for one in counts])
    data = np.fromiter((n for one in counts for n in one.values()), np.int32, len(columns))
    held = csr_matrix((data, columns, ends), shape=(len(texts), max(1, len(vocabulary))))
    return held, np.array([sum(one.values()) for one in counts], np.int64)
