"""Which rows to label next, and a file to fill in: the unlabelled ones that would teach most, else suspect labels.

**Source**: Zhdanov 2019, *Diverse mini-batch active learning*: of the rows with the smallest margin, those nearest to
the centres of a k-means weighted by uncertainty, so that near-equal rows are not asked about twice. Here the head on the
base alone is asked: with the word counter that helps to judge labels, what the choice brings on snips is 0.3 to 1.4 points
less.

Shapes: u unlabelled rows, s labelled ones, h features, k classes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hasei.engine.batching import Ints
from hasei.ground.files import refuse_existing, write_text
from hasei.ground.language import _
from hasei.judge.checks._opinion import log_softmax, opinion, temperature
from hasei.judge.checks._room import Room
from hasei.judge.checks._suspects import suspects
from hasei.tasks import Floats

COLUMNS = ("file", "line", "text", "label", "suggested", "why", "new_label")
_MOST_READ = 20_000
_POOL = 20
_SAMPLE = 1000
_FAR = 0.95
_SAME = 0.95
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class NextRow:
    """A row to label: where it stands, its *text*, its *label* ("" for none), the *suggested* one and *why* it is asked."""

    file: str
    line: int
    text: str
    label: str
    suggested: str
    why: str


def next_rows(room: Room, most: int = 50) -> list[NextRow]:
    """Return up to *most* rows worth labelling next, the most telling first; [] where the task has no classes.

    Unlabelled rows first (of very many a random 20,000 are looked at), then suspect labels.
    """
    if room.task.target_kind != "category" or most < 1:
        return []
    fresh = _fresh(room)
    found = _unlabelled(room, fresh, most) if len(fresh) else []
    return [*found, *_suspect(room, most - len(found))] if len(found) < most else found


def write_next(out: Path, rows: Sequence[NextRow]) -> None:
    """Write *rows* as CSV with an empty column ``new_label``; raises OutputError where *out* exists (it may be filled in).

    UTF-8 with a byte order mark, so that spreadsheets read it as such; no cell can start a formula.
    """
    refuse_existing(out)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows:
        cells = (row.file, str(row.line), row.text, row.label, row.suggested, row.why, "")
        writer.writerow([_harmless(cell) for cell in cells])
    write_text(out, "\ufeff" + text.getvalue())


def _harmless(cell: str) -> str:
    """Return *cell* as text that a spreadsheet does not run and that UTF-8 can hold."""
    plain = cell.encode("utf-8", "replace").decode("utf-8")
    return f"'{plain}" if plain.startswith(_FORMULA) else plain


def _fresh(room: Room) -> Ints:
    """Return the unlabelled rows (u,) to look at: each text once, none that is labelled elsewhere."""
    known = set(room.rows.contents)
    first: dict[str, int] = {}
    for i, content in enumerate(room.unlabelled.contents):
        if content not in known:
            first.setdefault(content, i)
    rows = np.fromiter(first.values(), np.int64, len(first))
    if len(rows) > _MOST_READ:
        rows = np.sort(np.random.default_rng(room.seed).choice(rows, _MOST_READ, replace=False))
    return rows


def _unlabelled(room: Room, rows: Ints, most: int) -> list[NextRow]:
    inputs = [room.unlabelled.inputs[i] for i in rows]
    labels = room.task.encode(room.space, [room.rows.targets[i] for i in room.seen])
    sharpness = temperature(room.held_out, labels)
    features = room.features(inputs)
    probabilities = np.exp(log_softmax(room.answers_to(features), sharpness))
    chosen = telling(probabilities, features, most, room.seed)
    strange = _strange(room.seen_features, features[chosen])
    texts = room.unlabelled.texts()
    return [
        NextRow(
            room.unlabelled.files[rows[i]], int(room.unlabelled.lines[rows[i]]), texts[rows[i]], "",
            room.space.names[int(probabilities[i].argmax())], _("unlike anything labelled") if far else _("uncertain"),
        )
        for i, far in zip(chosen, strange, strict=True)
    ]  # fmt: skip


def telling(probabilities: Floats, features: Floats, most: int, seed: int = 0) -> Ints:
    """Return the positions of up to *most* rows, uncertain and unlike each other, the most uncertain first.

    *probabilities* (u, k), *features* (u, h).
    """
    doubt = _doubt(probabilities)
    if len(doubt) <= most:
        return np.argsort(-doubt, kind="stable")
    from sklearn.cluster import KMeans

    pool = np.argsort(-doubt, kind="stable")[: _POOL * most]
    points = _directions(features, features)[pool]
    found = KMeans(most, n_init=1, random_state=seed).fit(points, sample_weight=doubt[pool] + 1e-6)
    distance = np.linalg.norm(points - found.cluster_centers_[found.labels_], axis=1)
    nearest = [
        pool[m[distance[m].argmin()]] for m in (np.flatnonzero(found.labels_ == c) for c in range(most)) if len(m)
    ]
    chosen = np.array(nearest, np.int64)
    return chosen[np.argsort(-doubt[chosen], kind="stable")]


def _doubt(probabilities: Floats) -> Floats:
    """Return one less the margin between the two likeliest classes of each row (u,)."""
    two = -np.partition(-probabilities, 1, axis=1)[:, :2]
    doubt: Floats = 1 - (two[:, 0] - two[:, 1])
    return doubt


def _directions(features: Floats, around: Floats) -> Floats:
    """Return *features* (n, h) as directions of length one, seen from the middle of *around*."""
    moved = np.asarray(features, np.float64) - np.asarray(around, np.float64).mean(0)
    directions: Floats = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-12)
    return directions


def _strange(labelled: Floats, asked: Floats) -> list[bool]:
    """Return which of *asked* (a, h) are farther from all *labelled* (s, h) rows than nineteen of twenty of those are."""
    known = _directions(labelled, labelled)
    some = np.arange(len(known))[:: max(1, len(known) // _SAMPLE)]
    among = known[some] @ known.T
    among[np.arange(len(some)), some] = -1.0
    usual = float(np.quantile(among.max(1), 1 - _FAR))
    strange: list[bool] = ((_directions(asked, labelled) @ known.T).max(1) < usual).tolist()
    return strange


def _suspect(room: Room, most: int) -> list[NextRow]:
    found = opinion(room)
    if found is None or not found.is_worth_hearing():
        return []
    positions = suspects(found)
    place = {row: i for i, row in enumerate(room.seen.tolist())}
    features = room.seen_features[[place[row] for row in found.rows[positions].tolist()]]
    texts = room.rows.texts()
    return [
        NextRow(
            room.rows.files[row], int(room.rows.lines[row]), texts[row], found.names[found.labels[i]],
            found.names[found.rather[i]], _("suspect label"),
        )
        for i, row in ((i, int(found.rows[i])) for i in positions[_unlike(features, most)])
    ]  # fmt: skip


def _unlike(features: Floats, most: int) -> Ints:
    """Return the first *most* positions of ranked rows, passing over those that are near-equal to an earlier one."""
    directions = _directions(features, np.zeros((1, features.shape[1])))
    chosen: list[int] = []
    for i in range(len(directions)):
        if len(chosen) == most:
            break
        if not chosen or float((directions[chosen] @ directions[i]).max()) < _SAME:
            chosen.append(i)
    return np.array(chosen, np.int64)
