"""The forty candidates of the decision benchmark, and how far a chosen one is below the best of them."""

from __future__ import annotations

import datetime
import tempfile
from pathlib import Path
from typing import Any

from _sides import Kept, Rows, accuracy_of, context_of


def candidates() -> list[dict[str, Any]]:
    """Forty recipes, by name and settings."""
    heads = [{"layer": layer, "l2": l2} for layer in (4, 5, 6) for l2 in (3e-3, 1e-2, 3e-2, 1e-1)] + [{}]
    tops = [
        {"top_layers": top, "learning_rate": rate, "epochs": epochs}
        for top in (1, 2, 3) for rate in (4e-4, 8e-4, 1.6e-3) for epochs in (2, 4)
    ]  # fmt: skip
    whole = [{"learning_rate": rate, "epochs": epochs} for rate in (2e-4, 4e-4) for epochs in (2, 3)]
    lora = [{"first_layer": first, "rank": rank} for first in (3, 4) for rank in (8, 16)]
    ia3 = [{"first_layer": 3}]
    of = {
        "feature_extraction": heads,
        "partial_fine_tuning": tops,
        "full_fine_tuning": whole,
        "lora": lora,
        "ia3": ia3,
    }
    return [{name: params} for name, settings in of.items() for params in settings]


def regret(rows: Rows, recipes: list[dict[str, Any]], kept: Kept, ours: dict[str, Any]) -> str:
    """How far the chosen one is below the best of the forty on held rows, each derived from all rows."""
    from hasei.derive.recipe import read_steps
    from hasei.derive.run import run_step

    scores, context = {}, None
    with tempfile.TemporaryDirectory() as folder:
        for recipe in recipes:
            step = read_steps(recipe)[0]

            def derive(step: Any = step) -> float:
                nonlocal context
                context = context or context_of(rows, Path(folder), range(1, 6))
                return accuracy_of(run_step(step, context).derivation, context, rows)

            scores[step.label] = kept.once(derive, side="best", step=step.label)
            print(f"{step.label}: {scores[step.label]:.4f}", flush=True)
    ordered = sorted(scores, key=lambda name: -scores[name])
    best, chosen = ordered[0], ours["chosen"]
    mine = ours["accuracy"]
    place = f", place {1 + ordered.index(chosen)} of {len(ordered)}" if chosen in scores else ", a cheap truth"
    tenth = scores[ordered[min(9, len(ordered) - 1)]]
    return (
        f"| {datetime.date.today()} | P5, the chosen one below the best of {len(ordered)} on held rows | "
        f"{100 * (scores[best] - mine):.2f} points | {chosen} {mine:.2%}{place}; best {best} {scores[best]:.2%} (the largest "
        f"of {len(ordered)} scores on {len(rows.held)} rows is itself lucky); the tenth {tenth:.2%} |"
    )
