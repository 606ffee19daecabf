"""clinc150 as a stream of ten domains, fifteen classes each, learnt one after the other by every way of ``continual_learning``.

Average accuracy over all 150 in-scope classes after the last domain, and what was forgotten on the way (Chaudhry et al. 2018), by
the official val rows while choosing and, with ``--on test``, by the test rows for one last look. The models are written, loaded
back, and judged so. ``joint`` is a solved head on all rows at once, what a stream can at best come near to.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data" / "clinc150"
WAYS = ("solved", "replay", "naive", "ewc", "lwf", "adapters")


def rows_of(name: str) -> tuple[list[str], list[str]]:
    with (DATA / name).open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["label"] != "oos"]
    return [row["text"] for row in rows], [row["label"] for row in rows]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--how", nargs="+", default=list(WAYS))
    parser.add_argument("--params", default="{}", type=json.loads)
    parser.add_argument("--on", default="val", choices=("val", "test"))
    parser.add_argument("--seed", default=0, type=int)
    parser.add_argument("--threads", default=2, type=int)
    options = parser.parse_args()
    import numpy as np
    import torch

    from hasei.derive.recipe import Recipe, make_step
    from hasei.derive.run import context_of, run_step, write
    from hasei.engine.trunk import Trunk
    from hasei.inputs.base import Base
    from hasei.inputs.data.dataset import Dataset
    from hasei.tasks import open_task

    torch.set_num_threads(options.threads)
    order = json.loads((DATA / "stream.json").read_text("utf-8"))["tasks"]
    stage_of = {label: stage["domain"] for stage in order for label in stage["labels"]}
    texts, labels = rows_of("train.csv")
    kept = [
        *texts,
        *rows_of("val.csv")[0],
    ]  # in the order of the files, whatever the stream: read once, kept for later runs
    where = np.argsort([[s["domain"] for s in order].index(stage_of[label]) for label in labels], kind="stable")
    texts, labels = [texts[i] for i in where], [labels[i] for i in where]
    scored, truth = rows_of(f"{options.on}.csv")
    task = open_task("text_classification")
    data = Dataset(
        texts, labels, texts, texts, np.array(["train"] * len(texts)), np.arange(len(texts)), ["train"] * len(texts),
        fingerprint="clinc150 in scope", licence="CC-BY-3.0",
    )  # fmt: skip
    trunk = Trunk(Base.open("all-minilm-l6-v2"))
    trunk.prepare(kept)
    context = replace(
        context_of(task, task.space(labels), data, (trunk,), seed=options.seed),
        stages=tuple(stage_of[label] for label in labels),
    )
    lines = []
    for how in options.how:
        step = make_step("feature_extraction", {"layer": trunk.layers, "pooling": "mean"})
        if how != "joint":
            step = make_step("continual_learning", {"how": how, **options.params})
        recipe = Recipe((trunk.base.content_hash,), task.name, {"fingerprint": data.fingerprint}, (step,))
        start = time.perf_counter()
        ran = run_step(step, context)
        seconds = time.perf_counter() - start
        with tempfile.TemporaryDirectory() as folder:
            model = write(ran, step, recipe, context, data, Path(folder) / "model", {})
            right = np.array([a == b for a, b in zip(model.answers(scored).values, truth)])
        by_stage = [right[[stage_of[t] == s["domain"] for t in truth]].mean() for s in order]
        last = ran.derivation.curve[-1] if ran.derivation.curve else {}
        inner = f"; held tenths {last['average']:.2%}, forgetting {last['forgetting']:.2%}" if last else ""
        lines.append(
            f"| {datetime.date.today()} | clinc150 in ten domains, {step.label}, seed {options.seed}, official {options.on} | "
            f"{right.mean():.2%} | {seconds:.0f} s; by domain {', '.join(f'{a:.1%}' for a in by_stage)}{inner} |"
        )
        print(lines[-1], flush=True)
        if last:
            print("  ", [round(p["average"], 4) for p in ran.derivation.curve], flush=True)
    if options.on == "test":
        with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
