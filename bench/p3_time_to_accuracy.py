"""P3: seconds from reading the CSV to a model on disk, hasei against the transformers Trainer, on the same rows and threads.

Sides, interleaved in one run:

- ``hasei solved``: ``feature_extraction``, everything chosen on the train rows.
- ``hasei full``: ``full_fine_tuning`` of the same base with two epochs.
- ``trainer tuned``: full fine-tune, batches grouped by length, lr 3e-4, 4 epochs, batch 32, in the faster of bf16 and fp32
  on this machine (a few steps of each decide).
- ``trainer usual``: full fine-tune as people run it: fp32, dynamic padding, lr 5e-5, 3 epochs, batch 32. Measured on
  ``--usual-steps`` steps and projected, which is said; ``--whole`` runs all of it.

Accuracy is of the official test file, looked at after the clock has stopped; nothing is chosen by it.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import os
import platform
import shutil
import statistics
import tempfile
import time
import warnings
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data" / "banking77"


def rows_of(path: Path) -> tuple[list[str], list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [r["text"] for r in rows], [r["label"] for r in rows]


def hasei(method: str, params: dict, folder: Path) -> tuple[float, float]:
    """Return (seconds, accuracy) of one derivation with an empty cache."""
    import numpy as np

    from hasei.derive.recipe import make_step
    from hasei.derive.run import context_of, run_step, write
    from hasei.engine.activations.store import Store
    from hasei.engine.trunk import Trunk
    from hasei.inputs import data as rooms
    from hasei.inputs.base import Base
    from hasei.tasks import open_task

    start = time.perf_counter()
    task = open_task("text_classification")
    table = rooms.read(DATA / "train.csv")
    mapping = rooms.guess(table, task.columns, {})
    data = rooms.assemble(
        table, mapping, columns=task.columns, clean=task.clean, select_share=0.0, confirm_share=0.0, licence="CC-BY-4.0"
    )
    space = task.space(data.targets)
    trunk = Trunk(Base.open("all-minilm-l6-v2"), Store(folder / "cache"))
    step = make_step(method, params)
    from hasei.derive.recipe import Recipe

    context = context_of(task, space, data, (trunk,))
    recipe = Recipe((trunk.base.content_hash,), task.name, {"fingerprint": data.fingerprint}, (step,))
    model = write(run_step(step, context), step, recipe, context, data, folder / "model", {})
    seconds = time.perf_counter() - start
    texts, labels = rows_of(DATA / "test.csv")
    return seconds, float(np.mean([a == b for a, b in zip(model.answers(texts).values, labels)]))


def trainer(folder: Path, *, tuned: bool, steps: int | None = None, bf16: bool = False) -> tuple[float, float, float]:
    """Return (seconds, accuracy, seconds of the whole when only *steps* steps were run)."""
    import numpy as np
    import torch
    from datasets import Dataset
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
    )

    from hasei.inputs.base import Base

    base = Base.open("all-minilm-l6-v2").folder
    start = time.perf_counter()
    texts, labels = rows_of(DATA / "train.csv")
    names = sorted(set(labels))
    index = {n: i for i, n in enumerate(names)}
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=len(names), id2label=dict(enumerate(names)), label2id=index, dtype=torch.float32
    )
    encoded = tokenizer(texts, truncation=True, max_length=256)
    data = Dataset.from_dict({**encoded, "labels": [index[name] for name in labels]})
    options = {"train_sampling_strategy": "group_by_length"} if tuned else {}
    epochs = 4 if tuned else 3
    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"), num_train_epochs=epochs, per_device_train_batch_size=32,
        learning_rate=3e-4 if tuned else 5e-5, bf16=bf16, save_strategy="no", report_to=[], logging_strategy="no",
        use_cpu=True, seed=0, disable_tqdm=True, max_steps=steps or -1, **options,
    )  # fmt: skip
    run = Trainer(model=model, args=arguments, train_dataset=data, data_collator=DataCollatorWithPadding(tokenizer))
    before = time.perf_counter()
    run.train()
    trained = time.perf_counter() - before
    run.save_model(str(folder / "out"))
    seconds = time.perf_counter() - start
    whole = seconds
    if steps:
        total = epochs * -(-len(texts) // 32)
        whole = seconds - trained + trained / steps * total
        return seconds, float("nan"), whole
    model.eval()
    test, true = rows_of(DATA / "test.csv")
    right = []
    with torch.inference_mode():
        for i in range(0, len(test), 64):
            batch = tokenizer(test[i : i + 64], truncation=True, max_length=256, padding=True, return_tensors="pt")
            right += [names[j] == t for j, t in zip(model(**batch).logits.argmax(-1).tolist(), true[i : i + 64])]
    return seconds, float(np.mean(right)), whole


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3, help="runs of the quick side, spread between the others")
    parser.add_argument("--usual-steps", type=int, default=60)
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    scratch = Path(tempfile.mkdtemp(prefix="hasei-bench-"))
    count = iter(range(100))

    def fresh() -> Path:
        folder = scratch / str(next(count))
        folder.mkdir()
        return folder

    solved = [hasei("feature_extraction", {}, fresh())]
    print(f"hasei solved: {solved[-1][0]:.1f} s, accuracy {solved[-1][1]:.4f}", flush=True)
    tries = {bf16: trainer(fresh(), tuned=True, steps=12, bf16=bf16)[2] for bf16 in (False, True)}
    bf16 = tries[True] < tries[False]
    print(
        f"trainer precision: {'bf16' if bf16 else 'fp32'} (projected fp32 {tries[False]:.0f} s, bf16 {tries[True]:.0f} s)",
        flush=True,
    )
    tuned = trainer(fresh(), tuned=True, bf16=bf16)
    print(f"trainer tuned: {tuned[0]:.1f} s, accuracy {tuned[1]:.4f}", flush=True)
    solved.append(hasei("feature_extraction", {}, fresh()))
    print(f"hasei solved: {solved[-1][0]:.1f} s, accuracy {solved[-1][1]:.4f}", flush=True)
    full = hasei("full_fine_tuning", {"epochs": 2}, fresh())
    print(f"hasei full, 2 epochs: {full[0]:.1f} s, accuracy {full[1]:.4f}", flush=True)
    usual = trainer(fresh(), tuned=False, steps=None if options.whole else options.usual_steps)
    print(
        f"trainer usual: {usual[2]:.0f} s{'' if options.whole else ' (projected)'}, accuracy {usual[1]:.4f}", flush=True
    )
    while len(solved) < options.repeats:
        solved.append(hasei("feature_extraction", {}, fresh()))
        print(f"hasei solved: {solved[-1][0]:.1f} s, accuracy {solved[-1][1]:.4f}", flush=True)
    ours = [s for s, _ in solved]
    middle = statistics.median(ours)
    projected = "" if options.whole else " (projected)"
    day = datetime.date.today()
    seen = f"{middle:.1f} s at {solved[0][1]:.2%}"
    lines = [
        f"| {day} | P3 solved / trainer tuned ({'bf16' if bf16 else 'fp32'}) | {tuned[0] / middle:.1f}x "
        f"({tuned[0] / max(ours):.1f}-{tuned[0] / min(ours):.1f}) | {seen} against {tuned[0]:.0f} s at {tuned[1]:.2%} |",
        f"| {day} | P3 solved / trainer usual{projected} | {usual[2] / middle:.1f}x "
        f"({usual[2] / max(ours):.1f}-{usual[2] / min(ours):.1f}) | {middle:.1f} s against {usual[2]:.0f} s |",
        f"| {day} | P3 full fine-tune, both engines | {tuned[0] / full[0]:.2f}x | "
        f"{full[0]:.0f} s at {full[1]:.2%} (2 epochs) against {tuned[0]:.0f} s at {tuned[1]:.2%} |",
    ]
    print("\n".join(lines))
    print(f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}, {platform.machine()}")
    with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
