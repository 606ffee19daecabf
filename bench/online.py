"""Rows a second of a head that learns row by row, features given, and with the base that reads them; beside solving anew.

Features are made up (384 wide as MiniLM's, 150 classes), one thread unless said; the base reads clinc150's rows one at a time, as
they would come. Exactness: the largest difference to a head solved from all rows at once, relative to its largest weight.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import os
import time
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data" / "clinc150"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default=6000, type=int)
    parser.add_argument("--features", default=384, type=int)
    parser.add_argument("--classes", default=150, type=int)
    parser.add_argument("--read", default=300, type=int, help="rows that the base reads, 0 for none")
    parser.add_argument("--threads", default=1, type=int)
    parser.add_argument("--write", action="store_true", help="append the lines to RESULTS.md")
    options = parser.parse_args()
    import numpy as np
    import torch
    from threadpoolctl import threadpool_limits

    from hasei.engine.moments import Moments, one_hot
    from hasei.engine.online import OnlineHead

    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(0)
    classes = rng.integers(0, options.classes, options.rows)
    x = rng.normal(size=(options.classes, options.features))[classes] + rng.normal(
        size=(options.rows, options.features)
    )
    y, lines = one_hot(classes, options.classes), []
    what = f"{options.features} features, {options.classes} classes, {options.threads} thread(s)"
    with threadpool_limits(options.threads):
        for kind in ("discriminant", "ridge"):
            head = OnlineHead(Moments.empty(options.features, options.classes), kind, 10.0)
            start, processor = time.perf_counter(), time.process_time()
            for row, target in zip(x, y):
                head.learn(row, target)
            seconds, busy = time.perf_counter() - start, time.process_time() - processor
            whole = Moments.empty(options.features, options.classes)
            whole.learn(x, y)
            start = time.perf_counter()
            weight, bias = whole.solve(kind, 10.0)
            anew = time.perf_counter() - start
            found = head.head()
            apart = max(np.abs(a - b).max() / np.abs(b).max() for a, b in zip(found, (weight, bias)))
            lines.append(
                f"| {datetime.date.today()} | online {kind}, {what}, {options.rows:,} rows one by one | "
                f"{options.rows / busy:,.0f} rows/s of processor time | {options.rows / seconds:,.0f} by the clock; solving once "
                f"from the sums {anew * 1e3:.0f} ms; difference to all rows at once {apart:.1g} |"
            )
            print(lines[-1], flush=True)
        if options.read:
            lines.append(read(options.read, what))
            print(lines[-1], flush=True)
    if options.write:
        with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


def read(rows: int, what: str) -> str:
    """Return the line of the base and the head together, a row at a time."""
    import numpy as np

    from hasei.engine.moments import Moments, one_hot
    from hasei.engine.online import OnlineHead
    from hasei.engine.pooled import PooledModel, linear
    from hasei.engine.prediction import PooledPredictor
    from hasei.engine.trunk import Trunk
    from hasei.inputs.base import Base

    with (DATA / "train.csv").open(newline="", encoding="utf-8") as file:
        found = [(row["text"], row["label"]) for row in csv.DictReader(file)][:: max(1, 15100 // rows)][:rows]
    names = sorted({label for _, label in found})
    rows = len(found)
    trunk = Trunk(Base.open("all-minilm-l6-v2"))
    model = PooledModel(trunk.model, "mean", linear(np.eye(trunk.hidden), np.zeros(trunk.hidden)))
    reader = PooledPredictor(model, trunk.tokenizer, trunk.base.max_tokens)
    head = OnlineHead(Moments.empty(trunk.hidden, len(names)), "discriminant", 10.0)
    reader.outputs([found[0][0]])
    start, processor = time.perf_counter(), time.process_time()
    for text, label in found:
        head.learn(reader.outputs([text])[0], one_hot(np.array([names.index(label)]), len(names))[0])
    seconds, busy = time.perf_counter() - start, time.process_time() - processor
    return (
        f"| {datetime.date.today()} | the same with all-minilm-l6-v2 reading each row ({what}) | "
        f"{rows / busy:,.0f} rows/s of processor time | {rows / seconds:,.0f} by the clock, {rows} rows of clinc150 |"
    )


if __name__ == "__main__":
    main()
