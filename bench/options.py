"""Does an option of a gradient method help over the default partial_fine_tuning? Train rows only, scored on others of them.

    python bench/options.py --shared ../shared/data --kept /tmp/options.jsonl [--seeds 0 1 2] [--only banking snips]

banking: ten rows a class of banking77's train file; snips: 87 and 13 rows of two near classes of snips' train file. Each seed
draws other rows, the same for every option, and is scored on 600 of the rest. What is in --kept is not run again. Prints
Markdown: the default's mean, and the mean of the paired differences with their standard error, in points.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from hasei.derive.recipe import make_step
from hasei.derive.run import run_step
from hasei.engine.derivation import Context
from hasei.engine.trunk import Trunk
from hasei.inputs.base import Base
from hasei.tasks import open_task

OPTIONS: dict[str, dict[str, Any]] = {
    "default": {}, "synonym": {"augment": ["synonym"]}, "r_drop 1": {"regularise": {"r_drop": 1.0}},
    "ema 0.95": {"average": {"ema": 0.95}}, "class_balanced": {"loss": "class_balanced"},
    "l2_to_base 10": {"regularise": {"l2_to_base": 10.0}}, "order: loss": {"order": "loss"},
    "synonym, insertion, swap, deletion": {"augment": ["synonym", "insertion", "swap", "deletion"]},
    "focal": {"loss": "focal"}, "swa 0.3": {"average": {"swa": 0.3}}, "l1 0.003": {"regularise": {"l1": 0.003}},
    "order: confidence": {"order": "confidence"}, "order: length": {"order": "length"}, "swap": {"augment": ["swap"]},
    "deletion": {"augment": ["deletion"]},
}  # fmt: skip
HELD = 600
CASES = {"banking": "accuracy", "snips": "macro_f1"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--kept", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", nargs="+", default=list(CASES))
    given = parser.parse_args()
    found = [json.loads(line) for line in given.kept.read_text("utf-8").splitlines()] if given.kept.is_file() else []
    trunk = Trunk(Base.open("all-minilm-l6-v2"))
    for seed in given.seeds:
        for case in given.only:
            context, held, truth = draw(given.shared, case, seed, trunk)
            for option, params in OPTIONS.items():
                if any((r["case"], r["seed"], r["option"]) == (case, seed, option) for r in found):
                    continue
                found.append(scored(case, seed, option, params, context, held, truth))
                with given.kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(found[-1]) + "\n")
    show(found)


def draw(shared: Path, case: str, seed: int, trunk: Trunk) -> tuple[Context, list[str], list[str]]:
    """Return a context of few rows, and texts and labels of others to score on."""
    folder = {"banking": "banking77", "snips": "snips"}[case]
    rows = [tuple(row) for row in read(next(iter(sorted((shared / folder).glob("train*")))))]
    by_class: dict[str, list[str]] = defaultdict(list)
    rng = np.random.default_rng(seed)
    for i in rng.permutation(len(rows)):
        by_class[rows[i][1]].append(rows[i][0])
    sizes = dict.fromkeys(by_class, 10)
    if case == "snips":
        sizes = {"SearchCreativeWork": 87, "SearchScreeningEvent": 13}
    inputs = [text for name, size in sorted(sizes.items()) for text in by_class[name][:size]]
    targets = [name for name, size in sorted(sizes.items()) for _ in range(size)]
    rest = [
        (text, name) for name, size in sorted(sizes.items()) for text in by_class[name][size:] if text not in inputs
    ]
    rest = [rest[i] for i in rng.permutation(len(rest))[:HELD]]
    task = open_task("text_classification")
    space = task.space(targets)
    trunk.prepare(inputs)
    context = Context(
        task, space, list(inputs), task.encode(space, targets), task.truth(targets), list(inputs), seed, (trunk,)
    )
    return context, [text for text, _ in rest], [name for _, name in rest]


def read(path: Path) -> list[tuple[str, str]]:
    """Read texts and labels."""
    if path.suffix == ".jsonl":
        lines = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
        label = next(name for name in ("intent", "label") if name in lines[0])
        return [(line["text"], line[label]) for line in lines]
    with path.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    label = next(name for name in ("category", "intent", "label") if name in table[0])
    return [(row["text"], row[label]) for row in table]


def scored(
    case: str, seed: int, option: str, params: dict[str, Any], context: Context, held: list[str], truth: list[str]
) -> dict[str, Any]:
    """Train with *params* and score on *held*."""
    start = time.perf_counter()
    ran = run_step(make_step("partial_fine_tuning", params | {"precision": "fp32"}), context)
    seconds = time.perf_counter() - start
    said = context.task.answers(context.space, ran.derivation.predictor.outputs(held)).values
    value = context.task.metrics[CASES[case]].value(said, context.task.truth(truth))
    print(f"{case} {seed} {option}: {value:.4f} in {seconds:.0f} s", flush=True)
    return {"case": case, "seed": seed, "option": option, "value": value, "seconds": seconds}


def show(found: list[dict[str, Any]]) -> None:
    """Print the table."""
    print("| option | " + " | ".join(f"{case}: {metric}, seconds" for case, metric in CASES.items()) + " |")
    print("|---|" + "---|" * len(CASES))
    for option in OPTIONS:
        cells = []
        for case in CASES:
            own = {r["seed"]: r for r in found if (r["case"], r["option"]) == (case, option)}
            base = {r["seed"]: r for r in found if (r["case"], r["option"]) == (case, "default")}
            seeds = sorted(own.keys() & base.keys())
            if not seeds:
                cells.append("")
                continue
            seconds = np.mean([own[s]["seconds"] for s in seeds])
            apart = np.array([own[s]["value"] - base[s]["value"] for s in seeds]) * 100
            error = apart.std(ddof=1) / np.sqrt(len(apart)) if len(apart) > 1 else float("nan")
            mean = np.mean([own[s]["value"] for s in seeds]) * 100
            cells.append(
                f"{mean:.2f}, {seconds:.0f}"
                if option == "default"
                else f"{apart.mean():+.2f} ± {error:.2f}, {seconds:.0f}"
            )
        print(f"| {option} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
