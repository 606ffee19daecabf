"""How surely planted slips are found: labels of real sets are made wrong, and the finding is held against what was planted.

*anywhere*: any other label; *near*: one of the three other labels that look likeliest for the row, as people slip.
"""

from __future__ import annotations

import argparse
import datetime
import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
HERE = Path(__file__).resolve().parent
SHARED = HERE.parents[1] / "shared" / "data"
SETS = {
    "snips": (SHARED / "snips" / "train.jsonl", 4000),
    "clinc150": (SHARED / "clinc150" / "train_small.csv", 7600),
    "banking77": (SHARED / "banking77" / "train.csv", 10_003),
}
PLANTED = ((0.0, "-"), (0.02, "anywhere"), (0.05, "anywhere"), (0.05, "near"), (0.1, "anywhere"), (0.1, "near"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    lines = []
    for name in options.sets:
        room = read(*SETS[name])
        for share, kind in PLANTED:
            lines.append(
                f"| {datetime.date.today()} | {name}, {len(room.rows)} rows | {trial(room, share, kind, options.seed)}"
            )
            print(lines[-1], flush=True)
    with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def read(path: Path, rows: int):
    """Return the room of some rows of a set, read by the default base."""
    import numpy as np

    from hasei.engine.trunk import Trunk
    from hasei.inputs import data as rooms
    from hasei.inputs.base import Base
    from hasei.judge.checks import open_room
    from hasei.tasks import open_task

    task = open_task("text_classification")
    table = rooms.read(path)
    keep = np.sort(np.random.default_rng(0).permutation(len(table.cells))[:rows])
    table = replace(table, cells=[table.cells[i] for i in keep], lines=table.lines[keep])
    mapping = rooms.guess(table, task.columns, {"text": "text", "label": "label"})
    data = rooms.assemble(table, mapping, columns=task.columns, clean=task.clean)
    return open_room(task, table, mapping, data, open_trunk=lambda: Trunk(Base.open("all-minilm-l6-v2")))


def trial(room, share: float, kind: str, seed: int) -> str:
    """Plant slips and say what was found."""
    from hasei.judge.checks import label_noise

    planted, other = plant(room, share, kind, seed)
    found = label_noise.find(other)
    blamed = {row for finding in found for row in finding.rows}
    rate = found[0].evidence["rate"] if found else {"value": 0.0, "low": 0.0, "high": 0.0}
    said = f"suspects {len(blamed)}, estimate {rate['value']:.1%} ({rate['low']:.1%} to {rate['high']:.1%}) |"
    if not planted:
        return f"nothing planted | {said}"
    hit = len(blamed & planted)
    return f"{share:.0%} planted {kind} | precision {hit / max(1, len(blamed)):.1%}, recall {hit / len(planted):.1%}; {said}"


def plant(room, share: float, kind: str, seed: int):
    """Return the lines whose labels were made wrong, and the room with them."""
    import numpy as np

    rng, names = np.random.default_rng(seed), room.space.names
    targets = list(room.rows.targets)
    wrong = rng.permutation(len(targets))[: round(share * len(targets))]
    for i in wrong.tolist():
        ranked = [names[c] for c in np.argsort(-room.held_out[i]) if names[c] != targets[i]]
        targets[i] = str(rng.choice(ranked[:3] if kind == "near" else ranked))
    other = replace(room, rows=replace(room.rows, targets=targets), kept={})
    other.__dict__["seen_features"] = room.seen_features
    return {int(room.rows.lines[i]) for i in wrong}, other


if __name__ == "__main__":
    main()
