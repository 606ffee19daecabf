"""Prompts alone on real intents: accuracy on a held fifth of the train rows, and seconds; official test files are not opened.

    python bench/prompts.py shared/data/banking77/train.csv

Methods are derived from the other four fifths, each in a process that has read no row with the base before it.
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from hasei.derive.recipe import make_step
from hasei.derive.run import run_step
from hasei.engine.activations.store import Store
from hasei.engine.derivation import Context
from hasei.engine.readings import reading_of
from hasei.engine.splits import inner_split
from hasei.inputs.base import DEFAULT, Base
from hasei.tasks import open_task

TRIED = (
    ("as_it_is", {"by": "names"}), ("zero_shot", {}), ("zero_shot", {"calibrated": True}), ("prompt_search", {}),
    ("as_it_is", {"by": "means"}),
)  # fmt: skip


def main(path: Path) -> None:
    """Print one line for each method."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["text"], row["label"]) for row in csv.DictReader(file)]
    fit, held = inner_split([text for text, _ in rows], 0.2, 0)
    task = open_task("text_classification")
    texts, labels = [[rows[i][0] for i in fit], [rows[i][1] for i in fit]]
    space = task.space(labels)
    for name, params in TRIED:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            trunk = reading_of(task).open(Base.open(DEFAULT), Store(Path(folder)))
            context = Context(
                task, space, texts, task.encode(space, labels), task.truth(labels), texts, trunks=(trunk,)
            )
            derivation = run_step(make_step(name, params), context).derivation
            seconds = time.perf_counter() - start
            outputs = derivation.predictor.outputs([rows[i][0] for i in held])
        answers = task.answers(space, outputs)
        right = np.array(answers.values) == np.array([rows[i][1] for i in held])
        gap = float(answers.confidence.mean() - right.mean())
        print(
            f"{name} {params}: {right.mean():.4f} of {len(held)} rows, confidence {gap:+.3f} off, {seconds:.0f} s",
            flush=True,
        )
        if name == "prompt_search":
            print(
                "  found:", derivation.frozen.templates, list(derivation.frozen.descriptions.values())[:3], flush=True
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
