"""What the speed benchmarks share: the rows, clocks, results kept from run to run, hasei's context."""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "src")]
DATA = HERE.parents[1] / "shared" / "data" / "banking77"
BASE = "all-minilm-l6-v2"
HELD = 2000


def parser_of(words: str | None) -> argparse.ArgumentParser:
    """The options that all have."""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--on", default="train", choices=("train", "test"), help="scored on held-out train rows, or test"
    )
    parser.add_argument("--rows", type=int, help="of train and of what is scored, to see that all runs")
    parser.add_argument(
        "--kept", type=Path, help="a file of results, one JSON a line: a run that was stopped goes on from it"
    )
    return parser


def settle() -> int:
    """Give torch the threads of OMP_NUM_THREADS (else all cores) and make libraries quiet; return how many."""
    import torch
    import transformers

    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1))
    return torch.get_num_threads()


def warm() -> None:
    """Import what both sides need and read the base's file from the disk once, before any clock runs."""
    with tempfile.TemporaryDirectory() as folder:
        context = context_of(Rows(["a text", "another text"], ["a", "b"], [], []), Path(folder))
        context.trunk.pooled(context.inputs, context.trunk.layers, "mean")


def machine() -> str:
    """What the seconds depend on."""
    import torch

    kind = torch.backends.cpu.get_cpu_capability() + (" with VNNI" if has_vnni() else "")
    return f"{torch.get_num_threads()} threads, {kind}, {platform.machine()}"


def has_vnni() -> bool:
    """Whether this processor has AVX-512's instructions for products in 8 bits."""
    known = Path("/proc/cpuinfo")
    return known.is_file() and " avx512_vnni" in known.read_text("utf-8")


def anonymous(pid: int) -> float:
    """Anonymous memory of a process now, in MB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon:")), 0.0)


@dataclass(frozen=True)
class Rows:
    """Texts and labels to learn from, and those to be scored on."""

    texts: list[str]
    labels: list[str]
    held: list[str]
    truth: list[str]

    @property
    def names(self) -> list[str]:
        """The labels, in order."""
        return sorted(set(self.labels))

    def accuracy(self, answers: list[str]) -> float:
        """Share of the held rows that *answers* are right on."""
        return sum(a == t for a, t in zip(answers, self.truth, strict=True)) / len(self.truth)


def rows_of(path: Path) -> list[tuple[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["text"], row["label"]) for row in csv.DictReader(file)]


def read(on: str, count: int | None = None, held: int = HELD) -> Rows:
    """Train rows and, by chance but always the same, *held* of them aside; or the official test file. At most *count* of each."""
    import numpy as np

    train = rows_of(DATA / "train.csv")
    order = np.random.default_rng(77).permutation(len(train)).tolist()
    train = [train[i] for i in order]
    scored = rows_of(DATA / "test.csv") if on == "test" else train[:held]
    train = train if on == "test" else train[held:]
    train, scored = train[:count], scored[:count]
    return Rows([t for t, _ in train], [y for _, y in train], [t for t, _ in scored], [y for _, y in scored])


class Kept:
    """Results by their key, one JSON a line in *path*; without a path they are held for this run alone."""

    def __init__(self, path: Path | None, **always: Any) -> None:
        self.path, self.always, self.known = path, always, dict[str, Any]()
        if path is not None and path.is_file():
            lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
            self.known = {line["key"]: line["value"] for line in lines}

    def once(self, make: Callable[[], Any], **key: Any) -> Any:
        """Return what *make* returned when it was first called with this key."""
        name = json.dumps(self.always | key, sort_keys=True)
        if name not in self.known:
            self.known[name] = make()
            if self.path is not None:
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"key": name, "value": self.known[name]}) + "\n")
        return self.known[name]


class Clock:
    """Seconds by the clock and of this process since it was made: the second says less of what ran beside."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def spent(self) -> dict[str, float]:
        return {"wall": time.perf_counter() - self.wall, "cpu": time.process_time() - self.cpu}


def added(*parts: dict[str, float]) -> dict[str, float]:
    """The sum of what was spent."""
    return {k: sum(p[k] for p in parts) for k in ("wall", "cpu")}


def times(part: dict[str, float], count: float) -> dict[str, float]:
    """*count* times what was spent."""
    return {k: part[k] * count for k in ("wall", "cpu")}


def ratio(peer: dict[str, float], ours: dict[str, float]) -> str:
    """How many times as fast, by the clock and by processor time."""
    return f"{peer['wall'] / ours['wall']:.1f}x by the clock, {peer['cpu'] / ours['cpu']:.1f}x by processor time"


def context_of(rows: Rows, folder: Path, layers: Collection[int] = ()) -> Any:
    """Hasei's side, from raw texts: the base opened, rows tokenised, an empty store; *layers* are kept in full when it reads."""
    from hasei.engine.activations.store import Store
    from hasei.engine.derivation import Context
    from hasei.engine.readings import reading_of
    from hasei.inputs.base import Base
    from hasei.tasks import open_task

    task = open_task("text_classification")
    targets, _ = task.clean(rows.labels)
    space = task.space(targets)
    trunk = reading_of(task).open(Base.open(BASE), Store(folder))
    trunk.prepare(rows.texts)
    trunk.wanted |= set(layers)
    encoded = task.encode(space, targets)
    return Context(task, space, list(rows.texts), encoded, task.truth(targets), list(rows.texts), trunks=(trunk,))


def accuracy_of(done: Any, context: Any, rows: Rows) -> float:
    """The accuracy of a derivation on the held rows."""
    return rows.accuracy(context.task.answers(context.space, done.predictor.outputs(rows.held)).values)
