"""One table over the shared data sets: for each its task, the best cheap truth, what won, the paired gain and the verdict.

Official test files are the confirm rows; everything is chosen on select rows. ``--methods`` names the methods that are tried
(default: the solved head alone, which every machine can afford; ``all`` lets each study choose).

    python bench/tasks_table.py --budget 10m --methods all
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import answer_sets

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "src")]
SHARED = HERE.parents[1] / "shared" / "data"

SETS: dict[str, tuple[str, dict[str, Any]]] = {
    "banking77": ("text_classification", {"path": "banking77/train.csv", "test": "banking77/test.csv"}),
    "clinc150": ("text_classification", {"path": "clinc150/train.csv", "test": "clinc150/test.csv"}),
    "snips": ("text_classification", {"path": "snips/train.jsonl", "test": "snips/test.jsonl"}),
    "nlupp banking": ("multi_label_classification", {"path": "nlupp/banking.jsonl", "label": "intents"}),
    "nlupp banking -> hotels": (
        "multi_label_classification", {"path": "nlupp/banking.jsonl", "test": "nlupp/hotels.jsonl", "label": "intents"},
    ),
    "stsb": ("similarity", {"path": "stsb/train.csv", "test": "stsb/test.csv", "label": "score"}),
    "jglue_jsts": ("similarity", {"path": "jglue_jsts/train.csv", "test": "jglue_jsts/test.csv", "label": "score"}),
    "jglue_jcommonsenseqa": (
        "multiple_choice", {"path": "jglue_jcommonsenseqa/train.csv", "test": "jglue_jcommonsenseqa/test.csv"},
    ),
    "restaurant8k asked": ("question_answering", {"make": "restaurant8k"}),
    "jsquad": ("question_answering", {"make": "jsquad"}),
    "jglue_jnli": ("pair_classification", {"path": "jglue_jnli/valid.csv", "test": "jglue_jnli/test.csv"}),
    "covid_faq": (
        "retrieval", {"path": "covid_faq/queries.csv", "corpus": "covid_faq/faq.jsonl", "group": "faq_id"},
    ),
    "jsquad_retrieval": (
        "retrieval", {"path": "jsquad_retrieval/qrels.tsv", "corpus": "jsquad_retrieval/corpus.jsonl", "group": "corpus_id"},
    ),
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--budget", default="10m")
    parser.add_argument("--methods", default="feature_extraction")
    parser.add_argument("--scheme", default="auto", help="holdout where cross-fitting is more than the budget allows")
    options = parser.parse_args()
    head = ("set", "task", "metric", "best cheap truth", "chosen", "gain", "verdict", "time")
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|", flush=True)
    for name in options.sets:
        print(f"| {' | '.join(row(name, options.budget, options.methods, options.scheme))} |", flush=True)
    print(datetime.date.today())


def row(name: str, budget: str, methods: str, scheme: str) -> tuple[str, ...]:
    from hasei.ground.errors import HaseiError
    from hasei.ground.events import Watch
    from hasei.judge.study import conduct, make_config

    task, data = SETS[name]
    recipes = () if methods == "all" else tuple(methods.split(","))
    with tempfile.TemporaryDirectory() as folder:
        if "make" in data:
            data = getattr(answer_sets, data["make"])(SHARED, Path(folder))
        else:
            data = {k: str(SHARED / v) if k in ("path", "test", "corpus") else v for k, v in data.items()}
        os.environ["HASEI_STATE"] = str(Path(folder) / "state")  # every set is looked at for the first time
        config = make_config(
            {"data": data, "task": task, "budget": budget, "recipes": recipes, "checks": False, "scheme": scheme}
        )
        try:
            report = conduct(config, Path(folder) / "run", Watch()).report
        except HaseiError as error:
            return (name, task, "", "", "", "", f"error: {error}", "")
    chosen, reference = report["chosen"], report["reference"]
    gain = chosen["confirm"]
    said = "" if gain["gain"] is None else f"{gain['gain']:+.4f} ({gain['gain_low']:+.4f} to {gain['gain_high']:+.4f})"
    return (
        name, task, gain["metric"], scored(reference), scored(chosen), said, report["verdict"], f"{report['seconds']:.0f} s",
    )  # fmt: skip


def scored(part: dict[str, Any]) -> str:
    found = part["confirm"]
    return f"{part['name']} {found['value']:.4f} ({found['low']:.4f} to {found['high']:.4f})"


if __name__ == "__main__":
    main()
