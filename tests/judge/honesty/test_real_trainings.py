"""The same questions as of the worlds of scores, asked of whole studies with real trainings, small ones. Nightly: minutes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hasei.ground.events import Watch
from hasei.judge.study import conduct, make_config

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1800)]

STUDIES = 20
TOPICS = ["parcel late", "card declined", "password reset"]
FILLER = ["my", "the", "please", "how", "do", "not", "again", "today", "this", "where", "is", "page", "order", "refund"]
TUNED = {"full_fine_tuning": {"epochs": 2, "min_steps": 0}}
Rows = list[tuple[str, str]]


def texts(rng: np.random.Generator, count: int) -> list[str]:
    """Texts on one of three topics each, no two alike."""
    return [f"{TOPICS[rng.integers(3)]} {' '.join(rng.choice(FILLER, 6))} {i}" for i in range(count)]


def write(path: Path, rows: Rows) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["text", "label"])
        out.writerows(rows)
    return path


def verdict(
    folder: Path, rows: Rows, base: Any, *recipes: Any, test: Rows | None = None, **asked: Any
) -> dict[str, Any]:
    """Return the report of one study of *rows*, its checks left out, with a ledger of its own."""
    data = {"path": str(write(folder / "rows.csv", rows))}
    if test:
        data["test"] = str(write(folder / "test.csv", test))
    settings = {"data": data, "base": str(base), "recipes": recipes, "budget": "5m", "checks": False,
                "scheme": "holdout", **asked}  # fmt: skip
    return conduct(make_config(settings), folder / "run", Watch()).report


def studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int = STUDIES) -> Any:
    for number in range(count):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.setenv("HASEI_STATE", str(folder / "state"))
        yield np.random.default_rng(600 + number), folder


def adopted(verdicts: list[str]) -> float:
    return float(np.mean([v == "adopt" for v in verdicts]))


@pytest.mark.parametrize("scheme", ["holdout", "nested"])
def test_labels_by_chance_are_not_adopted(tmp_path, monkeypatch, toy_base, scheme):
    found = []
    for rng, folder in studies(tmp_path, monkeypatch):
        said = texts(rng, 900 if scheme == "holdout" else 150)
        rows = [(text, "abc"[rng.integers(3)]) for text in said]
        recipes = ("feature_extraction", TUNED) if scheme == "holdout" else ("feature_extraction",)
        found.append(verdict(folder, rows, toy_base("bert"), *recipes, scheme=scheme)["verdict"])
    assert adopted(found) <= 0.05


def test_real_labels_that_were_shuffled_are_not_adopted(tmp_path, monkeypatch, toy_base):
    found = []
    for rng, folder in studies(tmp_path, monkeypatch):
        said = texts(rng, 900)
        labels = rng.permutation([text.split()[0] for text in said])
        rows = list(zip(said, labels.tolist(), strict=True))
        found.append(verdict(folder, rows, toy_base("bert"), "feature_extraction", TUNED)["verdict"])
    assert adopted(found) <= 0.05


def test_one_row_in_twenty_marked_by_chance_is_not_adopted(tmp_path, monkeypatch, toy_base):
    found = []
    for rng, folder in studies(tmp_path, monkeypatch):
        rows = [(text, "rare" if rng.random() < 0.05 else "usual") for text in texts(rng, 900)]
        found.append(verdict(folder, rows, toy_base("bert"), "feature_extraction", TUNED)["verdict"])
    assert adopted(found) <= 0.05


def test_what_a_word_counter_answers_as_well_is_not_adopted(tmp_path, monkeypatch, toy_base):
    # A base with random weights has nothing that the words themselves do not say.
    found = []
    for rng, folder in studies(tmp_path, monkeypatch):
        rows = [(text, text.split()[0] if rng.random() < 0.9 else "parcel") for text in texts(rng, 900)]
        found.append(verdict(folder, rows, toy_base("bert"), "feature_extraction", TUNED)["verdict"])
    assert adopted(found) <= 0.05


def test_a_real_gain_is_adopted(tmp_path, monkeypatch, shared):
    """The size of the planted gain: 77 intents of banking77, 3,000 rows to learn and choose from, 1,200 to confirm by.

    With 700 rows of 20 intents, 175 of them to choose by, it is adopted in four of six: what that size can't tell.
    """
    with (shared / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
        every = [(row["text"], row["label"]) for row in csv.DictReader(file)]
    found = []
    for rng, folder in studies(tmp_path, monkeypatch, 6):
        order = [every[i] for i in rng.permutation(len(every))]
        report = verdict(folder, order[:3000], "all-minilm-l6-v2", "feature_extraction", test=order[3000:4200])
        found.append(report["verdict"])
    assert adopted(found) >= 0.8
