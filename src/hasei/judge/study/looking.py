"""Looking at the data inside a study: at texts before anything is tried, at labels once the base has read the rows.

Confirm rows stay closed: what is said of labels rests on the rows that trials may see anyway.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from hasei.ground.errors import DataError
from hasei.inputs.data.dataset import Finding
from hasei.judge.checks import run_checks
from hasei.judge.checks._long import said_once
from hasei.judge.study.clock import Clock
from hasei.judge.study.lab import Lab

FIRST_SHARE, LATER_SHARE = 0.08, 0.1
"""Shares of the budget that looking may take, of texts and of labels."""
MOST_SECONDS = 90.0


def look(lab: Lab, clock: Clock) -> None:
    """Run the checks that read rows alone, and say what they find."""
    seconds = min(FIRST_SHARE * clock.budget, MOST_SECONDS)
    _run(lab, "text", seconds)


def look_closer(lab: Lab, clock: Clock, rows: np.ndarray) -> None:
    """Run the checks that rest on what the base makes of *rows*, those that trials have seen."""
    if lab.room is None:
        return
    here = {int(lab.data.lines[i]) for i in rows}
    mine = [
        i for i in range(len(lab.room.rows)) if not lab.room.rows.is_test[i] and int(lab.room.rows.lines[i]) in here
    ]
    lab.room.seen = np.array(mine, np.int64)
    _run(lab, "base", min(LATER_SHARE * clock.free(), MOST_SECONDS))


def _run(lab: Lab, kind: str, seconds: float) -> None:
    room = lab.room
    if room is None or seconds <= 0:
        return
    room.watch = lab.watch.until(time.monotonic() + seconds)
    try:
        found = run_checks(room, (kind,))
    except DataError as error:
        lab.note("checks", kind_of=kind, why=str(error))
        return
    known = {(f.kind, f.file, f.rows) for f in lab.data.findings}
    add(lab, [f for f in found if (f.kind, f.file, f.rows) not in known])


def add(lab: Lab, findings: list[Finding]) -> None:
    """Keep *findings* and say those that a person should know before going on."""
    lab.data = replace(lab.data, findings=tuple(said_once((*lab.data.findings, *findings))))
    for finding in findings:
        if finding.severity != "note" and any(finding is kept for kept in lab.data.findings):
            lab.watch.report("finding", finding.message)
