"""What fifty more labels bring: rows chosen by ``next_rows`` against rows drawn at random, over several draws.

Of each set (train rows only) a part is held out for scoring; of the rest a few rows are labelled and the others count as
unlabelled. Fifty of these are then labelled, chosen or drawn, and the same head is solved again on the base's features.
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
    "snips": (SHARED / "snips" / "train.jsonl", 4000, (50, 100, 300)),
    "clinc150": (SHARED / "clinc150" / "train_small.csv", 7600, (600, 1500)),
    "banking77": (SHARED / "banking77" / "train.csv", 5000, (300, 1000)),
}
MORE = 50


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    options = parser.parse_args()
    import numpy as np

    lines = []
    for name in options.sets:
        trial = Trial(*SETS[name][:2])
        for start in SETS[name][2]:
            gains = np.array([trial.gains(start, draw) for draw in range(options.draws)])
            chosen, drawn, before = gains.mean(0)
            apart = gains[:, 0] - gains[:, 1]
            lines.append(
                f"| {datetime.date.today()} | {name}, {start} labelled rows, {MORE} more, {options.draws} draws |"
                f" before {before:.1%}; chosen {100 * chosen:+.2f}, random {100 * drawn:+.2f} points |"
                f" chosen - random {100 * apart.mean():+.2f} (standard error"
                f" {100 * apart.std(ddof=1) / len(apart) ** 0.5:.2f}), better in {(apart > 0).sum()} draws |"
            )
            print(lines[-1], flush=True)
    with (HERE / "RESULTS.md").open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


class Trial:
    """One set, read by the base once."""

    def __init__(self, path: Path, rows: int) -> None:
        import numpy as np

        from hasei.engine.trunk import Trunk
        from hasei.inputs import data as rooms
        from hasei.inputs.base import Base
        from hasei.tasks import open_task

        self.task = open_task("text_classification")
        table = rooms.read(path)
        keep = np.sort(np.random.default_rng(0).permutation(len(table.cells))[:rows])
        self.table = replace(table, cells=[table.cells[i] for i in keep], lines=table.lines[keep])
        self.mapping = rooms.guess(table, self.task.columns, {"text": "text", "label": "label"})
        self.text, self.label = (table.columns.index(name) for name in ("text", "label"))
        texts = [cells[self.text] for cells in self.table.cells]
        self.trunk = Trunk(Base.open("all-minilm-l6-v2"))
        self.trunk.prepare(texts)
        self.features = self.trunk.pooled(texts, self.trunk.layers, self.trunk.base.pooling)
        self.labels = np.array([cells[self.label] for cells in self.table.cells])

    def gains(self, start: int, draw: int) -> tuple[float, float, float]:
        """Return what the chosen and the drawn rows bring, and the accuracy before."""
        import numpy as np

        order = np.random.default_rng(draw).permutation(len(self.labels))
        pool, held = np.split(order, [int(0.6 * len(order))])
        labelled, rest = pool[:start], pool[start:]
        before = self.accuracy(labelled, held)
        chosen = self.chosen(labelled, rest)
        return (
            self.accuracy(np.concatenate([labelled, chosen]), held) - before,
            self.accuracy(np.concatenate([labelled, rest[:MORE]]), held) - before,
            before,
        )

    def chosen(self, labelled, rest):
        """Return the rows that ``next_rows`` picks out of *rest*."""
        import numpy as np

        from hasei.inputs import data as rooms
        from hasei.judge.checks import open_room
        from hasei.judge.next_rows import next_rows

        known, both = set(labelled.tolist()), np.sort(np.concatenate([labelled, rest]))
        blank = [
            tuple(cell if i in known or place != self.label else "" for place, cell in enumerate(self.table.cells[i]))
            for i in both
        ]
        table = replace(self.table, cells=blank, lines=self.table.lines[both])
        data = rooms.assemble(table, self.mapping, columns=self.task.columns, clean=self.task.clean)
        room = open_room(self.task, table, self.mapping, data, open_trunk=lambda: self.trunk)
        place = {int(line): i for i, line in enumerate(self.table.lines)}
        return np.array([place[row.line] for row in next_rows(room, MORE)])

    def accuracy(self, rows, held) -> float:
        """Return the accuracy on *held* of a head solved on *rows*; a class without rows is never answered."""
        from hasei.engine.heads import solve_head

        targets = self.labels[rows].tolist()
        space = self.task.space(targets)
        weight, bias = solve_head(self.task, space, self.features[rows], self.task.encode(space, targets), 0.1)
        answers = self.task.answers(space, self.features[held] @ weight.T + bias).values
        return self.task.metrics["accuracy"].value(answers, self.labels[held].tolist())


if __name__ == "__main__":
    main()
