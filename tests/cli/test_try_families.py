"""A whole study on a base that can only be run, and on a recurrent one."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from hasei.cli import main
from hasei.tasks import open_task

FILLER = ["today", "again", "please", "really", "now", "and", "so", "very", "then", "here", "still", "soon"]


def write_toys(path, count, seed):
    """Toy rows with a few words more, no two alike."""
    toy, rng = open_task("text_classification").toy(), np.random.default_rng(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(("text", "label"))
        for number in range(count):
            i = int(rng.integers(len(toy.inputs)))
            out.writerow((f"{toy.inputs[i]} {' '.join(rng.choice(FILLER, 3))} {number}", toy.targets[i]))


@pytest.mark.parametrize(("kind", "why"), [
    ("gemma4", "its upper layers read keys and values of lower ones"), ("gru", ""),
])  # fmt: skip
def test_a_study_goes_the_whole_way_and_says_once_why_a_base_is_not_replayed(
    toy_base, tmp_path, monkeypatch, capsys, kind, why
):
    monkeypatch.chdir(tmp_path)
    write_toys(tmp_path / "rows.csv", 500, 0)
    write_toys(tmp_path / "test.csv", 420, 1)
    (tmp_path / "asked.yaml").write_text(
        f"base: {toy_base(kind)}\ndata: {{path: rows.csv, test: test.csv}}\nbudget: 4m\nchecks: false\n"
        "recipes:\n  - feature_extraction\n  - partial_fine_tuning: {top_layers: 2, epochs: 1, min_steps: 0}\n"
    )
    assert main(["try", "--config", "asked.yaml", "--out", "run", "--json"]) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    done = {c["name"].split()[0] for c in report["candidates"] if c["status"] == "done"}
    assert {"feature_extraction", "partial_fine_tuning"} <= done
    assert [entry["why"] for entry in report["log"] if entry["kind"] == "replay"] == ([why] if why else [])
    assert captured.err.count("run again for every batch") == (1 if why else 0)
    assert main(["verify", "run/model"]) == 0
