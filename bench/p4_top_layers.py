"""P4: twelve settings of the top layer and of the top two, hasei's kept states against the Trainer with the lower layers frozen.

Learning rates x epochs, the same on both sides, as are rows and batches of 32. Hasei: one reading of the rows with the base,
counted once for the twelve, whose kept states all of them start from; each also solves its own first head. Trainer: pooler and
classifier and the top layers trained, embeddings and lower layers frozen, dynamic padding, one tokenizing for the twelve.
Every setting is projected from ``--steps`` measured steps of its own (its rows in another order each time), as people run it
and with rows grouped by length; one setting of each is run whole, and its accuracy stands beside hasei's of the same setting.

    OMP_NUM_THREADS=1 python bench/p4_top_layers.py --kept p4.jsonl
"""

from __future__ import annotations

import datetime
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from _sides import (
    HERE,
    Clock,
    Kept,
    Rows,
    accuracy_of,
    added,
    context_of,
    machine,
    parser_of,
    ratio,
    read,
    settle,
    warm,
)
from _trainer import Peer

RATES = (1e-4, 3e-4, 5e-4, 1e-3)
EPOCHS = (1, 2, 3)
WHOLE = (5e-4, 3)
BATCH = 32


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--tops", type=int, nargs="+", default=[1, 2], help="how many upper layers are trained")
    parser.add_argument("--settings", type=int, default=12, help="fewer, to see that all runs: the last ones")
    parser.add_argument("--steps", type=int, default=30, help="measured of the Trainer for each setting")
    parser.add_argument("--no-whole", action="store_true", help="run no setting of the Trainer to its end")
    options = parser.parse_args()
    settle()
    warm()
    rows = read(options.on, options.rows)
    kept = Kept(options.kept, rows=len(rows.texts), on=options.on, machine=machine())
    peer = Peer(rows)
    bf16 = kept.once(peer.faster, side="precision")
    print(f"Trainer in {'bf16' if bf16 else 'fp32'}, the faster here by a few steps of each", flush=True)
    grid = [(rate, epochs) for rate in RATES for epochs in EPOCHS]
    grid = [*[one for one in grid if one != WHOLE][: options.settings - 1], WHOLE]
    lines = [line for top in options.tops for line in sweep(rows, peer, kept, top, grid, bf16, options)]
    print("\n".join(lines))
    print(f"{machine()}; {len(rows.texts)} rows, scored on {len(rows.held)} of {options.on}")
    if options.rows is None:
        with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


def sweep(
    rows: Rows, peer: Peer, kept: Kept, top: int, grid: list[tuple[float, int]], bf16: bool, options: Any
) -> list[str]:
    """Both sides' settings in turn; the lines of the table."""
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        context = reading(rows, Path(folder), top)
        read_once = kept.once(clock.spent, side="reading", top=top)
        print(f"hasei, top {top}: rows read in {read_once['wall']:.1f} s", flush=True)
        ours, usual, grouped = [], [], []
        for number, (rate, epochs) in enumerate(grid):
            name = {"top": top, "rate": rate, "epochs": epochs}
            ours.append(
                show("hasei", name, kept.once(partial(hasei, context, rows, top, rate, epochs), side="hasei", **name))
            )
            for side, found in (("usual", usual), ("grouped", grouped)):
                make = partial(
                    peer.train, rate=rate, epochs=epochs, batch=BATCH, top=top, steps=options.steps, bf16=bf16, seed=number,
                    grouped=side == "grouped",
                )  # fmt: skip
                found.append(show(f"Trainer, {side}", name, kept.once(make, side=side, steps=options.steps, **name)))
    whole = None
    if not options.no_whole:
        name = {"top": top, "rate": WHOLE[0], "epochs": WHOLE[1]}
        make = partial(peer.train, rate=WHOLE[0], epochs=WHOLE[1], batch=BATCH, top=top, bf16=bf16, grouped=True)
        whole = show("Trainer, grouped, whole", name, kept.once(make, side="whole", **name))
    took = added(read_once, *(one["seconds"] for one in ours))
    day, best = datetime.date.today(), max(one["accuracy"] for one in ours)
    quality = f"best of hasei's {best:.2%}"
    if whole:
        quality = (
            f"learning rate {WHOLE[0]:g}, {WHOLE[1]} epochs: {ours[-1]['accuracy']:.2%} against {whole['accuracy']:.2%} "
            f"({whole['seconds']['wall']:.0f} s whole, {grouped[-1]['seconds']['wall']:.0f} s projected); {quality}"
        )
    lines = []
    for side, found in (("as people run it", usual), ("grouped by length", grouped)):
        theirs = added(peer.tokenized, *(one["seconds"] for one in found))
        lines.append(
            f"| {day} | P4 top {top}, {len(grid)} settings, Trainer with lower layers frozen, {side} (projected) / hasei | "
            f"{ratio(theirs, took)} | {took['wall']:.0f} s, {read_once['wall']:.0f} s of them reading, against "
            f"{theirs['wall']:.0f} s; {quality} |"
        )
    return lines


def show(side: str, name: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    seconds, said = found["seconds"], ", ".join(f"{k} {v:g}" for k, v in name.items())
    quality = (
        "projected" if found["accuracy"] is None else f"accuracy {found['accuracy']:.4f} {found.get('precision', '')}"
    )
    print(f"{side}, {said}: {seconds['wall']:.1f} s ({seconds['cpu']:.1f} of the processor), {quality}", flush=True)
    return found


def reading(rows: Rows, folder: Path, top: int) -> Any:
    """Open the base and read the rows once, keeping the states that all settings start from, as a study does."""
    from hasei.derive.recipe import make_step
    from hasei.engine.readings import reading_of

    step = make_step("partial_fine_tuning", {"top_layers": top})
    context = context_of(rows, folder)
    trunk = context.trunk
    trunk.wanted.add(step.plugin.reads(step.params, trunk.layers))
    reading_of(context.task).features(trunk, context.inputs, trunk.layers, trunk.base.pooling)
    return context


def hasei(context: Any, rows: Rows, top: int, rate: float, epochs: int) -> dict[str, Any]:
    """One setting by the kept states of *context*."""
    from hasei.derive.recipe import make_step
    from hasei.derive.run import run_step

    params = {"top_layers": top, "learning_rate": rate, "epochs": epochs, "rows_per_step": BATCH, "min_steps": 0}
    step, clock = make_step("partial_fine_tuning", params), Clock()
    done = run_step(step, context).derivation
    spent = clock.spent()
    return {"seconds": spent, "accuracy": accuracy_of(done, context, rows), "precision": done.frozen.precision}


if __name__ == "__main__":
    main()
