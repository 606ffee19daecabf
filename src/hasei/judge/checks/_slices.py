"""Parts of the rows by the values of a column: how they are cut, and which of them differ from the rest beyond chance.

**Sources**: Wilson 1927; Fisher's exact test; Holm 1979. Counts are of units: rows that belong together count once.

Shapes: n rows; a slice is the indices of its rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hasei.engine.batching import Ints
from hasei.ground.language import _
from hasei.ground.statistics import Interval, effective_units, wilson
from hasei.inputs.data.roles import normalise
from hasei.judge.checks._room import Room
from hasei.tasks import Floats

LEAST_UNITS = 30
ALPHA = 0.05
_MOST_VALUES = 20


@dataclass(frozen=True)
class Part:
    """A slice: *value* says which, *rows* (m,) are its indices, *units* how many independent ones they amount to."""

    value: str
    rows: Ints
    units: float


def cut(cells: Sequence[str], units: Sequence[str], most: int = _MOST_VALUES) -> list[Part]:
    """Return the slices of n cells, the largest first; numbers are cut at their quartiles, rare values put together.

    *most* values are kept, the commonest. A column is one of numbers where every filled cell is one and there are more
    different ones than that.
    """
    values = [cell.strip() for cell in cells]
    numbers = _numbers(values, most)
    names = _common(values, most) if numbers is None else _quarters(numbers)
    rows: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        rows.setdefault(name, []).append(i)
    parts = [Part(name, np.array(found, np.int64), effective(found, units)) for name, found in rows.items()]
    return sorted(parts, key=lambda part: (-len(part.rows), part.value))


def effective(rows: Sequence[int] | Ints, units: Sequence[str]) -> float:
    """Return how many independent units the rows at *rows* amount to."""
    return effective_units(list(Counter(units[i] for i in rows).values()))


def _numbers(values: Sequence[str], most: int) -> npt.NDArray[np.float64] | None:
    """Return the filled cells as numbers, NaN where blank, or None where they are no numbers or few different ones."""
    try:
        numbers = np.array([float(value) if value else np.nan for value in values])
    except ValueError:
        return None
    finite = numbers[np.isfinite(numbers)]
    return numbers if len(np.unique(finite)) > most else None


def _quarters(numbers: npt.NDArray[np.float64]) -> list[str]:
    known = np.isfinite(numbers)
    edges = np.unique(np.quantile(numbers[known], [0.25, 0.5, 0.75]))
    ends = [f"{edge:g}" for edge in edges]
    names = [
        _("up to {high}", high=ends[0]),
        *(_("above {low} up to {high}", low=low, high=high) for low, high in pairwise(ends)),
        _("above {low}", low=ends[-1]),
    ]
    place = np.searchsorted(edges, numbers, side="left")
    return [names[p] if k else _blank() for p, k in zip(place.tolist(), known.tolist(), strict=True)]


def _common(values: Sequence[str], most: int) -> list[str]:
    counts = Counter(values)
    ranked = sorted(counts, key=lambda value: (-counts[value], value))
    kept = set(ranked if len(ranked) <= most + 1 else ranked[:most])
    return [(value or _blank()) if value in kept else _("other values") for value in values]


def _blank() -> str:
    return _("(blank)")


def rates(hits: npt.NDArray[np.bool_], part: Part) -> list[Interval]:
    """Return the share of each column of *hits* (n, l) in a slice, with its 95 % interval."""
    shares = hits[part.rows].mean(0)
    return [wilson(share * part.units, part.units, ALPHA / 2) for share in shares.tolist()]


def chances(hits: npt.NDArray[np.bool_], part: Part, units: Sequence[str]) -> tuple[Floats, Floats]:
    """Return how likely shares so low (l,), and so high (l,), are in a slice by chance, were it like the rest (Fisher).

    *hits* (n, l) are what is counted.
    """
    from scipy.stats import hypergeom

    rest = others(part, len(hits))
    here, there = round(part.units), round(effective(rest, units))
    if not here or not there:
        return np.ones(hits.shape[1]), np.ones(hits.shape[1])
    a = np.round(hits[part.rows].mean(0) * here)
    b = np.round(hits[rest].mean(0) * there)
    return hypergeom.cdf(a, here + there, a + b, here), hypergeom.sf(a - 1, here + there, a + b, here)


def others(part: Part, rows: int) -> Ints:
    """Return the indices of the rows, of *rows* in all, that are not in a slice."""
    return np.setdiff1d(np.arange(rows), part.rows)


def holm(chances: Sequence[float], alpha: float = ALPHA) -> list[bool]:
    """Return which of several tests hold at the level *alpha* for all of them together (Holm 1979)."""
    order = np.argsort(np.asarray(chances), kind="stable")
    held = [False] * len(chances)
    for rank, i in enumerate(order.tolist()):
        if chances[i] > alpha / (len(chances) - rank):
            break
        held[i] = True
    return held


def units_of(room: Room) -> list[str]:
    """Return the unit of each row at ``room.seen``: its group where one is named, else its content."""
    groups = room.column(room.group) if room.group else [""] * len(room.rows)
    return [normalise(groups[i]) or room.rows.contents[i] for i in room.seen]
