"""Entities on wnut17 and ncbi_disease: hasei's methods against the usual ``transformers`` script, the same base, in one run.

The usual script is that of ``run_ner``: Trainer, labels on the first sub-token of each word, learning rate 5e-5, three epochs,
fp32, batches of 16 padded to their longest row. Hasei: the frozen base read once, a solved head, then the top layers (or all of
them) from that head, in batches without padding. Settings were chosen on train and dev; ``--on test`` looks at the official test
file.
Time is that from rows to a trained model, tokenizing and reading the base's states included.

    python bench/entities.py --set wnut17 --on test
    python bench/entities.py --set wnut17 --try partial_fine_tuning:top_layers=3,epochs=2 --no-trainer   # on dev
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "src")]
SHARED = HERE.parents[1] / "shared" / "data"
BASE = "all-minilm-l6-v2"
DEFAULT = ("feature_extraction", "partial_fine_tuning", "full_fine_tuning")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--set", default="wnut17", choices=("wnut17", "ncbi_disease"))
    parser.add_argument("--on", default="dev", choices=("dev", "test"))
    parser.add_argument("--try", dest="tried", nargs="+", default=list(DEFAULT))
    parser.add_argument("--no-trainer", action="store_true")
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--rows", type=int, help="of train and of what is scored, to see that all runs")
    parser.add_argument(
        "--store", help="a folder of states that are kept from recipe to recipe: to choose settings, not to time"
    )
    options = parser.parse_args()
    folder = SHARED / options.set
    rows = {name: read(folder / f"{name}.jsonl")[: options.rows] for name in ("train", options.on)}
    print(f"{options.set}: {len(rows['train'])} rows, scored on {len(rows[options.on])} of {options.on}", flush=True)
    print("| what | F1 | precision | recall | seconds |\n|---|---|---|---|---|", flush=True)
    half = len(options.tried) // 2
    took = [ours(name, rows["train"], rows[options.on], options.store) for name in options.tried[:half]]
    usual = None if options.no_trainer else trainer(rows["train"], rows[options.on], options.epochs)
    took += [ours(name, rows["train"], rows[options.on], options.store) for name in options.tried[half:]]
    for name, seconds in zip(options.tried, took):
        if usual:
            print(f"{name}: {usual / seconds:.2f} times as fast as the usual script", flush=True)
    print(datetime.date.today())


def read(path: Path) -> list[dict[str, list[str]]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def show(name: str, tags: list[list[str]], rows: list[dict[str, list[str]]], seconds: float) -> float:
    """Print what seqeval says of predicted *tags* in strict IOB2."""
    from seqeval.metrics.v1 import precision_recall_fscore_support
    from seqeval.scheme import IOB2

    true = [row["tags"] for row in rows]
    precision, recall, f1, _ = precision_recall_fscore_support(
        true, tags, scheme=IOB2, average="micro", zero_division=0
    )
    print(f"| {name} | {f1:.4f} | {precision:.4f} | {recall:.4f} | {seconds:.1f} |", flush=True)
    return seconds


def ours(
    recipe: str, train: list[dict[str, list[str]]], scored: list[dict[str, list[str]]], kept: str | None = None
) -> float:
    """Derive *recipe* (``name:setting=value,...``) from *train* with an empty store; seconds that it took."""
    import numpy as np

    from hasei.derive.recipe import make_step
    from hasei.derive.run import run_step
    from hasei.engine.activations.store import Store
    from hasei.engine.derivation import Context
    from hasei.engine.readings import reading_of
    from hasei.inputs.base import Base
    from hasei.inputs.data.dataset import Table
    from hasei.tasks import arranged, open_task

    name, _, given = recipe.partition(":")
    params = dict(part.split("=") for part in given.split(",") if part)
    step = make_step(name, {key: json.loads(value) for key, value in params.items()})
    task = open_task("token_classification")

    def columns(rows: list[dict[str, list[str]]]) -> tuple[list[str], list[str]]:
        cells = [(json.dumps(row["tokens"]), json.dumps(row["tags"])) for row in rows]
        table = arranged(task, Table(Path("rows"), ("tokens", "tags"), cells, np.arange(len(rows)), "utf-8", ""))
        return [row[2] for row in table.cells], [row[3] for row in table.cells]

    with tempfile.TemporaryDirectory() as folder:
        base = Base.open(BASE)
        reading_of(task).open(base)  # files from the disk once, for both sides
        start = time.perf_counter()
        texts, targets = columns(train)
        targets, _ = task.clean(targets)
        space = task.space(targets)
        trunk = reading_of(task).open(base, Store(Path(kept or folder)))
        trunk.prepare(texts)
        encoded = task.encode(space, targets)
        context = Context(task, space, texts, encoded, task.truth(targets), list(texts), trunks=(trunk,))
        done = run_step(step, context).derivation
        seconds = time.perf_counter() - start
        answers = task.answers(space, done.predictor.outputs(columns(scored)[0])).values
    shown = {
        k: v for k, v in done.frozen.model_dump().items() if k in ("layer", "l2", "epochs", "precision", "top_layers")
    }
    return show(f"{recipe} {shown}", tagged(scored, answers), scored, seconds)


def tagged(rows: list[dict[str, list[str]]], answers: list[Any]) -> list[list[str]]:
    """Entities in characters as tags of tokens, which stand one after the other with one sign between; blank ones don't."""
    from hasei.tasks._spans import parted

    found = []
    for row, cell in zip(rows, answers, strict=True):
        tags, place, starts = ["O"] * len(row["tokens"]), 0, []
        for token in row["tokens"]:
            plain = " ".join(token.split())
            starts.append((place, place + len(plain)))
            place += len(plain) + 1 if plain else 0
        for start, end, label in parted(cell):
            inside = [i for i, (low, high) in enumerate(starts) if low < high and low >= start and high <= end]
            for i in range(inside[0], inside[-1] + 1):
                tags[i] = f"{'B' if i == inside[0] else 'I'}-{label}"
        found.append(tags)
    return found


