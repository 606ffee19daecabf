"""Where the defaults of the methods come from: each beside neighbours of it on six sets, scored on select rows.

Only train files are read. What differs from the default stands in ``defaults.yaml``; ``factor N`` multiplies the default. What
is in ``--kept`` is not derived again.

    python bench/defaults.py --kept /tmp/defaults [--methods lora] [--write]
"""

from __future__ import annotations

import argparse
import datetime
import os
from pathlib import Path
from typing import Any

import numpy as np
from methods_table import chosen, keep, known_in, one, opened, read, settings_text, slug_of

os.environ.setdefault("HF_HUB_OFFLINE", "1")
HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "defaults.md"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--recipe", type=Path, default=HERE / "defaults.yaml")
    parser.add_argument("--kept", type=Path, required=True, help="a folder for what was derived")
    parser.add_argument("--sets", nargs="+", help="only those whose name begins so")
    parser.add_argument("--methods", nargs="+", help="only those")
    parser.add_argument("--rows", type=int, help="learn from no more rows of each set than these")
    parser.add_argument("--write", action="store_true", help="write docs/defaults.md from what is kept, derive nothing")
    options = parser.parse_args()
    from hasei.ground.files import read_yaml

    asked: dict[str, Any] = read_yaml(options.recipe)
    options.kept.mkdir(parents=True, exist_ok=True)
    if not options.write:
        for method, changes in asked["methods"].items():
            for name, given in asked["sets"].items():
                wanted = options.sets is None or name.startswith(tuple(options.sets))
                if wanted and (options.methods is None or method in options.methods):
                    sweep(name, given, method, changes, asked, options)
    lines = table(asked, read(options.kept))
    if options.write:
        before, _, _ = PAGE.read_text("utf-8").partition("<!-- table -->\n")
        PAGE.write_text(before + "<!-- table -->\n" + "\n".join(lines) + "\n", "utf-8")
    print("\n".join(lines))
    print(datetime.date.today())


def sweep(
    name: str, given: dict[str, Any], method: str, changes: list[dict[str, Any]], asked: dict[str, Any], options: Any
) -> None:
    """Derive *method* by its default and by each of *changes* from rows of set *name*; keep a line of each."""
    from hasei.derive.recipe import make_step
    from hasei.ground import plugins
    from hasei.tasks import open_task

    plugin: Any = plugins.load("methods", method)
    folder = options.kept
    kept = folder / f"{slug_of(name)}.jsonl"
    known = known_in(kept)
    told = {f"{method} {settings_text(change)}".strip(): change for change in ({}, *changes)}
    if told.keys() <= known or not plugin.SUPPORTS.admits(open_task(given["task"])):
        return
    lab = opened(given, asked["seed"], folder / "work" / slug_of(name), recipes=(method,))
    fit = chosen(lab, lab.ordered("train", "confirm"), given)[: options.rows]
    scored = lab.ordered("select")[: asked["scored"]]
    lab.prepare(np.concatenate([fit, scored]))
    for label, change in told.items():
        if label not in known:
            step = make_step(method, {key: valued(plugin.Params(), key, value) for key, value in change.items()})
            keep(kept, one(lab, step, fit, scored) | {"set": name, "method": label})


def valued(default: Any, key: str, value: Any) -> Any:
    """A setting as given, or the default's times a factor."""
    if isinstance(value, str) and value.startswith("factor "):
        return float(getattr(default, key)) * float(value.split()[1])
    return value


def table(asked: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """One row for each setting: its quality in each set, the mean of what it loses against the best of the method's."""
    sets = [name for name in asked["sets"] if name in found]
    lines = [f"| {' | '.join(['', *sets, 'below the best, mean', 'at most'])} |", "|---" * (len(sets) + 3) + "|"]
    for method, changes in asked["methods"].items():
        labels = [f"{method} {settings_text(change)}".strip() for change in ({}, *changes)]
        values = {label: [found[name].get(label, {}).get("value") for name in sets] for label in labels}
        complete = [i for i in range(len(sets)) if all(values[label][i] is not None for label in labels)]
        for label in labels:
            if not any(value is not None for value in values[label]):
                continue
            lost = [max(values[other][i] for other in labels) - values[label][i] for i in complete]
            told = [f"{100 * np.mean(lost):.1f}", f"{100 * max(lost):.1f}"] if lost else ["", ""]
            cells = ["" if value is None else f"{value:.3f}" for value in values[label]]
            lines.append(f"| {' | '.join([f'**{label}**' if label == method else label, *cells, *told])} |")
    return lines


if __name__ == "__main__":
    main()
