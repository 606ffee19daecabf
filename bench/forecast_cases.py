"""Cases by which forecasts of more rows are held to account: curves of solved heads cut from the shared sets.

    python bench/forecast_cases.py --cache FOLDER [--minutes 30]

A case: some rows are drawn from a set, the learning curve is measured on them exactly as a study does
(:func:`hasei.judge.study.nested.answer_parts`), and the truth is the score, on all rows that are in neither, of the head
learnt from these and so many more that they are two or four times as many. Features are the last layer of
all-MiniLM-L6-v2, mean pooled; the strength of the head is found anew at every size on an inner fifth, also for the truth
(there on 3,200 rows at the most), as a study with more rows would. Official test files are not read.

Writes ``forecast_cases.csv``: sizes and scores, no text. Resumes from the cache. ``forecast_fit.py`` judges.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
import zlib
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
SHARED = HERE.parents[1] / "shared" / "data"
TABLE = HERE / "forecast_cases.csv"

import numpy as np  # noqa: E402
from forecast_tasks import TASKS, rows_of  # noqa: E402

DRAWS = {400: (3, 3), 800: (4, 3), 1600: (6, 3), 3200: (6, 3), 6400: (5, 3)}
"""Rows in hand: draws, and draws of tasks with fifty classes or more, which take longest."""
MANY_CLASSES = 50
TIMES = (1, 2, 4)
LEAST_OUTSIDE = 800
"""And half as many as are in hand: a truth that is itself hardly known judges nobody."""
CHOICE_ROWS = 3200
COLUMNS = (
    "task", "source", "classes", "metric", "rows", "draw", "times", "n1", "n2", "n3", "n4", "s1", "s2", "s3", "s4", "se",
    "outside", "truth",
)  # fmt: skip


class Pool:
    """The rows of a task: features (n, 384), classes (n,), and what solves a head."""

    def __init__(self, name: str, features: Any, where: dict[Any, int]) -> None:
        from hasei.methods.feature_extraction import STRENGTHS
        from hasei.tasks import open_task

        rows = rows_of(name, SHARED)
        self.name, self.task, self.strengths = name, open_task("text_classification"), STRENGTHS
        self.texts, labels = [text for text, _ in rows], [label for _, label in rows]
        self.space = self.task.space(labels)
        self.y = self.task.encode(self.space, labels)
        self.features, self.where = features, np.array([where[text] for text, _ in rows])

    def x(self, rows: Any) -> Any:
        return np.asarray(self.features[self.where[rows]], np.float32)

    def solve(self, x: Any, y: Any, strength: float) -> Any:
        from hasei.engine.heads import solve_head

        weight, bias = solve_head(self.task, self.space, x, y, strength)
        return lambda other: other @ weight.T + bias

    def strength(self, x: Any, y: Any, units: list[str], strengths: tuple[float, ...]) -> float:
        """The first of *strengths* after which the loss on an inner fifth rises: its minimum, as the loss has one valley."""
        import torch

        from hasei.engine.splits import inner_split

        fit, held = inner_split(units, 0.2, 0)
        best = (np.inf, strengths[0])
        for strength in strengths:
            outputs = self.solve(x[fit], y[fit], strength)(x[held]).astype(np.float32)
            loss = float(self.task.loss(torch.from_numpy(outputs), torch.from_numpy(y[held])).mean())
            if loss >= best[0]:
                break
            best = (loss, strength)
        return best[1]


def order_of(pool: Pool, rows: int, number: int) -> Any:
    """All rows of *pool* in the random order of this draw: the first *rows* are in hand."""
    return np.random.default_rng([number + 1000 * zlib.crc32(pool.name.encode()), rows]).permutation(len(pool.y))


def curve(pool: Pool, hand: Any) -> tuple[dict[str, Any], float]:
    """Return sizes learnt from, answers (4, rows) and truth, as class numbers; and the strength for all rows in hand."""
    from hasei.judge.study.nested import answer_parts

    x, y, units = pool.x(hand), pool.y[hand], [str(i) for i in hand]
    strengths: list[float] = []

    def settle(some: Any) -> float:
        # Fewer rows never ask for a weaker penalty.
        ladder = pool.strengths[pool.strengths.index(strengths[-1]) :] if strengths else pool.strengths
        strengths.append(pool.strength(x[some], y[some], units[: len(some)], ladder))
        return strengths[-1]

    def answer(strength: float, fit: Any, held: Any) -> Any:
        return pool.solve(x[fit], y[fit], strength)(x[held]).argmax(1).tolist()

    parts = answer_parts(units, settle, answer)
    answers = np.array([p.answers for p in parts], np.int16)
    return {"sizes": [p.rows for p in parts], "answers": answers, "true": y[parts[0].scored]}, strengths[0]


def enough(pool: Pool, rows: int, times: int) -> bool:
    """Whether the truth at so many times *rows* can be measured on rows that are left over."""
    return times * rows + max(LEAST_OUTSIDE, rows // 2) <= len(pool.y)


def draw(pool: Pool, rows: int, number: int) -> dict[str, Any]:
    """Return a curve and, for each multiple of its rows, the answers to the rows outside and their truth."""
    order = order_of(pool, rows, number)
    found, strength = curve(pool, order[:rows])
    x, y, units = pool.x(order), pool.y[order], [str(i) for i in order]
    for times in TIMES:
        more = times * rows
        if enough(pool, rows, times):
            few = min(more, CHOICE_ROWS)
            ladder = pool.strengths[: pool.strengths.index(strength) + 1][::-1]
            strength = pool.strength(x[:few], y[:few], units[:few], ladder)
            found[f"answers{times}"] = pool.solve(x[:more], y[:more], strength)(x[more:]).argmax(1).astype(np.int16)
            found[f"true{times}"] = y[more:]
    return found


def lines(pool: Pool, rows: int, number: int, found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cases of one draw: each multiple, each metric."""
    from hasei.judge.evaluation import score

    made = []
    true = found["true"]
    for name in ("accuracy", "macro_f1"):
        metric = pool.task.metrics[name]
        values = [metric.value(a.astype(np.int64), true.astype(np.int64)) for a in found["answers"]]
        units = [str(i) for i in range(len(true))]
        se = score(metric, found["answers"][3].astype(np.int64), true.astype(np.int64), units, draws=200).se
        for times in TIMES:
            if f"true{times}" in found:
                outside = found[f"true{times}"].astype(np.int64)
                truth = metric.value(found[f"answers{times}"].astype(np.int64), outside)
                made.append({
                    "task": pool.name, "source": TASKS[pool.name].source, "classes": pool.space.width, "metric": name,
                    "rows": rows, "draw": number, "times": times, "se": f"{se:.5f}", "outside": len(outside),
                    "truth": f"{truth:.5f}", **{f"n{j + 1}": n for j, n in enumerate(found["sizes"])},
                    **{f"s{j + 1}": f"{v:.5f}" for j, v in enumerate(values)},
                })  # fmt: skip
    return made


