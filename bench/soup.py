"""A soup of several seeds of one training against the seeds themselves, on train rows of banking77 that were held out.

The official test file is not read. Each member is derived as ``merging`` derives it, and so answers here exactly as the model
that went into the soup.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data" / "banking77"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--held", type=int, default=2000)
    parser.add_argument("--params", default='{"top_layers": 2, "epochs": 4, "min_steps": 0}', type=json.loads)
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    import numpy as np
    import torch

    from hasei.derive.recipe import make_step
    from hasei.derive.run import context_of
    from hasei.engine.readings import reading_of
    from hasei.engine.trunk import Trunk
    from hasei.inputs.base import Base
    from hasei.judge.study.conduct import read_data
    from hasei.judge.study.config import make_config
    from hasei.methods import _merging
    from hasei.methods._members import members_of
    from hasei.tasks import open_task

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    task = open_task("text_classification")
    data = read_data(make_config({"data": {"path": str(DATA / "train.csv"), "licence": "CC-BY-4.0"}}), task).data
    order = np.random.default_rng(0).permutation(len(data))
    rows, held = data.take(order[: options.rows]), data.take(order[options.rows :][: options.held])
    trunk = Trunk(Base.open("all-minilm-l6-v2"))
    trunk.prepare([*rows.inputs, *held.inputs])
    space = task.space(data.targets)
    accuracy = task.metrics["accuracy"]
    members = members_of([{"partial_fine_tuning": options.params}] * options.members, {})
    settings = make_step("merging", {"members": [{"partial_fine_tuning": options.params}] * options.members}).params
    for seed in options.seeds:
        start = time.perf_counter()
        context = context_of(task, space, rows, (trunk,), seed=seed)
        models = [model for model, _ in _merging._derived(context, members)]
        soup = _merging._one(context, models, settings)
        reading = reading_of(task)
        found = []
        for predictor in [*(reading.predictor(model, trunk) for model in models), soup.predictor]:
            answers = task.answers(space, predictor.outputs(held.inputs)).values
            found.append(accuracy.value(answers, held.targets))
        *alone, merged = found
        start_head = reading.predictor(reading.begin(replace(context), trunk.model, 0.1), trunk)
        solved = accuracy.value(task.answers(space, start_head.outputs(held.inputs)).values, held.targets)
        line = (
            f"| {datetime.date.today()} | soup of {options.members} seeds, {json.dumps(options.params)}, {len(rows)} rows of "
            f"banking77, {len(held)} train rows held out, seed {seed} | soup {merged:.2%}, mean {statistics.mean(alone):.2%} | "
            f"members {', '.join(f'{a:.2%}' for a in alone)}; head they began with {solved:.2%}; "
            f"{time.perf_counter() - start:.0f} s |"
        )
        print(line, flush=True)
        with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
