"""Encoding and searching a million short passages: what it takes in memory, rows a second, and how exact search is.

    python bench/million_passages.py --rows 20000 100000 --vectors 1000000

Each count is encoded by a process of its own, from a JSONL file that is streamed, into a memory-mapped file of 16 bits; the
memory told is what the process itself holds (RssAnon; pages of files don't count), sampled while it runs. Search is measured
over made-up vectors in clusters, exact and approximate, against the exact answers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

WORDS = """
    where is my parcel order card payment refund account password page shop open late arrive city river mountain year people
    first world war team season film music album station line school north south government law company product market
    water energy cell protein disease treatment animal species house family king church language book story history
""".split()  # noqa: SIM905


def write(path: Path, rows: int) -> None:
    """Write *rows* passages of 6 to 22 words."""
    rng = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        for i in range(rows):
            text = " ".join(rng.choice(WORDS, int(rng.integers(6, 23))))
            file.write(json.dumps({"_id": f"p{i}", "text": text}) + "\n")


def held() -> float:
    """MB that this process itself holds now."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))


def encode(path: Path) -> dict[str, float]:
    """Encode the passages of *path* and tell rows, seconds and memory."""
    from hasei.engine.encoding import encode as to_file
    from hasei.engine.retriever import RetrieverModel, RetrieverPredictor
    from hasei.engine.trunk import Trunk
    from hasei.inputs.base import DEFAULT, Base
    from hasei.inputs.data import stream
    from hasei.inputs.data.corpus import Corpus

    trunk = Trunk(Base.open(DEFAULT))
    model = RetrieverModel(trunk.model, trunk.base.pooling)
    reader = RetrieverPredictor(model, trunk.tokenizer, trunk.base.max_tokens, Corpus((), (), ()), "whole")
    reader.features(["to warm up"] * 64)
    before, peak, stop = held(), [held()], threading.Event()

    def sample() -> None:
        while not stop.wait(0.05):
            peak[0] = max(peak[0], held())

    threading.Thread(target=sample, daemon=True).start()
    rows = stream(path)
    at = rows.columns.index("text")
    start = time.perf_counter()
    found = to_file(reader.features, (cells[at] for batch, _ in rows for cells in batch), path.with_suffix(".f16"))
    seconds = time.perf_counter() - start
    stop.set()
    return {"rows": len(found), "seconds": seconds, "before_mb": before, "peak_mb": peak[0]}


def search(count: int, hidden: int = 384, queries: int = 1000) -> list[dict[str, float | str]]:
    """Search *count* made-up vectors, exact and approximate."""
    from hasei.engine.search import Index

    rng = np.random.default_rng(0)
    centres = rng.normal(size=(2000, hidden)).astype(np.float32)
    vectors = np.empty((count, hidden), np.float16)
    for start in range(0, count, 50_000):
        rows = min(50_000, count - start)
        part = centres[rng.integers(0, len(centres), rows)] + rng.normal(size=(rows, hidden)).astype(np.float32)
        vectors[start : start + rows] = part / np.linalg.norm(part, axis=1, keepdims=True)
    asked = vectors[rng.integers(0, count, queries)].astype(np.float32) + rng.normal(
        0, 0.02, size=(queries, hidden)
    ).astype(np.float32)
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    found, exact = [], None
    for approximate in (False, True):
        before, start = held(), time.perf_counter()
        index = Index(vectors, approximate=approximate)
        built, size = time.perf_counter() - start, held() - before
        start = time.perf_counter()
        _, places = index.search(asked, 10)
        together = (time.perf_counter() - start) * 1000 / queries
        start = time.perf_counter()
        for i in range(50):
            index.search(asked[i : i + 1], 10)
        alone = (time.perf_counter() - start) * 1000 / 50
        exact = places if exact is None else exact
        recall = float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(places, exact)]))
        found.append({
            "index": "approximate" if approximate else "exact", "build_s": built, "index_mb": size,
            "ms_a_query_of_1000": together, "ms_a_query_alone": alone, "recall@10": recall,
        })  # fmt: skip
        del index
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="*", default=[20_000, 100_000])
    parser.add_argument("--vectors", type=int, default=1_000_000)
    parser.add_argument("--file", type=Path)
    given = parser.parse_args()
    if given.file:
        print(json.dumps(encode(given.file)))
        return
    for rows in given.rows:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "passages.jsonl"
            write(path, rows)
            done = subprocess.run(
                [sys.executable, __file__, "--file", str(path)], check=True, capture_output=True, text=True
            )
            one = json.loads(done.stdout.splitlines()[-1])
        speed = one["rows"] / one["seconds"]
        print(
            f"encode {one['rows']:,}: {one['seconds']:.0f} s, {speed:.0f} rows/s (1 M: {1e6 / speed / 60:.0f} min); "
            f"memory {one['before_mb']:.0f} MB before, {one['peak_mb']:.0f} MB at most", flush=True,
        )  # fmt: skip
    for one in search(given.vectors) if given.vectors else []:
        print(f"search {given.vectors:,}: {json.dumps(one)}", flush=True)


if __name__ == "__main__":
    main()
