"""Every method on the shared data sets: quality with its interval, what it cost, and what the base has left of its own skill.

One command, one recipe file beside it (``methods_table.yaml``): each method, with the settings that a study would try it with,
and every cheap truth is derived from the same train rows of each set and answers the same rows of its official test file.
Nothing is chosen by them: all that was derived stands in the table. What is in ``--kept`` is not derived again.

    python bench/pretrain_pictures.py OWN      # for sign_digits: the base that reads pictures
    python bench/methods_table.py --pictures OWN --kept /tmp/table [--write]
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[1] / "shared" / "data"
PAGES = HERE.parent / "docs"
FILES = ("path", "test", "corpus", "unlabeled")
DRAWS = 1000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--recipe", type=Path, default=HERE / "methods_table.yaml")
    parser.add_argument("--pictures", type=Path, help="the base for pictures")
    parser.add_argument("--kept", type=Path, required=True, help="a folder for what was derived")
    parser.add_argument("--sets", nargs="+", help="only those whose name begins so")
    parser.add_argument("--methods", nargs="+", help="only those, as they stand in the table")
    parser.add_argument("--rows", type=int, help="of train and test, to see that all runs")
    parser.add_argument(
        "--write", action="store_true", help="write the tables of what is kept into docs, derive nothing"
    )
    options = parser.parse_args()
    from hasei.ground.files import read_yaml

    asked: dict[str, Any] = read_yaml(options.recipe)
    options.kept.mkdir(parents=True, exist_ok=True)
    if not options.write:
        for name, given in asked["sets"].items():
            if options.sets is None or name.startswith(tuple(options.sets)):
                derive_all(name, given, asked, options)
    found = read(options.kept)
    if options.write:
        write(asked, found)
    else:
        print("\n".join(page(asked, found)))
    print(datetime.date.today())


def derive_all(name: str, given: dict[str, Any], asked: dict[str, Any], options: argparse.Namespace) -> None:
    """Derive from the train rows of set *name* by everything that can be, and keep a line of each."""
    import numpy as np

    from hasei.derive.recipe import make_step
    from hasei.engine.derivation import proposals
    from hasei.ground import plugins
    from hasei.methods._members import read_member

    if given.get("base") == "pictures" and options.pictures is None:
        return
    slug = slug_of(name)
    lab = opened(given, asked["seed"], options.kept / "work" / slug, options.pictures)
    fit = chosen(lab, lab.ordered("train", "select"), given)[: options.rows]
    scored = lab.ordered("confirm")[: options.rows or asked["scored"]]
    lab.prepare(np.concatenate([fit, scored]))
    facts, kept = lab.facts(len(fit)), options.kept / f"{slug}.jsonl"
    known = known_in(kept)
    for entry in [*plugins.names("baselines"), *asked["methods"]]:
        kind, plugin, _ = read_member(entry)
        settings = entry[kind] if isinstance(entry, dict) else {}
        told = f"{kind} {settings_text(settings)}".strip()
        if told in known or (options.methods and told not in options.methods) or not plugin.SUPPORTS.admits(lab.task):
            continue
        if not settings and (own := proposals(plugin, facts)):
            settings = own[0].model_dump()
        keep(kept, one(lab, make_step(kind, settings), fit, scored) | {"set": name, "method": told})


def slug_of(name: str) -> str:
    """The name of a set as that of a file."""
    return re.sub(r"\W+", "-", name)


def opened(
    given: dict[str, Any], seed: int, work: Path, pictures: Path | None = None, recipes: tuple[str, ...] = ()
) -> Any:
    """The rows of a set as a study has them, with what it would run trials by."""
    from hasei.ground.events import Watch
    from hasei.judge.study.conduct import prepare
    from hasei.judge.study.config import make_config

    ours = ("task", "base", "shots", "rows")
    data = {k: str(SHARED / v) if k in FILES else v for k, v in given.items() if k not in ours}
    config = {"data": data, "task": given["task"], "checks": False, "seed": seed, "recipes": recipes}
    if "base" in given:
        config["base"] = str(pictures) if given["base"] == "pictures" else given["base"]
    return prepare(make_config(config), Watch(), work)[0]


def chosen(lab: Any, rows: Any, given: dict[str, Any]) -> Any:
    """Of *rows*, which stand in the order of a hash, those that *given* asks for."""
    return shots(lab, rows, given["shots"]) if "shots" in given else rows[: given.get("rows")]


def known_in(path: Path) -> set[str]:
    """What is not to be derived again."""
    return {json.loads(line)["method"] for line in path.read_text("utf-8").splitlines()} if path.is_file() else set()


def keep(path: Path, line: dict[str, Any]) -> None:
    """Add *line* to what is known, and say it."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
    said = line.get("why") or f"{line['value']:.4f} in {line['seconds']:.1f} s"
    print(line["set"], line["method"], said, flush=True)


