"""``hasei predict`` on files of growing length, up to a million rows: peak memory, rows a second, every row in its place.

The rows are banking77's test rows over and over, with a number of their own. Memory is the peak of RssAnon of /proc while the
command runs, in MB. With a batch of rows it does not grow, the file is streamed.

    OMP_NUM_THREADS=1 python bench/million_rows.py --model FOLDER [--rows 10000 100000 1000000]
"""

from __future__ import annotations

import argparse
import csv
import datetime
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
from _sides import DATA, anonymous, machine, settle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a model folder that answers banking77")
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    options = parser.parse_args()
    settle()
    with (DATA / "test.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    with tempfile.TemporaryDirectory() as place:
        for count in options.rows:
            print(measured(options.model, texts, count, Path(place)), flush=True)
    print(machine())


def measured(model: Path, texts: list[str], count: int, place: Path) -> str:
    asked, answers = place / "asked.csv", place / "answers.csv"
    answers.unlink(missing_ok=True)
    with asked.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("id", "text"))
        writer.writerows(enumerate(itertools.islice(itertools.cycle(texts), count)))
    start, peak = time.perf_counter(), 0
    command = [sys.executable, "-m", "hasei", "predict", str(model), str(asked), "--out", str(answers)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        while running.poll() is None:
            peak = max(peak, anonymous(running.pid))
            time.sleep(0.1)
    seconds = time.perf_counter() - start
    if running.returncode:
        raise SystemExit(f"hasei predict ended with {running.returncode}")
    with answers.open(encoding="utf-8-sig", newline="") as file:
        rows = list(zip(csv.DictReader(file), range(count + 1)))
    in_order = len(rows) == count and all(int(row["id"]) == i for row, i in rows)
    name = next(one for one in rows[0][0] if one not in ("id", "text"))
    alike = all(row[name] == rows[i % len(texts)][0][name] for row, i in rows)
    return (
        f"| {datetime.date.today()} | hasei predict, {count:,} rows, {model.name} | {peak:.0f} MB at most, {seconds:.0f} s "
        f"({count / seconds:,.0f} rows a second, start included) | in order: {in_order}; equal texts alike: {alike} |"
    )


if __name__ == "__main__":
    main()
