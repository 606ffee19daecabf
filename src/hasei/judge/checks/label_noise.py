"""Labels that look wrong: both a head on the base and a word counter, which have not seen the row, say another one.

**Source**: Northcutt et al. 2021, *Confident learning*, by cleanlab, on calibrated held-out probabilities.

What shows are slips, single rows against many. A rule that was applied wrongly throughout is learnt like a right one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hasei.engine.batching import Ints
from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks._base_fit import fit_of
from hasei.judge.checks._opinion import Opinion, opinion
from hasei.judge.checks._room import Room
from hasei.judge.checks._saying import bounds, percent
from hasei.judge.checks._suspects import noise_rate, suspects
from hasei.judge.evidence import UNKNOWN

NEEDS = "base"
_MOST = 50
_GRAVE = 0.02


def find(room: Room) -> list[Finding]:
    """Return one finding per file with suspect labels; nothing where the task has no classes or the rows are too few."""
    found = opinion(room)
    if found is None:
        return []
    unread = _unread(room)
    if unread >= UNKNOWN:
        message = _(
            "whether labels of '{file}' are wrong can't be told by this base: it reads {share} of the characters as unknown",
            file=room.table.path.name, share=percent(unread),
        )  # fmt: skip
        do = _("read twenty of these rows: are their labels right, and does the text say so?")
        return [Finding("label_noise", "note", message, do=do, variant="unclear")]
    if not found.is_worth_hearing():
        return [_unclear(room, found)]
    positions = suspects(found)
    rate = noise_rate(found)
    files = [room.rows.files[row] for row in found.rows[positions]]
    return [
        _of_file(room, found, positions[np.array([name == file for name in files])], file, bounds(rate))
        for file in dict.fromkeys(room.rows.files)
        if file in files
    ]


def _of_file(room: Room, found: Opinion, positions: Ints, file: str, rate: dict[str, Any]) -> Finding:
    rows = sum(room.rows.files[row] == file for row in found.rows)
    message = _(
        "labels of '{file}' that look wrong: {n} ({share}); an estimated {low} to {high} of all labels are such slips (labels"
        " wrong by one and the same rule do not show here)",
        n=len(positions), file=file, share=percent(len(positions) / rows), low=percent(rate["low"]),
        high=percent(rate["high"]),
    )  # fmt: skip
    return Finding(
        "label_noise", "warning" if rate["low"] >= _GRAVE else "note", message, file,
        room.rows.lines_of(found.rows[positions]), _advice(room),
        evidence={"rate": rate, "rows": rows, "suspects": _shown(room, found, positions)},
    )  # fmt: skip


def _advice(room: Room) -> str:
    if len(room.unlabelled):  # then the file of rows to label next is of those
        return _("read these rows, the most suspect first, and correct the labels")
    return _("correct these labels: --next OUT.csv writes the 50 most suspect rows with the label that looks right")


def _unread(room: Room) -> float:
    """Return the share of characters that the base does not know."""
    if room.task.input_kind != "text" or room.open_trunk is None:
        return 0.0
    return fit_of(room)[0].unknown


def _unclear(room: Room, found: Opinion) -> Finding:
    """Return the finding for readers that disagree even where they are surest: noise and ignorance look alike then."""
    surest = found.surest()
    rejected = surest[found.disagrees[surest]][:_MOST]
    file = room.table.path.name
    here = rejected[np.array([room.rows.files[row] == file for row in found.rows[rejected]], np.bool_)]
    message = _(
        "where the base and a word counter are surest, they still reject {share} of the labels of '{file}': either that"
        " many are wrong, or neither of them can read this text",
        share=percent(found.surest_disagrees().value), file=file,
    )  # fmt: skip
    return Finding(
        "label_noise", "warning", message, file, room.rows.lines_of(found.rows[here]),
        _("read twenty of these rows: are their labels right, and does the text say so?"), "unclear",
        {"surest_rejected": bounds(found.surest_disagrees()), "suspects": _shown(room, found, here)},
    )  # fmt: skip


def _shown(room: Room, found: Opinion, positions: Ints) -> list[dict[str, Any]]:
    """Return line, label and the likelier label of the first rows at *positions*: never the text."""
    return [
        {
            "line": int(room.rows.lines[found.rows[i]]), "label": found.names[found.labels[i]],
            "rather": found.names[found.rather[i]],
        }
        for i in positions[:_MOST]
    ]  # fmt: skip
