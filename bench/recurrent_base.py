"""Train a small recurrent base from scratch on labelled texts, and see what derived models of it are worth elsewhere.

The base learns a tokenizer (word pieces) and an LSTM or GRU on clinc150's train texts, by naming their intents; its head is
thrown away. Then models are derived from it on banking77's train rows and scored beside a lexical model and beside a base
of the same size that never learnt. ``--dev`` holds out a fifth of the train rows and looks at no test file.

    python bench/recurrent_base.py runs/lstm                      # makes the base: hasei try rows.csv --base runs/lstm
    python bench/recurrent_base.py runs/lstm --compare --dev
    python bench/recurrent_base.py runs/lstm --compare
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "src")]
SHARED = HERE.parents[1] / "shared" / "data"
SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
DERIVED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("feature_extraction", {}), ("partial_fine_tuning", {"top_layers": 1}), ("full_fine_tuning", {}),
    ("full_fine_tuning", {"epochs": 12, "learning_rate": 1e-3}),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=SHARED / "clinc150" / "train.csv")
    parser.add_argument("--cell", choices=["lstm", "gru"], default="lstm")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--dev", action="store_true")
    options = parser.parse_args()
    if not options.folder.exists():
        texts, labels = read(options.data)
        start = time.perf_counter()
        curve = make_base(options, texts, labels)
        print(
            f"{options.folder}: {len(texts)} texts, loss {curve[0]:.3f} to {curve[-1]:.3f}, {time.perf_counter() - start:.0f} s"
        )
    if options.compare:
        compare(options)


def read(path: Path) -> tuple[list[str], list[str]]:
    """Return the texts and labels of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def make_base(options: Any, texts: Sequence[str], labels: Sequence[str]) -> list[float]:
    """Write a base trained on *texts* into ``options.folder``; return the loss after every epoch."""
    import torch

    from hasei.inputs.recurrent import RecurrentConfig, RecurrentModel

    tokenizer = make_tokenizer(texts)
    torch.manual_seed(options.seed)
    model = RecurrentModel(RecurrentConfig(
        vocab_size=len(tokenizer), hidden_size=options.width, num_hidden_layers=options.layers, cell=options.cell,
    ))  # fmt: skip
    curve = learn(model, tokenizer, texts, labels, options) if options.epochs else [0.0]
    model.save_pretrained(options.folder)
    tokenizer.save_pretrained(options.folder)
    return curve


def make_tokenizer(texts: Sequence[str]) -> Any:
    """Return word pieces learnt on *texts*, as transformers reads them."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=4000, special_tokens=list(SPECIAL.values()), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=256, **SPECIAL)


def learn(model: Any, tokenizer: Any, texts: Sequence[str], labels: Sequence[str], options: Any) -> list[float]:
    """Train *model* to name the labels of *texts* from the mean of its states; its head is not kept."""
    from torch import nn
    from torch.nn.functional import cross_entropy

    from hasei.engine.batching import tokenize
    from hasei.engine.pooled import PooledModel
    from hasei.engine.source import TextSource
    from hasei.engine.training import Job, Plan, train
    from hasei.ground.events import Watch

    names = sorted(set(labels))
    targets = np.array([names.index(label) for label in labels])
    tokens = tokenize(tokenizer, list(texts), 256)
    whole = PooledModel(model, "mean", nn.Linear(options.width, len(names)), dropout=0.3)
    plan = Plan(epochs=options.epochs, learning_rate=2e-3, head_learning_rate=2e-3, rows_per_step=64, precision="fp32")

    def loss(outputs: Any, wanted: Any, *, smoothing: float = 0.0) -> Any:
        return cross_entropy(outputs, wanted, reduction="none", label_smoothing=0.1)

    source = TextSource(tokens, np.arange(len(texts)), tokenizer.pad_token_id)
    return [point["loss"] for point in train(Job(whole, source, targets, loss, plan, options.seed), Watch())]


def compare(options: Any) -> None:
    """Print a table of models derived from the base, and from one that never learnt, on banking77."""
    texts, labels = read(SHARED / "banking77" / "train.csv")
    if options.dev:
        held = np.array([int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % 5 == 0 for text in texts])
        scored = [texts[i] for i in np.flatnonzero(held)], [labels[i] for i in np.flatnonzero(held)]
        texts, labels = [texts[i] for i in np.flatnonzero(~held)], [labels[i] for i in np.flatnonzero(~held)]
    else:
        scored = read(SHARED / "banking77" / "test.csv")
    print(f"| base | model | accuracy of {len(scored[0])} rows | seconds |\n|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.csv"
        with rows.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *zip(texts, labels)])
        blank = argparse.Namespace(**vars(options) | {"epochs": 0, "folder": Path(folder) / "blank"})
        make_base(blank, read(options.data)[0], [])
        line(rows, scored, None, "lexical_linear", {})
        line(rows, scored, blank.folder, "feature_extraction", {})
        line(rows, scored, blank.folder, *DERIVED[-1])
        for method, params in DERIVED:
            line(rows, scored, options.folder, method, params)


def line(
    rows: Path, scored: tuple[list[str], list[str]], base: Path | None, method: str, params: dict[str, Any]
) -> None:
    """Derive *method* from *base* on *rows* and print its share of right answers among *scored*."""
    from hasei.derive.order import order, read_steps

    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        model = order(
            read_steps({method: params}), rows, task="text_classification", base=base or "all-minilm-l6-v2",
            out=Path(folder) / "model",
        )  # fmt: skip
        right = np.mean([a.value == truth for a, truth in zip(model.predict(scored[0]), scored[1])])
    said = " ".join(f"{key}={value}" for key, value in params.items())
    print(
        f"| {base.name if base else 'none'} | {method} {said} | {right:.3f} | {time.perf_counter() - start:.0f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
