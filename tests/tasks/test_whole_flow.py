"""Every task goes the whole way: check, try, verdict judged again, page, model verified, rows answered, model evaluated."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from hasei.cli import main
from hasei.engine.derivation import Facts, proposals
from hasei.ground import plugins
from hasei.tasks import open_task
from toys import toy_kind, write_entries

"""Solved ones first: they are quick."""
FILLER = ["today", "again", "please", "really", "now", "and", "so", "very", "then", "here", "still", "soon"]


def speckled(picture, folder, name, rng):
    """A copy of *picture* in *folder* with some grains on it, and its name."""
    from PIL import Image

    pixels = np.asarray(Image.open(picture.path), np.int16)
    grains = rng.integers(-20, 20, pixels.shape, dtype=np.int16)
    Image.fromarray((pixels + grains).clip(0, 255).astype(np.uint8)).save(folder / name)
    return name


def rows_of(task, path, count, seed):
    """Toy rows with a few words or grains more, no two alike, as a file with the task's own columns."""
    toy, rng = task.toy(), np.random.default_rng(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow([column.name for column in task.columns])
        for number in range(count):
            i = int(rng.integers(len(toy.inputs)))
            texts = [toy.inputs[i]] if isinstance(toy.inputs[i], str) else list(toy.inputs[i])
            if task.input_kind == "image":
                more = [speckled(picture, path.parent, f"{path.stem}-{number}.png", rng) for picture in texts]
            else:  # what is a list, not a text, stays one
                more = [t if t[0] == "[" else f"{t} {' '.join(rng.choice(FILLER, 3))} {number}" for t in texts]
            out.writerow([*more, toy.targets[i]])
    return path


def method_of(task):
    """A solved head where the task has one, else a short training: the name, and how it is asked for."""
    facts = Facts(rows=300, width=3, layers=4, target=task.target_kind, entries=(("whole", 1.0),))
    every = {n: plugins.load("methods", n) for n in plugins.names("methods")}
    admitted = [
        n for n, m in every.items() if m.SUPPORTS.admits(task) and not hasattr(m, "NEEDS") and proposals(m, facts)
    ]
    solved = [n for n in admitted if not every[n].SUPPORTS.gradients]
    if solved:
        return solved[0], ["--methods", solved[0]]
    name = admitted[0]
    Path("study.yaml").write_text(json.dumps({"recipes": [{name: {"epochs": 1, "min_steps": 0}}]}))
    return name, ["--config", "study.yaml"]


@pytest.mark.parametrize("name", [n for n in plugins.names("tasks") if n != "text_classification"])
def test_a_task_goes_the_whole_way(name, toy_base, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    task = open_task(name)
    count, judged = (
        (100, 60) if task.target_kind in ("text", "likelihood") else (300, 260)
    )  # what is written takes its time, token by token
    rows = rows_of(task, tmp_path / "rows.csv", count, 0)
    test = rows_of(task, tmp_path / "test.csv", judged, 1)
    base = str(toy_base(toy_kind(task)))
    corpus = task.toy().corpus
    given = [] if corpus is None else ["--corpus", str(write_entries(tmp_path / "entries.jsonl", corpus))]
    assert main(["check", str(rows), "--task", name, "--json", "--quick", *given]) in (0, 4)
    assert json.loads(capsys.readouterr().out)["rows"] == count
    method, how = method_of(task)
    asked = ["--task", name, "--base", base, *how, "--budget", "4m", *given]
    assert main(["try", str(rows), "--test", str(test), *asked, "--out", "run", "--lang", "ja", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    done = {c["name"] for c in report["candidates"] if c["status"] == "done"}
    assert any(one.startswith(method) for one in done) and len(done) >= 3, (
        "a method, a constant, and a cheap truth that reads"
    )
    assert report["verdict"] in ("adopt", "do not adopt", "not enough data", "rethink")
    # What can be read off these rows beats a constant, whichever way it is read, where a head can be solved at once.
    assert report["verdict"] != "rethink" or method != "feature_extraction"
    assert main(["compare", "--recompute", "run"]) == 0
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    shown = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.S)
    assert "NaN" not in shown and "None" not in shown and ">nan" not in shown
    assert main(["verify", "run/model"]) == 0
    recorded = json.loads((tmp_path / "run" / "model" / "hasei.json").read_text("utf-8"))["record"]
    assert ("operating" in recorded) is hasattr(task, "operating_point")
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
