"""Nested cross-fitting with real trainings: every choice is made inside, so a candidate that only looks good is found out."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hasei.engine.splits import folds
from hasei.ground import plugins
from hasei.ground.events import Watch
from hasei.judge.study.clock import Clock
from hasei.judge.study.conduct import prepare
from hasei.judge.study.config import make_config
from hasei.judge.study.crossfit import OUTER, run_crossfit
from hasei.judge.study.lab import Lab

DROPINS = Path(__file__).parent / "dropins"
CLASSES = ["delivery", "payment"]
WORDS = [
    "the",
    "parcel",
    "card",
    "payment",
    "login",
    "page",
    "password",
    "account",
    "refund",
    "where",
    "is",
    "my",
    "how",
]


@pytest.fixture
def planted() -> Any:
    with plugins.extra("methods", DROPINS / "methods"), plugins.extra("formats", DROPINS / "formats"):
        yield plugins.load("formats", "planted")


@pytest.fixture
def chance(tmp_path: Path) -> Path:
    """120 texts whose labels follow from nothing."""
    rng = np.random.default_rng(51)
    labels = rng.permutation(CLASSES * 60)
    path = tmp_path / "rows.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["text", "label"])
        out.writerows([" ".join(rng.choice(WORDS, 8)), label] for label in labels)
    return path


def plant(written: Any, lab: Lab, fold: np.ndarray) -> None:
    """Let candidate k be right on seven of eight rows outside *fold* k, and on none in it."""
    written.WIDTH[0] = lab.space.width
    for i, text in enumerate(lab.data.inputs):
        truth = lab.space.names.index(lab.data.targets[i])
        for k in range(OUTER):
            written.ANSWERS[k, str(text)] = truth if fold[i] != k and i % 8 else 1 - truth


def test_candidates_that_look_good_only_by_being_chosen_on_the_rows_they_are_judged_by_are_found_out(
    planted: Any, chance: Path, toy_base: Any, tmp_path: Path
) -> None:
    # Of all rows together each planted candidate is right on 70 %, and whoever chooses with the outer fold in sight would
    # report that. Chosen inside, without fold k, candidate k is the best there is, and then it answers fold k.
    solved = {"feature_extraction": {"layer": 4, "pooling": "mean"}}
    recipes = [solved, *({"planted": {"number": k}} for k in range(OUTER))]
    config = make_config({
        "data": {"path": str(chance)}, "base": str(toy_base("bert")), "recipes": recipes, "checks": False,
    })  # fmt: skip
    lab, listed = prepare(config, Watch(), tmp_path / "work")
    plant(planted, lab, folds(lab.data.units, OUTER, lab.seed))
    candidates = [c for c in listed if c.role == "derived" or c.step.name == "majority"]
    choice, found, _, confirmed = run_crossfit(lab, Clock(600), candidates, tmp_path, "run")
    looked = [c.select.value for c in candidates if c.select and c.step.name == "planted"]
    assert len(looked) == OUTER and min(looked) >= 0.65
    assert next(c for c in candidates if c.step.name == "feature_extraction").status == "done"
    assert choice.winner.step.name == "planted"
    assert len(confirmed.rows) == 120
    assert found.ruling.evidence.winner_score.value <= 0.05
    assert found.ruling.decision.verdict in ("do not adopt", "rethink")
