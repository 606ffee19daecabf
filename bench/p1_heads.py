"""P1: twenty heads over a frozen base (four layers x five strengths), one of them chosen, from raw texts, all sides interleaved.

- ``hasei``: ``search`` over ``feature_extraction`` by a grid of the twenty, each solved on four fifths of the rows and scored on
  the fifth, the best solved anew on all.
- ``hasei, own choice``: ``feature_extraction`` as it is, which chooses among 90 heads one setting after the other.
- ``scikit-learn``: one ``encode`` of sentence-transformers that pools all four layers at once, then ``LogisticRegressionCV`` on
  each layer with the same strengths, the same fold and a refit; in full.
- ``Trainer``: the encoder frozen, its pooler and classifier trained for five epochs, a model of as many layers; projected to
  the twenty from ``--steps`` measured steps of each depth. One head of all layers is run whole, to see how good it gets.

    OMP_NUM_THREADS=1 python bench/p1_heads.py --kept p1.jsonl
"""

from __future__ import annotations

import datetime
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
    ratio,
    read,
    settle,
    times,
    warm,
)
from _trainer import Peer

LAYERS = (3, 4, 5, 6)
STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--heads", type=int, default=20, help="fewer, to see that all runs")
    parser.add_argument("--repeats", type=int, default=3, help="of hasei, spread between the others")
    parser.add_argument("--steps", type=int, default=60, help="measured of the Trainer at each depth")
    parser.add_argument("--rate", type=float, default=1e-3, help="the Trainer's learning rate")
    parser.add_argument("--iterations", type=int, default=100, help="at most, of scikit-learn (100 is its default)")
    options = parser.parse_args()
    settle()
    warm()
    rows = read(options.on, options.rows)
    layers = LAYERS[-max(1, options.heads // len(STRENGTHS)) :]
    kept = Kept(options.kept, rows=len(rows.texts), on=options.on, layers=layers, machine=machine())
    peer = Peer(rows)
    ours, own = [], []

    def turn() -> None:
        if len(ours) < options.repeats:
            ours.append(show("hasei", kept.once(lambda: hasei(rows, layers), side="hasei", turn=len(ours))))

    def own_turn() -> None:
        own.append(show("hasei, own choice", kept.once(lambda: hasei(rows, None), side="own", turn=len(own))))

    turn()
    learnt = show(
        "scikit-learn",
        kept.once(lambda: sklearn(rows, layers, options.iterations), side="sklearn", most=options.iterations),
    )
    turn()
    own_turn()
    depths = {}
    for layer in layers:
        found = kept.once(
            partial(peer.train, rate=options.rate, epochs=5, layers=layer, top=0, steps=options.steps),
            side="trainer", layer=layer, steps=options.steps,
        )  # fmt: skip
        depths[layer] = show(f"Trainer, one head of {layer} layers, projected from {found['measured']} steps", found)
    whole = kept.once(lambda: peer.train(rate=options.rate, epochs=5, layers=6, top=0), side="whole", rate=options.rate)
    show(f"Trainer, one head of 6 layers, whole, learning rate {options.rate:g}", whole)
    again = show(
        "scikit-learn",
        kept.once(lambda: sklearn(rows, layers, options.iterations), side="sklearn again", most=options.iterations),
    )
    own_turn()
    while len(ours) < options.repeats:
        turn()
    usual = added(peer.tokenized, *(times(one["seconds"], len(STRENGTHS)) for one in depths.values()))
    best, best_own = (sorted(side, key=lambda one: one["seconds"]["wall"])[len(side) // 2] for side in (ours, own))
    learnt = min((learnt, again), key=lambda one: one["seconds"]["wall"])
    count, day = len(layers) * len(STRENGTHS), datetime.date.today()
    seen, spread = best["seconds"], [one["seconds"]["wall"] for one in ours]
    lines = [
        f"| {day} | P1 {count} heads, Trainer with a frozen body (projected) / hasei | {ratio(usual, seen)} | "
        f"{seen['wall']:.0f} s ({min(spread):.0f} to {max(spread):.0f}) at {best['accuracy']:.2%} against {usual['wall']:.0f} s, "
        f"one whole head at {whole['accuracy']:.2%} |",
        f"| {day} | P1 {count} heads, encode and LogisticRegressionCV / hasei | {ratio(learnt['seconds'], seen)} | "
        f"against {learnt['seconds']['wall']:.0f} s at {learnt['accuracy']:.2%} |",
        f"| {day} | P1, the same / hasei's own choice among 90 heads | {ratio(learnt['seconds'], best_own['seconds'])} | "
        f"{best_own['seconds']['wall']:.0f} s at {best_own['accuracy']:.2%}; Trainer {ratio(usual, best_own['seconds'])} |",
    ]  # fmt: skip
    print("\n".join(lines))
    said = f"{len(rows.texts)} rows, scored on {len(rows.held)} of {options.on}"
    print(f"{machine()}; {said}; hasei: median of {len(ours)}, scikit-learn: the better of two")
    if options.rows is None:
        with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


def show(name: str, found: dict[str, Any]) -> dict[str, Any]:
    seconds, more = found["seconds"], {k: found[k] for k in ("parts", "chosen") if k in found}
    quality = "" if found["accuracy"] is None else f", accuracy {found['accuracy']:.4f}"
    print(
        f"{name}: {seconds['wall']:.1f} s ({seconds['cpu']:.1f} s of processor time){quality} {more or ''}", flush=True
    )
    return found


def parts_of(reading: dict[str, float], spent: dict[str, float]) -> dict[str, float]:
    """Seconds of processor time that reading and the heads took."""
    return {"read": round(reading["cpu"], 1), "heads": round(spent["cpu"] - reading["cpu"], 1)}


def hasei(rows: Rows, layers: tuple[int, ...] | None) -> dict[str, Any]:
    """The grid over *layers*, or feature_extraction's own choice, from raw texts with an empty store."""
    from hasei.derive.recipe import make_step
    from hasei.derive.run import run_step

    over = {"layer": layers, "l2": STRENGTHS}
    grid = {"over": over, "fixed": {"pooling": "mean"}, "how": "grid", "trials": 1000, "prune": False}
    step = make_step("search", {"method": "feature_extraction", **grid}) if layers else make_step("feature_extraction")
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        context = context_of(rows, Path(folder))
        context.trunk.pooled(context.inputs, context.trunk.layers, "mean")
        reading = clock.spent()
        done = run_step(step, context).derivation
        spent = clock.spent()
        frozen = done.frozen.model_dump(exclude_none=True)
        return {
            "seconds": spent, "accuracy": accuracy_of(done, context, rows), "chosen": frozen.get("found", frozen),
            "parts": parts_of(reading, spent),
        }  # fmt: skip


def sklearn(rows: Rows, layers: tuple[int, ...], iterations: int) -> dict[str, Any]:
    """Encode once; the strength for each layer by cross-validation on hasei's inner fold, the layer by its score there."""
    import numpy as np
    from sentence_transformers import SentenceTransformer
    from sklearn.linear_model import LogisticRegressionCV

    from hasei.engine.splits import inner_split
    from hasei.inputs.base import Base

    clock = Clock()
    encoder = every_layer(SentenceTransformer(str(Base.open(BASE).folder), device="cpu"), layers)
    features = np.split(encoder.encode(rows.texts, batch_size=32, show_progress_bar=False), len(layers), axis=1)
    reading = clock.spent()
    fold, labels = inner_split(rows.texts, 0.2, 0), np.array(rows.labels)
    heads, scores = [], []
    for x in features:
        # The same penalties: hasei's strength is against the mean loss, for features of variance one.
        spread = float(np.var(x[fold[0]][:4096], axis=0).mean())
        cs = [1 / (len(fold[0]) * s * spread) for s in STRENGTHS]
        options = {"scoring": "accuracy", "max_iter": iterations, "n_jobs": 1, "use_legacy_attributes": False}
        heads.append(LogisticRegressionCV(Cs=cs, cv=[fold], l1_ratios=(0,), **options).fit(x, labels))
        scores.append(float(np.max(heads[-1].scores_)))
    spent, best = clock.spent(), int(np.argmax(scores))
    held = np.split(encoder.encode(rows.held, batch_size=32, show_progress_bar=False), len(layers), axis=1)[best]
    parts = parts_of(reading, spent)
    chosen = {
        "layer": layers[best],
        "C": float(np.ravel(heads[best].C_)[0]),
        "iterations": int(np.max(heads[best].n_iter_)),
    }
    return {
        "seconds": spent,
        "accuracy": rows.accuracy(heads[best].predict(held).tolist()),
        "parts": parts,
        "chosen": chosen,
    }


def every_layer(encoder: Any, layers: tuple[int, ...]) -> Any:
    """Make *encoder* give the mean-pooled states after each of *layers*, one beside the other."""
    import torch
    from sentence_transformers import SentenceTransformer

    transformer = encoder[0]

    class Pooled(torch.nn.Module):
        def forward(self, batch: dict[str, Any], **_: Any) -> dict[str, Any]:
            ids = {k: v for k, v in batch.items() if k in ("input_ids", "attention_mask", "token_type_ids")}
            states = transformer.auto_model(**ids, output_hidden_states=True).hidden_states
            weight = batch["attention_mask"].unsqueeze(-1).float()
            pooled = [(states[layer] * weight).sum(1) / weight.sum(1) for layer in layers]
            return batch | {"sentence_embedding": torch.cat(pooled, 1)}

        def __getattr__(self, name: str) -> Any:
            return getattr(transformer, name)

    return SentenceTransformer(modules=[Pooled()], device="cpu")


if __name__ == "__main__":
    main()
