"""P5: the whole decision over forty candidates, ``hasei try`` against Optuna over the Trainer, from rows to a model.

- ``hasei``: one study (``conduct``) of forty recipes named by the user, cheap and dear: looking at the rows, races, refit,
  verdict and card included. It is measured whole. ``--best`` then derives all forty on the study's train and select rows and
  scores them on the held rows, which no side has seen: the chosen one is to be within half a point of the best.
- ``random search``: forty full trainings, settings drawn by Optuna's ``RandomSampler``, rows grouped by length, in the faster of
  bf16 and fp32; each trial is projected from the measured seconds a step of its batch size (``--steps`` of each size, before and
  after hasei, the faster counts), opening the model and scoring the select rows once included. ``--whole N`` runs the first N
  trials to their end: what such a search finds, and how near the projection is.
- ``successive halving``: the same forty trials under Optuna's ``SuccessiveHalvingPruner`` by default, reports ``--each`` times an
  epoch, scored at its rungs only. Not run: which trials are stopped hangs on the order of their scores alone, and as trials
  are drawn independently every order is as likely as any other. So Optuna's own pruner is run over drawn orders, ``--draws``
  times: with one order at all rungs and with a new one at each, between which truth should lie. Steps and scorings are priced as
  above; so what is measured are seconds a step and a scoring, what is projected are steps, as if the order did not hang on
  the batch size.

    OMP_NUM_THREADS=1 python bench/p5_decision.py --budget 90m --best --kept p5.jsonl
"""

from __future__ import annotations

import csv
import datetime
import os
import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from _forty import candidates, regret
from _sides import (
    HERE,
    Clock,
    Kept,
    Rows,
    added,
    machine,
    parser_of,
    ratio,
    read,
    settle,
    times,
    warm,
)
from _trainer import Peer

