"""The whole picture of smaller and faster: quality, latency, throughput and size of every way to shrink a set's best model.

One command, one recipe file beside it (``smaller.yaml``). Each set's best model is derived from its train rows and kept as a
folder; each way opens that folder as its base and writes its own (``of: teacher``: derives it anew, to choose on rows that it has
not seen). All folders are loaded back as they would be served, answer the same official test rows, and are timed in turns in one
process, on one thread: one row at a time, and all together. What is in ``--kept`` is not derived again.

    python bench/smaller.py --kept /tmp/smaller [--sets banking77] [--write]
"""

from __future__ import annotations

import argparse
import datetime
import os
import statistics
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
from _sides import machine, settle
from methods_table import keep, known_in, opened, read, settings_text, slug_of

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "smaller.md"
DRAWS = 1000
ALONE, TOGETHER, ROUNDS = 60, 768, 5


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--recipe", type=Path, default=HERE / "smaller.yaml")
    parser.add_argument("--kept", type=Path, required=True, help="a folder for what was derived")
    parser.add_argument("--sets", nargs="+", help="only those")
    parser.add_argument("--ways", nargs="+", help="only those, as they stand in the table")
    parser.add_argument("--rows", type=int, help="of train and test, to see that all runs")
    parser.add_argument("--write", action="store_true", help="write docs/smaller.md from what is kept, derive nothing")
    options = parser.parse_args()
    from hasei.ground.files import read_yaml

    settle()
    asked: dict[str, Any] = read_yaml(options.recipe)
    options.kept.mkdir(parents=True, exist_ok=True)
    if not options.write:
        for name, given in asked["sets"].items():
            if options.sets is None or name in options.sets:
                of_set(name, given, asked, options)
    lines = page(asked, read(options.kept))
    if options.write:
        before, _, rest = PAGE.read_text("utf-8").partition("<!-- table -->\n")
        _, _, after = rest.partition("<!-- end of table -->\n")
        text = "\n".join(lines)
        PAGE.write_text(f"{before}<!-- table -->\n{text}\n<!-- end of table -->\n{after}", "utf-8")
    print("\n".join(lines))
    print(datetime.date.today())


def of_set(name: str, given: dict[str, Any], asked: dict[str, Any], options: argparse.Namespace) -> None:
    """Derive the model of a set and all that is made of it, then let every folder answer and take its time."""
    from hasei.methods._members import read_member

    place = options.kept / slug_of(name)
    place.mkdir(exist_ok=True)
    teacher = place / "teacher"
    lab = opened(given["data"], asked["seed"], place / "work")
    fit = lab.ordered("train", "select")[: options.rows]
    scored = lab.ordered("confirm")[: options.rows or asked["scored"]]
    derive(lab, given["teacher"], fit, teacher)
    smaller = opened(given["data"] | {"base": str(teacher)}, asked["seed"], place / "work-smaller")
    folders, kept = {"the model": teacher}, options.kept / f"{slug_of(name)}.jsonl"
    for entry in asked["ways"]:
        kind = entry if isinstance(entry, str) else next(iter(entry))
        told = f"{kind} {settings_text(entry[kind] if isinstance(entry, dict) else {})}".strip()
        anew = isinstance(entry, dict) and entry[kind].get("of") == "teacher"
        entry = {kind: entry[kind] | {"of": given["teacher"]}} if anew else entry
        _, plugin, _ = read_member(entry)
        if (options.ways and told not in options.ways) or not plugin.SUPPORTS.admits(lab.task):
            continue
        room = lab if anew or kind in ("lexical_linear", "feature_extraction") else smaller
        why = derive(room, entry, fit, place / slug_of(told))
        if why:
            print(name, told, why, flush=True)
        else:
            folders[told] = place / slug_of(told)
    known = known_in(kept)
    if not folders.keys() <= known:
        for told, line in measured(lab, folders, scored).items():
            keep(kept, line | {"set": name, "method": told, "rows": len(fit), "seconds": line["seconds"]})


