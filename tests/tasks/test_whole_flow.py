"""Every task goes the whole way: check, try, verdict judged again, page, model verified, rows answered, model evaluated."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest

from hasei.cli import main
from hasei.ground import plugins
from hasei.tasks import open_task
from toys import toy_kind

FILLER = ["today", "again", "please", "really", "now", "and", "so", "very", "then", "here", "still", "soon"]


def rows_of(task, path, count, seed):
    """Toy rows with a few words more, no two alike, as a file with the task's own columns."""
    toy, rng = task.toy(), np.random.default_rng(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow([column.name for column in task.columns])
        for number in range(count):
            i = int(rng.integers(len(toy.inputs)))
            texts = [toy.inputs[i]] if isinstance(toy.inputs[i], str) else list(toy.inputs[i])
            more = [f"{text} {' '.join(rng.choice(FILLER, 3))} {number}" for text in texts]
            out.writerow([*more, toy.targets[i]])
    return path


@pytest.mark.parametrize("name", [n for n in plugins.names("tasks") if n != "text_classification"])
def test_a_task_goes_the_whole_way(name, toy_base, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    task = open_task(name)
    rows = rows_of(task, tmp_path / "rows.csv", 500, 0)
    test = rows_of(task, tmp_path / "test.csv", 420, 1)
    base = str(toy_base(toy_kind(task)))
    assert main(["check", str(rows), "--task", name, "--json", "--quick"]) in (0, 4)
    assert json.loads(capsys.readouterr().out)["rows"] == 500
    method = next(m for m in ("feature_extraction", "lora") if plugins.load("methods", m).SUPPORTS.admits(task))
    asked = ["--task", name, "--base", base, "--methods", method, "--budget", "4m"]
    assert main(["try", str(rows), "--test", str(test), *asked, "--out", "run", "--lang", "ja", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    done = {c["name"] for c in report["candidates"] if c["status"] == "done"}
    assert method in done and len(done) >= 3, "a method, a constant, and a cheap truth that reads"
    assert report["verdict"] in ("adopt", "do not adopt", "not enough data", "rethink")
    # What can be read off these rows beats a constant, whichever way it is read.
    assert report["verdict"] != "rethink"
    assert main(["compare", "--recompute", "run"]) == 0
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    shown = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.S)
    assert "NaN" not in shown and "None" not in shown and ">nan" not in shown
    assert main(["verify", "run/model"]) == 0
    new = rows_of(task, tmp_path / "new.csv", 20, 2)
    assert main(["predict", "run/model", str(new), "--out", "answers.csv"]) == 0
    answered = list(csv.DictReader((tmp_path / "answers.csv").read_text("utf-8").splitlines()))
    assert len(answered) == 20 and all(row[list(row)[-2]] for row in answered)
    capsys.readouterr()
    assert main(["evaluate", "run/model", str(test), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    value = found["metrics"][task.default_metric]
    value = value["value"] if isinstance(value, dict) else value
    assert value == pytest.approx(report["chosen"]["confirm"]["value"], abs=0.02)