def one(lab: Any, step: Any, fit: Any, scored: Any) -> dict[str, Any]:
    """Derive *step* and score it; ``why`` where it can't be."""
    from hasei.ground.errors import HaseiError
    from hasei.judge.evaluation import score

    processor = time.process_time()
    try:
        trial = lab.try_out(step, fit, scored, lab.watch)
    except HaseiError as error:
        return {"why": str(error)}
    processor = time.process_time() - processor
    value = score(lab.metric, trial.answers.values, lab.truth(scored), lab.units(scored), draws=DRAWS)
    return {
        "metric": lab.metric.name, "value": value.value, "low": value.low, "high": value.high, "rows": len(fit),
        "scored": len(scored), "seconds": trial.train_seconds, "processor": processor, "bytes": trial.bytes,
        "ms": trial.predict_ms_per_row, "trained": trial.trainable_parameters, "kept": trial.retained,
        "settings": trial.frozen.model_dump(mode="json"),
    }  # fmt: skip


def shots(lab: Any, rows: Any, count: int) -> Any:
    """The first *count* of each class of *rows*, which stand in the order of a hash."""
    import numpy as np

    taken: dict[str, int] = defaultdict(int)
    found = []
    for i in rows:
        label = str(lab.data.targets[i])
        taken[label] += 1
        if taken[label] <= count:
            found.append(i)
    return np.array(found)


def settings_text(settings: dict[str, Any]) -> str:
    """Settings as they stand in the table."""
    parts = []
    for key, value in settings.items():
        inner = [str(m if isinstance(m, str) else next(iter(m))) for m in value] if key == "members" else value
        if key == "members" and len(set(inner)) == 1:
            inner = f"{len(inner)} x {inner[0]}"
        if key == "student" and isinstance(value, dict):
            name, own = next(iter(value.items()))
            inner = f"{name} ({settings_text(own)})"
        parts.append(f"{key}: {', '.join(inner) if isinstance(inner, list) else inner}" if key != "over" else "")
    return ", ".join(filter(None, parts))


def read(folder: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """What is kept: by set, by method."""
    found: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for path in sorted(folder.glob("*.jsonl")):
        for text in path.read_text("utf-8").splitlines():
            line = json.loads(text)
            found[line["set"]][line["method"]] = line
    return found


def page(asked: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """All tables: the qualities side by side, then each set with its intervals and costs."""
    sets = [name for name in asked["sets"] if name in found]
    methods = list(dict.fromkeys(m for name in sets for m, line in found[name].items() if "value" in line))
    lines = [f"| {' | '.join(['', *sets])} |", "|---" * (len(sets) + 1) + "|"]
    metrics = [next((line["metric"] for line in found[name].values() if "metric" in line), "") for name in sets]
    lines.append(f"| *metric* | {' | '.join(f'*{metric}*' for metric in metrics)} |")
    for method in methods:
        cells = [found[name].get(method, {}) for name in sets]
        best = [max(line.get("value", -9.0) for line in found[name].values()) for name in sets]
        shown = [
            "" if "value" not in c else f"**{c['value']:.3f}**" if c["value"] == top else f"{c['value']:.3f}"
            for c, top in zip(cells, best)
        ]
        lines.append(f"| {method} | {' | '.join(shown)} |")
    for name in sets:
        lines += ["", *of_set(name, found[name])]
    return lines


def of_set(name: str, lines: dict[str, dict[str, Any]]) -> list[str]:
    """The table of one set."""
    done = [line for line in lines.values() if "value" in line]
    if not done:
        return []
    found = [
        f"### {name}", "",
        f"{done[0]['rows']:,} train rows, {done[0]['scored']:,} test rows, {done[0]['metric']} with 95 % intervals.", "",
        "| derived by | quality | trained parameters | seconds | ms a row | MB | base kept |", "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for line in sorted(done, key=lambda one: -one["value"]):
        kept = "" if line["kept"] is None else f"{line['kept']:.2f}"
        found.append(
            f"| {line['method']} | {line['value']:.3f} ({line['low']:.3f} to {line['high']:.3f}) | {line['trained']:,} "
            f"| {line['seconds']:.1f} | {line['ms']:.1f} | {line['bytes'] / 1e6:.1f} | {kept} |"
        )
    refused = [f"{line['method']}: {line['why'].rstrip('.')}" for line in lines.values() if "why" in line]
    return [*found, *(["", "Not possible here: " + "; ".join(refused) + "."] if refused else [])]


def write(asked: dict[str, Any], found: dict[str, Any]) -> None:
    """Put the table of qualities into docs/methods.md, between its marks, and the others into docs/methods/table.md."""
    lines = page(asked, found)
    cut = lines.index("")
    path = PAGES / "methods.md"
    text = path.read_text("utf-8")
    before, _, rest = text.partition("<!-- table -->\n")
    _, _, after = rest.partition("<!-- end of table -->\n")
    path.write_text(f"{before}<!-- table -->\n" + "\n".join(lines[:cut]) + f"\n<!-- end of table -->\n{after}", "utf-8")
    head = "# Every method on every set\n\nBy `bench/methods_table.py --write`; how to read it: [methods](../methods.md).\n"
    (PAGES / "methods" / "table.md").write_text(head + "\n".join(lines[cut:]) + "\n", "utf-8")


if __name__ == "__main__":
    main()