def derive(lab: Any, entry: Any, fit: Any, folder: Path) -> str:
    """Derive *entry* into *folder* unless it stands there; return why it can't be."""
    from hasei.derive.recipe import read_steps
    from hasei.derive.run import run
    from hasei.ground.errors import HaseiError

    if folder.exists():
        return ""
    (step,) = read_steps(entry)
    start = time.perf_counter()
    try:
        run(lab.recipe(step), lab.context(step, fit, lab.watch), lab.data.take(fit), folder)
    except HaseiError as error:
        return str(error)
    print(f"{step.label}: {time.perf_counter() - start:.0f} s", flush=True)
    return ""


def measured(lab: Any, folders: dict[str, Path], scored: Any) -> dict[str, dict[str, Any]]:
    """Score every folder on *scored*, and time all in turns."""
    from hasei.derive.derived import open_model
    from hasei.judge.evaluation import compare, score

    inputs = [lab.data.inputs[i] for i in scored]
    models = {told: open_model(folder) for told, folder in folders.items()}
    truth, units = lab.truth(scored), lab.units(scored)
    values = {told: lab.answered(model.outputs(inputs), scored)[1].values for told, model in models.items()}
    alone: dict[str, list[float]] = {told: [] for told in models}
    together: dict[str, list[float]] = {told: [] for told in models}
    for turn in range(ROUNDS):
        some = inputs[turn * ALONE : (turn + 1) * ALONE]
        for told, model in models.items():
            for row in some:
                start = time.perf_counter()
                model.outputs([row])
                alone[told].append(time.perf_counter() - start)
            start = time.perf_counter()
            model.outputs(inputs[:TOGETHER])
            together[told].append((time.perf_counter() - start) / len(inputs[:TOGETHER]))
    found = {}
    for told, model in models.items():
        own = score(lab.metric, values[told], truth, units, draws=DRAWS)
        change = compare(lab.metric, values[told], values["the model"], truth, units, draws=DRAWS)
        times = [base / one for base, one in zip(together["the model"], together[told])]
        found[told] = {
            "metric": lab.metric.name, "value": own.value, "low": own.low, "high": own.high, "scored": len(scored),
            "change": [change.value, change.low, change.high], "alone_ms": 1000 * statistics.median(alone[told]),
            "times": statistics.median(times), "spread": [min(times), max(times)],
            "each_ms": 1000 * statistics.median(together[told]), "bytes": model.bytes,
            "seconds": float(model.record.get("train_seconds", 0.0)), "machine": machine(),
        }  # fmt: skip
    return found


def page(asked: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The table of each set."""
    lines: list[str] = []
    for name in asked["sets"]:
        if name not in found:
            continue
        rows = list(found[name].values())
        lines += [
            f"### {name}", "", f"{rows[0]['rows']:,} train rows, {rows[0]['scored']:,} test rows, {rows[0]['metric']}; "
            f"{rows[0]['machine']}.", "",
            "| made by | quality | against the model | one row, ms | rows together, ms each | times as fast | MB | training, s |",
            "|---|---|---|---|---|---|---|---|",
        ]  # fmt: skip
        for line in rows:
            change, low, high = line["change"]
            size, took = f"{line['bytes'] / 1e6:.1f}", f"{line['seconds']:.0f}"
            against = "" if line["method"] == "the model" else f"{change:+.3f} ({low:+.3f} to {high:+.3f})"
            lines.append(
                f"| {line['method']} | {line['value']:.3f} ({line['low']:.3f} to {line['high']:.3f}) | {against} | "
                f"{line['alone_ms']:.2f} | {line['each_ms']:.3f} | {line['times']:.1f} | {size} | {took} |"
            )
        lines.append("")
    return lines[:-1]


if __name__ == "__main__":
    main()
