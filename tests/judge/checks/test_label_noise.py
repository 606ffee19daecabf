"""Labels that look wrong: planted slips are found, and clean rows are left alone."""

from __future__ import annotations

import csv
import random

from hasei.ground.events import Watch
from hasei.judge.checks import label_noise
from hasei.judge.study import make_config
from hasei.judge.study.data_room import open_data_room


def snips(shared, path, flip):
    """Write 700 rows of a real set with every 20th label exchanged where *flip*; return the lines of those rows."""
    import json

    rows = [json.loads(line) for line in (shared / "snips" / "train.jsonl").read_text("utf-8").splitlines()]
    draw = random.Random(3)
    rows = draw.sample(rows, 700)
    labels = sorted({row["label"] for row in rows})
    planted = set()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for i, row in enumerate(rows):
            label = row["label"]
            if flip and i % 20 == 0:
                label = draw.choice([other for other in labels if other != label])
                planted.add(i + 2)
            writer.writerow([" ".join(row["text"].split()), label])
    return planted


def suspects(path):
    room = open_data_room(make_config({"data": {"path": str(path)}}), Watch())
    return {row for finding in label_noise.find(room) if finding.kind == "label_noise" for row in finding.rows}


def test_on_real_rows_planted_slips_are_found_and_few_others_are_blamed(shared, tmp_path):
    planted = snips(shared, tmp_path / "rows.csv", flip=True)
    found = suspects(tmp_path / "rows.csv")
    assert len(found & planted) >= 0.7 * len(planted)
    assert len(found - planted) <= 0.02 * 700


def test_on_clean_real_rows_hardly_any_label_is_blamed(shared, tmp_path):
    snips(shared, tmp_path / "rows.csv", flip=False)
    assert len(suspects(tmp_path / "rows.csv")) <= 0.02 * 700
