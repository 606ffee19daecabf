"""Throughput of many heads on one stream of texts against that of one head: same trunk, same rows, interleaved, as a ratio.

Heads hold random weights of the size of a small classification (how good they are plays no part in how fast they are); the
answers of all of them are read back as labels, as ``hasei predict`` does. The texts are train rows of banking77.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data" / "banking77"
LEAST = 0.85


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--heads", type=int, default=64)
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--classes", type=int, default=10)
    options = parser.parse_args()
    import numpy as np
    import torch

    from hasei.engine.multi_head import MultiHeadPredictor, OtherHead
    from hasei.engine.pooled import PooledModel, linear
    from hasei.engine.trunk import Trunk
    from hasei.inputs.base import Base
    from hasei.tasks import Space, open_task

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    with (DATA / "train.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)][: options.rows]
    trunk, task = Trunk(Base.open("all-minilm-l6-v2")), open_task("text_classification")
    space = Space(options.classes, tuple(f"label {i}" for i in range(options.classes)))
    rng = np.random.default_rng(0)

    def predictor(count: int) -> MultiHeadPredictor:
        weight = rng.standard_normal((count * options.classes, trunk.hidden))
        model = PooledModel(trunk.model, trunk.base.pooling, linear(weight, weight[:, 0]))
        others = [OtherHead(f"head {i}", task.name, space) for i in range(1, count)]
        return MultiHeadPredictor(model, trunk.tokenizer, trunk.base.max_tokens, options.classes, others)

    def seconds(of: MultiHeadPredictor) -> float:
        start = time.perf_counter()
        for outputs in of.all_outputs(texts):
            task.answers(space, outputs)
        return time.perf_counter() - start

    one, many = predictor(1), predictor(options.heads)
    seconds(one), seconds(many)
    ratios = []
    for number in range(options.rounds):
        pair = [(one, many), (many, one)][number % 2]
        taken = {id(of): seconds(of) for of in pair}
        ratios.append(taken[id(one)] / taken[id(many)])
        print(f"one head {len(texts) / taken[id(one)]:.0f} rows/s, {options.heads} heads "
              f"{len(texts) / taken[id(many)]:.0f} rows/s, ratio {ratios[-1]:.3f}", flush=True)  # fmt: skip
    middle = statistics.median(ratios)
    line = (
        f"| {datetime.date.today()} | {options.heads} heads of {options.classes} classes on one stream of {len(texts)} texts, "
        f"throughput against one head | {middle:.1%} (at least {LEAST:.0%}) | {', '.join(f'{r:.1%}' for r in ratios)} |"
    )
    print(line)
    with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    raise SystemExit(0 if middle >= LEAST else 1)


if __name__ == "__main__":
    main()
