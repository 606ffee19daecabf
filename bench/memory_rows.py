"""Anonymous memory of ``hasei try`` at 10,000 and at 100,000 rows: banking77, repeated with small edits.

Prints the peak of anonymous memory (RssAnon of /proc, in MB) of each run and their ratio. Memory-mapped activations are
the kernel's to drop and do not count.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[1] / "shared" / "data" / "banking77"
ENDS = (
    "please",
    "thanks",
    "thank you",
    "today",
    "asap",
    "as soon as you can",
    "for me",
    "again",
    "since monday",
    "now",
)


def write_rows(path: Path, count: int) -> None:
    with (DATA / "train.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    edits = random.Random(0)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["text", "label"])
        for i in range(count):
            text, label = rows[i % len(rows)]
            if i >= len(rows):
                text = f"{text} {edits.choice(ENDS)} {edits.choice(ENDS)} {i}"
            out.writerow([text, label])


def peak(rows: int, budget: str, scratch: Path) -> tuple[float, float]:
    """Return (MB of anonymous memory at the peak, seconds) of one study."""
    data = scratch / f"{rows}.csv"
    write_rows(data, rows)
    environment = os.environ | {
        "HASEI_CACHE": str(scratch / "cache"),
        "HASEI_STATE": str(scratch / "state"),
        "HF_HUB_OFFLINE": "1",
    }
    command = [
        str(Path(sys.executable).with_name("hasei")),
        "try",
        str(data),
        "--budget",
        budget,
        "--out",
        str(scratch / f"run{rows}"),
    ]
    start = time.monotonic()
    log = (scratch / f"log{rows}.txt").open("w")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    highest = 0
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        highest = max(highest, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")), 0)
        time.sleep(0.2)
    log.close()
    if process.returncode:
        raise SystemExit((scratch / f"log{rows}.txt").read_text()[-2000:])
    return highest / 1024, time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--budget", default="4m")
    budget = parser.parse_args().budget
    scratch = Path(tempfile.mkdtemp(prefix="hasei-memory-"))
    few, few_seconds = peak(10_000, budget, scratch)
    many, many_seconds = peak(100_000, budget, scratch)
    line = (
        f"| {datetime.date.today()} | memory of try, 100 k / 10 k rows, budget {budget} | {many / few:.2f} | "
        f"{few:.0f} MB in {few_seconds:.0f} s, {many:.0f} MB in {many_seconds:.0f} s |"
    )
    print(line)
    with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