def features_of(texts: list[Any]) -> Any:
    """Return the mean of the last states of *texts* (n, 384), float16; pairs and single texts may be mixed."""
    import torch

    from hasei.engine.batching import by_length, tokenize
    from hasei.engine.opening import load_model, load_tokenizer
    from hasei.engine.pooled import last_states, pool
    from hasei.inputs.base import Base

    base = Base.open("all-minilm-l6-v2")
    model, tokenizer = load_model(base), load_tokenizer(base)
    out = np.zeros((len(texts), 384), np.float16)
    for paired in (False, True):
        some = np.array([i for i, text in enumerate(texts) if isinstance(text, tuple) is paired], np.int64)
        tokens = tokenize(tokenizer, [texts[i] for i in some], base.max_tokens)
        for rows in by_length(tokens.lengths):
            batch = tokens.pad(rows, int(tokenizer.pad_token_id or 0))
            with torch.inference_mode():
                out[some[rows]] = pool(last_states(model, batch), batch["attention_mask"], base.pooling).numpy()
    return out


def embed(cache: Path) -> tuple[Any, dict[Any, int]]:
    """Return the features of all texts, computed once, and where each text stands."""
    where: dict[Any, int] = {}
    for name in TASKS:
        for text, _ in rows_of(name, SHARED):
            where.setdefault(text, len(where))
    path = cache / "features.npy"
    if not path.is_file():
        np.save(path, features_of(list(where)))
    return np.load(path, mmap_mode="r"), where


def planned() -> list[tuple[int, int, str]]:
    """Return (draw, rows, task), the first draws of everything first."""
    return [(d, rows, name) for d in range(max(max(n) for n in DRAWS.values())) for rows in DRAWS for name in TASKS]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    features, where = embed(options.cache)
    until, pools, made = time.monotonic() + 60 * options.minutes, {}, []
    for number, rows, name in planned():
        pool = pools[name] = pools.get(name) or Pool(name, features, where)
        if number >= DRAWS[rows][pool.space.width >= MANY_CLASSES] or not enough(pool, rows, 2):
            continue
        path = options.cache / "draws" / f"{name.replace(' ', '_')}-{rows}-{number}.npz"
        path.parent.mkdir(exist_ok=True)
        if not path.is_file():
            if time.monotonic() > until:
                continue
            start = time.process_time()
            np.savez_compressed(path, **draw(pool, rows, number))
            print(name, rows, number, f"{time.process_time() - start:.1f} s", flush=True)
        made += lines(pool, rows, number, dict(np.load(path)))
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(sorted(made, key=lambda m: (m["metric"], m["task"], m["rows"], m["draw"], m["times"])))


if __name__ == "__main__":
    main()
