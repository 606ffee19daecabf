"""k-fold cross-validation: every train and select row is scored by a model of another fold, confirm rows are held out.

Select scores rest on all those rows instead of a fifth of them, at the price of as many trainings as folds. What is chosen
is refitted on all of them and opened on the confirm rows once, as in holdout.

Source: Stone 1974, "Cross-validatory choice and assessment of statistical predictions".
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hasei.derive.derived import DerivedModel
from hasei.engine.splits import folds
from hasei.judge.study.candidates import Candidate
from hasei.judge.study.clock import Clock
from hasei.judge.study.confirm import Choice, Confirmed, Verdict
from hasei.judge.study.crossfit import score_by_folds, skip_the_slow
from hasei.judge.study.curves import learning_curve
from hasei.judge.study.holdout import MOST_FEATURES, confirm_once, set_aside
from hasei.judge.study.lab import Lab
from hasei.judge.study.looking import look_closer
from hasei.judge.study.racing import keep_states


def run_kfold(
    lab: Lab, clock: Clock, candidates: Sequence[Candidate], folder: Path, run_id: str, *, count: int
) -> tuple[Choice, Verdict, DerivedModel, Confirmed]:
    """Run the whole scheme with *count* folds; W is left in ``folder/model`` and R in ``folder/reference``."""
    rows = lab.ordered("train", "select")
    confirm = set_aside(lab, clock, rows)
    rows, _ = lab.within(clock, rows, rows[:0], MOST_FEATURES)
    lab.prepare(rows)
    skip_the_slow(lab, clock, candidates, len(rows) * (count - 1) // count, trainings=count + 1)
    keep_states(lab, [c for c in candidates if c.gradients])
    fold = folds([lab.data.units[i] for i in rows], count, lab.seed)
    score_by_folds(lab, clock, candidates, rows, fold, "trying")
    look_closer(lab, clock, rows)
    curve = learning_curve(lab, clock, candidates, rows[fold != 0], rows[fold == 0])
    return confirm_once(lab, clock, candidates, np.sort(rows), rows, confirm, folder, run_id, curve)
