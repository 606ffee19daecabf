"""Few rows a class: ten of each of banking77's classes, drawn by a seed, hasei's methods against SetFit, interleaved.

SetFit at its defaults (batch 16, one epoch, its default sampling of pairs) runs in a Python of its own, ``--setfit-python``, with
the same threads and base. By ``--setfit-steps N`` it is stopped after N steps (its schedule then ends there, too, and its head is
fitted): that is a whole run of its own, whose accuracy is real; what all its steps would take is projected from these seconds,
their number being what SetFit's own sampler says. 0: all of its steps are run. Settings of hasei's methods are chosen on
held-out train rows; ``--on test`` looks at the official test file. Time is that from rows to a trained model.

    OMP_NUM_THREADS=1 python bench/few_shot.py --try feature_extraction contrastive_tuning:epochs=2,pairs=3 \\
        --setfit-python /path/to/venv/bin/python --kept few.jsonl
"""

from __future__ import annotations

import datetime
import json
import statistics
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from _sides import (
    BASE,
    HERE,
    Clock,
    Kept,
    Rows,
    accuracy_of,
    added,
    context_of,
    machine,
    parser_of,
    read,
    settle,
    times,
    warm,
)

DEFAULT = ("feature_extraction", "contrastive_tuning")


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--shots", type=int, default=10, help="rows a class")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--try", dest="tried", nargs="+", default=list(DEFAULT), help="name:setting=value,...")
    parser.add_argument("--setfit-python", help="a Python with setfit; without it that side is left out")
    parser.add_argument("--setfit-steps", type=int, default=100, help="0: all")
    parser.add_argument("--setfit-draws", type=int, default=5, help="on how many of the draws SetFit is run")
    parser.add_argument("--classes", type=int, help="only the first, to see that all runs")
    options = parser.parse_args()
    settle()
    warm()
    whole, kept = read(options.on), Kept(options.kept, on=options.on, shots=options.shots, machine=machine())
    found: dict[str, list[dict[str, Any]]] = {}
    for seed in range(options.draws):
        rows = draw(whole, options.shots, seed, options.classes, options.rows)
        half, steps = -(-len(options.tried) // 2), options.setfit_steps or None
        always = {"seed": seed, "rows": len(rows.texts), "scored": len(rows.held)}
        for place, recipe in enumerate([*options.tried[:half], "setfit", *options.tried[half:]]):
            if recipe == "setfit" and place == half:
                if options.setfit_python and seed < options.setfit_draws:
                    make = partial(setfit, rows, options.setfit_python, steps)
                    one = kept.once(make, side="setfit", steps=steps, **always)
                    found.setdefault("setfit", []).append(show(f"setfit, {one['measured']} steps", seed, one))
            else:
                one = kept.once(partial(hasei, rows, recipe), side=recipe, **always)
                found.setdefault(recipe, []).append(show(recipe, seed, one))
    lines = [line(name, found, options) for name in found]
    print("\n".join(lines))
    print(f"{machine()}; {len(rows.texts)} rows, scored on {len(rows.held)} of {options.on}")
    if options.rows is None and options.classes is None:
        with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


def draw(whole: Rows, shots: int, seed: int, classes: int | None, scored: int | None) -> Rows:
    """*shots* rows of each class, drawn by *seed*."""
    import numpy as np

    rng, names, taken = np.random.default_rng(seed), whole.names[:classes], []
    for name in names:
        of = [i for i, label in enumerate(whole.labels) if label == name]
        taken += rng.choice(of, shots, replace=False).tolist()
    rng.shuffle(taken)
    held = [i for i, label in enumerate(whole.truth) if label in names][:scored]
    return Rows(
        [whole.texts[i] for i in taken], [whole.labels[i] for i in taken], [whole.held[i] for i in held],
        [whole.truth[i] for i in held],
    )  # fmt: skip


def show(name: str, seed: int, found: dict[str, Any]) -> dict[str, Any]:
    seconds = found["seconds"]
    said = f"{seconds['wall']:.1f} s ({seconds['cpu']:.1f} of the processor), accuracy {found['accuracy']:.4f}"
    if found.get("whole"):
        said += f"; all {found['steps']:,} steps ({found['pairs']:,} pairs): {found['whole']['wall']:,.0f} s, projected"
    print(f"draw {seed}, {name}: {said}", flush=True)
    return found


def line(name: str, found: dict[str, list[dict[str, Any]]], options: Any) -> str:
    """One line of the table: mean accuracy over the draws, seconds, and how many times as fast as SetFit on the same draws."""
    of, theirs = found[name], found.get("setfit", [])
    accuracy, seconds = [one["accuracy"] for one in of], statistics.median(one["seconds"]["wall"] for one in of)
    spread = f" ({min(accuracy):.2%} to {max(accuracy):.2%})"
    text = (
        f"| {datetime.date.today()} | banking77, {options.shots} rows a class, {len(of)} draws, scored on {options.on}: {name} | "
        f"{statistics.fmean(accuracy):.2%}{spread} | {seconds:.1f} s"
    )
    if name == "setfit":
        whole = statistics.median(one["whole"]["wall"] if one["whole"] else one["seconds"]["wall"] for one in of)
        one = of[0]
        way = f"projected from {one['measured']}" if one["whole"] else "all run"
        return (
            f"{text} by {one['measured']:,} steps; all {one['steps']:,} steps of its {one['pairs']:,} pairs {whole:,.0f} s "
            f"({way}; setfit {one['version']}, {one['strategy']}, batch {one['batch']}) |"
        )
    ratios = [
        (b["whole"] or b["seconds"])["wall"] / a["seconds"]["wall"] for a, b in zip(of, theirs)
    ]  # a draw against the same draw
    stopped = [b["seconds"]["wall"] / a["seconds"]["wall"] for a, b in zip(of, theirs)]
    if not ratios:
        return f"{text} |"
    projected = " (projected)" if theirs[0]["whole"] else ""
    return (
        f"{text}; SetFit takes {statistics.median(ratios):,.1f} times as long{projected}, {statistics.median(stopped):.1f} times "
        f"where it ends after {theirs[0]['measured']:,} steps |"
    )


def hasei(rows: Rows, recipe: str) -> dict[str, Any]:
    """Derive *recipe* (``name:setting=value,...``) with an empty store."""
    from hasei.derive.recipe import make_step
    from hasei.derive.run import run_step

    name, _, given = recipe.partition(":")
    params = dict(part.split("=") for part in given.split(",") if part)
    step = make_step(name, {key: json.loads(value) for key, value in params.items()})
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        context = context_of(rows, Path(folder))
        done = run_step(step, context).derivation
        seconds = clock.spent()
        return {"seconds": seconds, "accuracy": accuracy_of(done, context, rows)}


def setfit(rows: Rows, python: str, steps: int | None) -> dict[str, Any]:
    """SetFit in its own process; ``whole`` is what all its steps take, None where they were run."""
    from hasei.inputs.base import Base

    asked = {
        "texts": rows.texts,
        "labels": rows.labels,
        "held": rows.held,
        "base": str(Base.open(BASE).folder),
        "steps": steps,
    }
    with tempfile.TemporaryDirectory() as place:
        script = [python, str(HERE / "_setfit.py")]
        done = subprocess.run(script, input=json.dumps(asked), capture_output=True, text=True, cwd=place)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found["accuracy"] = rows.accuracy(found.pop("answers"))
    first, last, count = found.pop("first"), found.pop("last"), found["measured"]
    found["whole"] = None
    if count < found["steps"]:
        a_step = times(added(last, times(first, -1.0)), 1 / max(1, count - 1))
        found["whole"] = added(found["seconds"], times(a_step, found["steps"] - count))
    return found


if __name__ == "__main__":
    main()
