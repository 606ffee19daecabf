"""Accuracy on banking77's official test of one recipe over several seeds: what the study chose, refitted as it refits.

The recipe is the study's choice by select rows (``hasei try`` with ten minutes); this script only repeats its refit on all
train and select rows with other seeds, writes the folder, loads it back and looks at the test file once per seed.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data" / "banking77"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--method", default="partial_fine_tuning")
    parser.add_argument("--params", default='{"top_layers": 2}', type=json.loads)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    from hasei.derive.recipe import Recipe, make_step
    from hasei.derive.run import context_of, run_step, write
    from hasei.engine.trunk import Trunk
    from hasei.inputs.base import Base
    from hasei.judge.study.conduct import read_data
    from hasei.judge.study.config import make_config
    from hasei.tasks import open_task

    task = open_task("text_classification")
    config = make_config(
        {"data": {"path": str(DATA / "train.csv"), "test": str(DATA / "test.csv"), "licence": "CC-BY-4.0"}}
    )
    data = read_data(config, task).data
    rows, test = data.take(data.where("train", "select")), data.take(data.where("confirm"))
    trunk, step = Trunk(Base.open("all-minilm-l6-v2")), make_step(options.method, options.params)
    trunk.prepare(rows.inputs)
    recipe = Recipe((trunk.base.content_hash,), task.name, {"fingerprint": data.fingerprint}, (step,))
    found = []
    for seed in options.seeds:
        start = time.perf_counter()
        context = context_of(task, task.space(rows.targets), rows, (trunk,), seed=seed)
        with tempfile.TemporaryDirectory() as folder:
            model = write(run_step(step, context), step, recipe, context, rows, Path(folder) / "model", {})
            seconds = time.perf_counter() - start
            answers = model.answers(test.inputs).values
        found.append(task.metrics["accuracy"].value(answers, test.targets))
        print(f"seed {seed}: {found[-1]:.4f} in {seconds:.0f} s", flush=True)
    shown = ", ".join(f"{value:.2%}" for value in found)
    line = (
        f"| {datetime.date.today()} | banking77 official test, {step.label}, seeds {options.seeds} | "
        f"mean {statistics.mean(found):.2%} | {shown} |"
    )
    print(line)
    with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
        file.write(line + "\n")


if __name__ == "__main__":
    main()