def trainer(train: list[dict[str, list[str]]], scored: list[dict[str, list[str]]], epochs: float) -> float:
    """The usual script; seconds that it took to train."""
    import torch
    from transformers import (
        AutoModelForTokenClassification,
        AutoTokenizer,
        DataCollatorForTokenClassification,
        Trainer,
        TrainingArguments,
    )

    from hasei.inputs.base import Base

    folder = Base.open(BASE).folder
    names = sorted({tag for row in train for tag in row["tags"]})
    number = {name: i for i, name in enumerate(names)}

    def encode(rows: list[dict[str, list[str]]]) -> list[dict[str, Any]]:
        encoded = tokenizer([row["tokens"] for row in rows], is_split_into_words=True, truncation=True)
        found = []
        for i, row in enumerate(rows):
            words = encoded.word_ids(i)
            first = [w is not None and w != before for w, before in zip(words, [None, *words])]
            labels = [number.get(row["tags"][w], 0) if new and w is not None else -100 for w, new in zip(words, first)]
            found.append(
                {k: encoded[k][i] for k in ("input_ids", "attention_mask")} | {"labels": labels, "words": words}
            )
        return found

    torch.manual_seed(0)
    start = time.perf_counter()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForTokenClassification.from_pretrained(folder, num_labels=len(names), dtype=torch.float32)
    rows = [{k: v for k, v in row.items() if k != "words"} for row in encode(train)]
    with tempfile.TemporaryDirectory() as place:
        arguments = TrainingArguments(
            place, num_train_epochs=epochs, learning_rate=5e-5, per_device_train_batch_size=16, seed=0, report_to=[],
            use_cpu=True,
            save_strategy="no", logging_strategy="no", disable_tqdm=True,
        )  # fmt: skip
        Trainer(model, arguments, DataCollatorForTokenClassification(tokenizer), train_dataset=rows).train()
    seconds = time.perf_counter() - start
    model.eval()
    tags = []
    for row, encoded in zip(scored, encode(scored), strict=True):
        with torch.no_grad():
            ids = {k: torch.tensor([encoded[k]]) for k in ("input_ids", "attention_mask")}
            best = model(**ids).logits[0].argmax(1).tolist()
        said = ["O"] * len(row["tokens"])
        for word, label, tag in zip(encoded["words"], encoded["labels"], best):
            if label != -100:
                said[word] = names[tag]
        tags.append(said)
    return show(f"Trainer, {epochs:g} epochs", tags, scored, seconds)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