LEARNING_RATES, EPOCHS, BATCHES = (1e-5, 1e-3), (2, 5), (16, 32, 64)
SELECT = 0.2
"""Share of the rows that each side chooses on."""


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--budget", default="90m", help="of the study, enough for its races to end by themselves")
    parser.add_argument("--candidates", type=int, default=40, help="fewer, to see that all runs: every so many")
    parser.add_argument("--best", action="store_true", help="derive every candidate on all rows, to know the best")
    parser.add_argument("--steps", type=int, default=30, help="measured of the Trainer at each batch size")
    parser.add_argument("--whole", type=int, default=1, help="trials of the random search that are run to their end")
    parser.add_argument("--each", type=int, nargs="+", default=[1, 4], help="reports an epoch under successive halving")
    parser.add_argument("--draws", type=int, default=100)
    options = parser.parse_args()
    settle()
    warm()
    rows = read(options.on, options.rows)
    recipes = candidates()[:: max(1, 40 // options.candidates)][: options.candidates]
    kept = Kept(options.kept, rows=len(rows.texts), on=options.on, machine=machine(), candidates=len(recipes))
    cut = round(len(rows.texts) * (1 - SELECT))
    select = Rows(rows.texts[:cut], rows.labels[:cut], rows.texts[cut:], rows.labels[cut:])
    peer, trials = Peer(select), drawn(options.candidates)
    bf16 = kept.once(peer.faster, side="precision")
    prices = {batch: priced(peer, kept, batch, options.steps, 0, bf16) for batch in BATCHES}
    ours = kept.once(lambda: hasei(rows, recipes, options.budget), side="hasei", budget=options.budget)
    print(
        f"hasei: {ours['seconds']['wall']:.0f} s, {ours['chosen']} at {ours['accuracy']:.4f}; {ours['became']}",
        flush=True,
    )
    again = {batch: priced(peer, kept, batch, options.steps, 1, bf16) for batch in BATCHES}
    prices = {b: min(prices[b], again[b], key=lambda one: one["a_step"]["wall"]) for b in BATCHES}
    scoring = kept.once(lambda: score_once(peer), side="scoring")
    price = partial(priced_trial, prices=prices, scoring=scoring, rows=len(select.texts))
    took = [price(trial, trial["epochs"], 1) for trial in trials]
    searched = added(peer.tokenized, *took)
    found = [whole(select, rows, kept, trial, seconds, bf16) for trial, seconds in zip(trials[: options.whole], took)]
    lines = [line(ours, searched, "Optuna's random search over the Trainer (projected)", f"{len(trials)} trainings")]
    for each in options.each:
        for stays in (True, False):
            spent = [halved(trials, each, stays, draw) for draw in range(options.draws)]
            costs = [
                added(*(price(t, n / each, scorings(n, t, each)) for t, n in zip(trials, reached))) for reached in spent
            ]
            middle = {k: statistics.fmean(cost[k] for cost in costs) for k in ("wall", "cpu")}
            low, high = (f"{searched['wall'] / f(c['wall'] for c in costs):.1f}" for f in (max, min))
            order = "one order at all rungs" if stays else "an order of its own at each rung"
            lines.append(line(
                ours, added(peer.tokenized, middle), f"the same by successive halving, reported {each} times an epoch, {order} "
                "(steps by Optuna's pruner over drawn orders)", f"full trainings take {low} to {high} times as long",
            ))  # fmt: skip
    print("\n".join(lines))
    for trial, one in zip(trials, found):
        print(f"Trainer, whole, {trial}: {one['seconds']['wall']:.0f} s, accuracy {one['accuracy']:.4f} of held rows")
    if options.best:
        lines.append(regret(rows, recipes, kept, ours))
        print(lines[-1])
    said = (
        f"{len(rows.texts)} rows, {len(select.held)} of them to choose on; scored on {len(rows.held)} of {options.on}"
    )
    print(f"{machine()}; {said}; Trainer in {'bf16' if bf16 else 'fp32'}")
    if options.rows is None:
        with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


def line(ours: dict[str, Any], theirs: dict[str, float], what: str, more: str) -> str:
    seconds = ours["seconds"]
    return (
        f"| {datetime.date.today()} | P5, {what} / hasei try | {ratio(theirs, seconds)} | {seconds['wall']:.0f} s, "
        f"{ours['chosen']} at {ours['accuracy']:.2%}, against {theirs['wall']:.0f} s ({more}) |"
    )


def hasei(rows: Rows, recipes: list[dict[str, Any]], budget: str) -> dict[str, Any]:
    """One study in a folder of its own, with a cache and a ledger of its own; held rows are its confirm rows."""
    from hasei.ground.events import Watch
    from hasei.judge.study import conduct
    from hasei.judge.study.config import make_config

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ |= {"HASEI_CACHE": str(folder / "cache"), "HASEI_STATE": str(folder / "state")}
        for name, table in (("train", zip(rows.texts, rows.labels)), ("test", zip(rows.held, rows.truth))):
            with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([("text", "label"), *table])
        data = {"path": str(folder / "train.csv"), "test": str(folder / "test.csv"), "licence": "CC-BY-4.0"}
        clock = Clock()
        config = make_config({"data": data, "recipes": tuple(recipes), "budget": budget})
        result = conduct(config, folder / "out", Watch())
        seconds = clock.spent()
        accuracy = rows.accuracy(result.chosen.answers(rows.held).values)
        report, became = result.to_json(), dict[str, int]()
        for one in report["candidates"]:
            became[one["status"]] = became.get(one["status"], 0) + 1
        left = {one["name"]: one["status"] for one in report["candidates"]}
        return {
            "seconds": seconds, "accuracy": accuracy, "chosen": report["chosen"]["name"], "verdict": report["verdict"],
            "became": became, "candidates": left,
        }  # fmt: skip


def drawn(count: int) -> list[dict[str, Any]]:
    """The settings of the trials, as Optuna's random search draws them."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))
    found = []
    for _ in range(count):
        trial = study.ask()
        rate = trial.suggest_float("rate", *LEARNING_RATES, log=True)
        epochs, batch = trial.suggest_int("epochs", *EPOCHS), trial.suggest_categorical("batch", BATCHES)
        found.append({"rate": rate, "epochs": epochs, "batch": batch})
        study.tell(trial, 0.0)
    return found


def priced(peer: Peer, kept: Kept, batch: int, steps: int, turn: int, bf16: bool) -> dict[str, Any]:
    """Measure the Trainer's step at *batch* rows."""
    make = partial(peer.train, rate=1e-4, epochs=3, batch=batch, steps=steps, grouped=True, seed=turn, bf16=bf16)
    found: dict[str, Any] = kept.once(make, side="step", batch=batch, steps=steps, turn=turn)
    print(f"Trainer, batch {batch}: {found['a_step']['wall']:.3f} s a step of {found['measured']}", flush=True)
    return found


def score_once(peer: Peer) -> dict[str, float]:
    """What one scoring of the select rows takes; its cost hangs on nothing that was learnt."""
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(peer.folder, num_labels=len(peer.rows.names))
    clock = Clock()
    peer.accuracy(model)
    return clock.spent()


def priced_trial(
    trial: dict[str, Any], epochs: float, scorings: int, *, prices: dict[int, dict[str, Any]], scoring: dict[str, float],
    rows: int,
) -> dict[str, float]:  # fmt: skip
    """What *epochs* of *trial* with *scorings* of the select rows take."""
    of, steps = prices[trial["batch"]], epochs * -(-rows // int(trial["batch"]))
    return added(of["opening"], times(of["a_step"], steps), times(scoring, scorings))


def whole(
    select: Rows, rows: Rows, kept: Kept, trial: dict[str, Any], projected: dict[str, float], bf16: bool
) -> dict[str, Any]:
    """Train *trial* to its end; scored on the held rows, for the table only."""
    peer = Peer(Rows(select.texts, select.labels, rows.held, rows.truth))
    found: dict[str, Any] = kept.once(partial(peer.train, grouped=True, bf16=bf16, **trial), side="whole", **trial)
    print(f"projected {projected['wall']:.0f} s, took {found['seconds']['wall']:.0f} s", flush=True)
    return found


def halved(trials: list[dict[str, Any]], each: int, stays: bool, draw: int) -> list[int]:
    """Scorings that each trial of one search reaches under Optuna's pruner, by scores that are but a drawn order."""
    import numpy as np
    import optuna

    rng = np.random.default_rng([draw, stays, each])
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.SuccessiveHalvingPruner())
    reached = []
    for settings in trials:
        trial, value = study.ask(), rng.random()
        ends, stopped, step = int(settings["epochs"]) * each, False, 0
        while step < ends and not stopped:
            step += 1
            trial.report(value if stays else rng.random(), step)
            stopped = step < ends and trial.should_prune()
        study.tell(trial, state=optuna.trial.TrialState.PRUNED) if stopped else study.tell(trial, value)
        reached.append(step)
    return reached


def scorings(reached: int, trial: dict[str, Any], each: int) -> int:
    """How often a trial that ends after *reached* reports is scored: at its rungs (reports 1, 4, 16), and at its end."""
    rungs = [4**k for k in range(10) if 4**k <= reached]
    return len(rungs) + int(reached == int(trial["epochs"]) * each and reached not in rungs)


if __name__ == "__main__":
    main()
