"""A banking77 classifier in fewer bits: accuracy with the interval of the difference, size and rows a second, sides interleaved.

One model is derived from the base (``--of``), written, and made smaller in each way; every side is loaded back from its folder
and answers the same rows in turns, so that what else the machine does falls on all alike.

    OMP_NUM_THREADS=1 python bench/quantised.py --kept quantised.jsonl            # held-out train rows
    OMP_NUM_THREADS=1 python bench/quantised.py --on test                         # once
"""

from __future__ import annotations

import datetime
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from _sides import HERE, Rows, context_of, machine, parser_of, read, settle

SIDES: dict[str, dict[str, Any]] = {
    "bf16": {"bits": 16},
    "int8 dynamic, nothing whole": {"bits": 8, "whole": []},
    "int8 dynamic": {"bits": 8},
    "int8 static": {"bits": 8, "activations": "static"},
    "int8 dynamic, aware": {"bits": 8, "aware_epochs": 1},
    "int8 static, aware": {"bits": 8, "activations": "static", "aware_epochs": 1},
    "OpenVINO int8": {"bits": 8, "engine": "openvino"},
    "OpenVINO int8 static": {"bits": 8, "engine": "openvino", "activations": "static"},
}
PLAIN = "fp32"


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--of", default="partial_fine_tuning", help="the method that derives the model")
    parser.add_argument("--epochs", type=int, help="of it, to see that all runs")
    parser.add_argument("--only", nargs="*", help="some of the sides, by name")
    parser.add_argument("--turns", type=int, default=5, help="of every side")
    options = parser.parse_args()
    settle()
    rows = read(options.on, options.rows)
    with tempfile.TemporaryDirectory() as folder:
        models = made(rows, Path(folder), options)
        seconds: dict[str, list[float]] = {name: [] for name in models}
        said: dict[str, list[str]] = {}
        for turn in range(options.turns + 1):
            for name, model in models.items():
                start = time.perf_counter()
                answers = model.answers(rows.held).values
                if turn:  # the first warms up
                    seconds[name].append(time.perf_counter() - start)
                said[name] = [str(answer) for answer in answers]
        lines = [line(name, models, seconds, said, rows) for name in models]
    head = "| side | accuracy | difference to fp32, 95 % | agrees | MB | of fp32 | rows/s, times fp32 | left whole |"
    print("\n".join([head, "|---|---|---|---|---|---|---|---|", *lines]))
    print(f"{machine()}; {len(rows.texts)} rows, scored on {len(rows.held)} of {options.on}; {options.of}")
    if options.rows is None:
        with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
            day = datetime.date.today()
            file.write("".join(f"| {day} | banking77 in fewer bits{one}\n" for one in lines))


def made(rows: Rows, folder: Path, options: Any) -> dict[str, Any]:
    """Every side as a model that was loaded back."""
    from hasei.derive.recipe import make_step
    from hasei.engine.activations.store import Store
    from hasei.engine.readings import reading_of
    from hasei.inputs.base import Base

    context = context_of(rows, folder / "store")
    quick = {"epochs": options.epochs, "min_steps": 0} if options.epochs else {}
    models = {PLAIN: derived(make_step(options.of, quick), context, rows, folder / PLAIN)}
    trunk = reading_of(context.task).open(Base.open(folder / PLAIN), Store(folder / "store-2"))
    trunk.prepare(rows.texts)
    for name, params in SIDES.items():
        if options.only is None or name in options.only:
            start = time.perf_counter()
            step = make_step("quantization", params)
            models[name] = derived(step, replace(context, trunks=(trunk,)), rows, folder / name.replace(" ", "-"))
            print(f"{name}: made in {time.perf_counter() - start:.0f} s", flush=True)
    return models


def derived(step: Any, context: Any, rows: Rows, folder: Path) -> Any:
    """Run *step*, write the model into *folder* and load it back."""
    import numpy as np

    from hasei.derive import run
    from hasei.derive.recipe import Recipe
    from hasei.inputs.data.dataset import Dataset, Mapping

    count = len(rows.texts)
    data = Dataset(
        list(rows.texts), list(rows.labels), context.units, context.units, np.array(["train"] * count), np.arange(count),
        ["banking77"] * count, mapping=Mapping({"text": "text"}), fingerprint="banking77", licence="CC-BY-4.0",
    )  # fmt: skip
    recipe = Recipe((context.trunk.base.content_hash,), context.task.name, {"fingerprint": "banking77"}, (step,))
    return run.write(run.run_step(step, context), step, recipe, context, data, folder, {})


def line(
    name: str, models: dict[str, Any], seconds: dict[str, list[float]], said: dict[str, list[str]], rows: Rows
) -> str:
    """The row of the table of the side *name*."""
    from hasei.engine import rounding
    from hasei.ground.statistics import mcnemar

    right = [a == t for a, t in zip(said[name], rows.truth)]
    before = [a == t for a, t in zip(said[PLAIN], rows.truth)]
    wins, losses = (sum(a and not b for a, b in pairs) for pairs in (zip(right, before), zip(before, right)))
    change = mcnemar(wins, losses, len(right), 0.025)
    agrees = sum(a == b for a, b in zip(said[name], said[PLAIN])) / len(right)
    size, plain = models[name].bytes, models[PLAIN].bytes
    times = [b / a for a, b in zip(seconds[name], seconds[PLAIN])]
    speed = len(rows.held) / statistics.median(seconds[name])
    whole = (rounding.read(models[name].folder) or {}).get("left", [])
    return (
        f"| {name} | {sum(right) / len(right):.2%} | {change.low:+.2%} to {change.high:+.2%} | {agrees:.2%} | {size / 1e6:.1f} | "
        f"{size / plain:.1%} | {speed:,.0f}, {statistics.median(times):.2f} | {', '.join(whole) or '-'} |"
    )


if __name__ == "__main__":
    main()
