"""Adding a task or a method is adding a file: nothing else knows a list of them, or what a target means."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

import hasei
from hasei.ground import plugins

DROPINS = Path(__file__).parent / "dropins"


@pytest.fixture
def dropped_in():
    with plugins.extra("tasks", DROPINS / "tasks"), plugins.extra("methods", DROPINS / "methods"):
        yield


@pytest.fixture
def numbers(tmp_path):
    words = [
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
        "do",
        "I",
    ]
    path = tmp_path / "numbers.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "score"])
        for i in range(120):
            text = " ".join(words[(i * 7 + j) % len(words)] for j in range(i % 23 + 1)) + f" {i}"
            rows.writerow([text, len(text) / 10])
    return path


def test_a_file_in_methods_is_a_method_everywhere(dropped_in):
    assert "dropped_in" in plugins.names("methods")
    assert "halved" in plugins.summary("methods", "dropped_in")


def test_a_study_of_numbers_with_a_dropped_in_method_runs_to_its_verdict(dropped_in, numbers, toy_base, tmp_path):
    result = hasei.study(
        numbers, task="text_length", base=toy_base("bert"), methods=["dropped_in", "feature_extraction"],
        at_least={"mae": 2.0}, budget="90s", out=tmp_path / "run",
    )  # fmt: skip
    named = {c["method"]: c for c in result.report["candidates"]}
    assert named["feature_extraction"]["status"] == named["dropped_in"]["status"] == "done"
    assert result.report["kpi"] == {"metric": "mae", "at_least": 2.0}
    assert named["feature_extraction"]["select"]["value"] < named["majority"]["select"]["value"]
    assert result.report["chosen"]["name"] != "majority"
    answer = result.chosen.predict(["a text of middling length"])[0].value
    assert isinstance(answer, float)
