"""What the figures look like row by row: confusions, residuals, and the rows gained and lost against another model.

Texts are cut, and of each kind only a few are shown, chosen by a hash and not by hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from hasei.ground.files import hash_text

MOST_LABELS = 30
MOST_PAIRS = 15
MOST_EXAMPLES = 8
MOST_RESIDUALS = 500
_LONGEST = 240


def confusion(truth: Sequence[Any], answers: Sequence[Any]) -> dict[str, Any] | None:
    """Return ``{labels, counts}`` (row: truth, column: answer) of classes, or None with more than thirty of them."""
    labels = sorted({str(v) for v in (*truth, *answers)})
    if len(labels) > MOST_LABELS:
        return None
    place = {label: i for i, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), np.int64)
    for t, a in zip(truth, answers, strict=True):
        counts[place[str(t)], place[str(a)]] += 1
    return {"labels": labels, "counts": counts.tolist()}


def confused(truth: Sequence[Any], answers: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the pairs of classes most often taken for each other, each with the number of rows of its truth."""
    of = Counter(map(str, truth))
    pairs = Counter((str(t), str(a)) for t, a in zip(truth, answers, strict=True) if t != a)
    ranked = sorted(pairs.items(), key=lambda p: (-p[1], p[0]))[:MOST_PAIRS]
    return [{"truth": t, "answer": a, "count": n, "of": of[t]} for (t, a), n in ranked]


def residuals(truth: Sequence[float], answers: Sequence[float]) -> list[dict[str, float]]:
    """Return truth and answer of at most five hundred rows, evenly through them."""
    step = max(1, -(-len(truth) // MOST_RESIDUALS))
    return [{"truth": float(truth[i]), "answer": float(answers[i])} for i in range(0, len(truth), step)]


def gained_and_lost(
    inputs: Sequence[Any], truth: Sequence[Any], winner: Sequence[Any], other: Sequence[Any], files: Sequence[str],
    lines: Sequence[int],
) -> dict[str, Any]:  # fmt: skip
    """Return a few rows that only *winner* answers rightly and a few that only *other* does, and how many there are."""
    found: dict[str, list[int]] = {"gained": [], "lost": []}
    for i, (t, w, o) in enumerate(zip(truth, winner, other, strict=True)):
        if (w == t) != (o == t):
            found["gained" if w == t else "lost"].append(i)

    def shown(i: int) -> dict[str, Any]:
        return {
            "text": cut(inputs[i]), "truth": str(truth[i]), "winner": str(winner[i]), "other": str(other[i]),
            "file": files[i], "line": int(lines[i]),
        }  # fmt: skip

    picked = {
        k: sorted(rows, key=lambda i: hash_text(f"example:{cut(inputs[i])}"))[:MOST_EXAMPLES]
        for k, rows in found.items()
    }
    return {k: [shown(i) for i in rows] for k, rows in picked.items()} | {
        "gained_count": len(found["gained"]), "lost_count": len(found["lost"]),
    }  # fmt: skip


def cut(value: Any) -> str:
    """Return a text as one line of at most 240 signs; the parts of a pair are divided by a bar."""
    text = " ".join((value if isinstance(value, str) else " | ".join(value)).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
