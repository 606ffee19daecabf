"""Object detection on raccoon_det: a small detector against the boxes that look at nothing, on the official test.

    python bench/boxes.py --shared ../shared/data [--base FOLDER] [--epochs 40]

There are no pretrained vision weights on this machine: without --base the backbone is a small ViT with random weights, so that
the figure says what 150 pictures alone can teach. The settings were fixed beforehand; --dev scores on a fifth of the train
pictures, for those who want others. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from transformers import ViTConfig, ViTModel

from hasei.derive import run
from hasei.derive.recipe import make_step
from hasei.engine.derivation import Context
from hasei.engine.readings import reading_of
from hasei.inputs import data as rooms
from hasei.inputs.base import Base
from hasei.judge.evaluation import compare, score
from hasei.tasks import arranged, open_task

TASK = open_task("object_detection")
SIDE = 96


def random_vit(folder: Path) -> Base:
    """A ViT of 1 M parameters with random weights: 96 x 96 pixels, patches of 8."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = ViTModel(ViTConfig(
            hidden_size=128, num_hidden_layers=4, num_attention_heads=4, intermediate_size=256, image_size=SIDE, patch_size=8,
        ), add_pooling_layer=False)  # fmt: skip
        for module in model.modules():
            if isinstance(module, torch.nn.Linear):
                torch.nn.init.xavier_uniform_(module.weight)
        model.embeddings.position_embeddings.data.normal_()
    model.save_pretrained(folder)
    config = {
        "image_processor_type": "ViTImageProcessor", "size": {"height": SIDE, "width": SIDE}, "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(config))
    return Base.open(folder)


def rows_of(path: Path) -> tuple[list, list[str]]:
    table = arranged(TASK, rooms.read(path))
    at = [table.columns.index(column.name) for column in TASK.columns]
    return [row[at[0]] for row in table.cells], TASK.clean([row[at[1]] for row in table.cells])[0]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"))
    parser.add_argument("--base", type=Path)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--methods", nargs="+", default=["full_fine_tuning"])
    parser.add_argument(
        "--dev", action="store_true", help="score on a fifth of the train pictures, for choosing settings"
    )
    asked = parser.parse_args()
    inputs, targets = rows_of(asked.shared / "raccoon_det" / "train.jsonl")
    if asked.dev:
        held = [i % 5 == 0 for i in range(len(inputs))]
        test = [i for i, h in zip(inputs, held) if h], [t for t, h in zip(targets, held) if h]
        inputs, targets = [i for i, h in zip(inputs, held) if not h], [t for t, h in zip(targets, held) if not h]
    else:
        test = rows_of(asked.shared / "raccoon_det" / "test.jsonl")
    with tempfile.TemporaryDirectory() as folder:
        base = Base.open(asked.base) if asked.base else random_vit(Path(folder) / "vit")
        bench(base, inputs, targets, *test, asked.epochs, asked.methods)


def bench(
    base: Base, inputs: list, targets: list[str], test: list, truth: list[str], epochs: int, methods: list[str]
) -> None:
    space = TASK.space(targets)
    units = [picture.content for picture in inputs]
    trunk = reading_of(TASK).open(base)
    context = Context(TASK, space, inputs, TASK.encode(space, targets), TASK.truth(targets), units, trunks=(trunk,))
    tuned = {"epochs": epochs, "rows_per_step": 8, "min_steps": 0, "smoothing": 0.0, "layer_decay": 1.0,
             "learning_rate": 1e-3, "head_learning_rate": 1e-3, "augment": ["flip"]}  # fmt: skip
    more = {"partial_fine_tuning": {"top_layers": 2}}
    steps = [make_step("mean_box"), make_step("common_boxes")]
    steps += [make_step(method, tuned | more.get(method, {})) for method in methods]
    answered: dict[str, list[str]] = {}
    keys = [picture.content for picture in test]
    print(f"{len(inputs)} pictures to learn from, {len(test)} to be scored on, {torch.get_num_threads()} threads")
    print(
        "\n| | mAP (95 % interval) | mAP at .50 | at .75 | gain over the mean box | training |\n|---|---|---|---|---|---|"
    )
    for step in steps:
        start = time.perf_counter()
        done = run.run_step(step, context if step.plugin.SUPPORTS.bases else replace(context, trunks=())).derivation
        seconds = time.perf_counter() - start
        answered[step.name] = TASK.answers(space, done.predictor.outputs(test)).values
        figures = {n: score(m, answered[step.name], truth, keys) for n, m in TASK.metrics.items()}
        gain = compare(TASK.metrics["map"], answered[step.name], answered["mean_box"], truth, keys)
        whole = figures["map"]
        print(
            f"| {step.name} | {whole.value:.3f} ({whole.low:.3f} to {whole.high:.3f}) | {figures['map_50'].value:.3f} |"
            f" {figures['map_75'].value:.3f} | {gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f}) | {seconds:.0f} s |",
            flush=True,
        )
        if done.curve:
            curve = np.array([point["loss"] for point in done.curve])
            print(f"<!-- loss {curve[0]:.2f} -> {curve[-1]:.2f} in {len(curve)} epochs -->", flush=True)


if __name__ == "__main__":
    main()
