"""Hand signs from a small base of our own, and from the same architecture with fresh weights beside it.

    python bench/pretrain_pictures.py OWN
    python bench/pictures.py OWN [--budget 10m]

Both go through the same study with the same recipes: everything is chosen on select rows, and the official test folder of
sign_digits (453 pictures) is scored once. The fresh base has the architecture of OWN and weights that were taught nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "src")]
SHARED = HERE.parents[1] / "shared" / "data"

CHANGED = {"augment": ["rotation", "crop", "colour"], "dropout": 0.0}
RECIPES: tuple[Any, ...] = (
    "feature_extraction",
    {"full_fine_tuning": {"epochs": 40, "learning_rate": 1e-3, "layer_decay": 1.0, **CHANGED}},
)


def fresh(own: Path, folder: Path) -> Path:
    """Write a base of the architecture of *own* with weights that were taught nothing."""
    import torch
    from transformers import AutoConfig, AutoModelForImageClassification

    torch.manual_seed(1)
    AutoModelForImageClassification.from_config(AutoConfig.from_pretrained(own)).save_pretrained(folder)
    shutil.copyfile(own / "preprocessor_config.json", folder / "preprocessor_config.json")
    return folder


def study(base: Path, budget: str, folder: Path) -> dict[str, Any]:
    from hasei.ground.events import Watch
    from hasei.judge.study import conduct, make_config

    os.environ["HASEI_STATE"] = str(folder / "state")  # the test folder is looked at for the first time
    os.environ["HASEI_CACHE"] = str(folder / "cache")
    data = {"path": str(SHARED / "sign_digits" / "train"), "test": str(SHARED / "sign_digits" / "test")}
    config = make_config({
        "data": data, "task": "image_classification", "base": str(base), "budget": budget, "recipes": RECIPES,
        "checks": False,
    })  # fmt: skip
    return dict(conduct(config, folder / "run", Watch()).report)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("own", type=Path)
    parser.add_argument("--budget", default="10m")
    parser.add_argument("--only", choices=("own", "fresh"))
    given = parser.parse_args()
    print(
        "| base | candidate | select | confirm (official test) | verdict | whole study |\n|---|---|---|---|---|---|",
        flush=True,
    )
    for name in ("own", "fresh"):
        if given.only not in (None, name):
            continue
        with tempfile.TemporaryDirectory() as place:
            folder, start = Path(place), time.monotonic()
            base = given.own if name == "own" else fresh(given.own, folder / "fresh")
            report = study(base, given.budget, folder)
            took = time.monotonic() - start
        for candidate in report["candidates"]:
            if candidate["status"] != "done":
                print(f"| {name} | {candidate['name']} | {candidate['status']}: {candidate.get('why', '')} | | | |")
                continue
            chosen = candidate["id"] == report["chosen"]["id"] if "id" in candidate else False
            select = candidate["select"]
            print(f"| {name} | {candidate['name']} | {select['value']:.4f} | {'chosen' if chosen else ''} | | |")
        found = report["chosen"]["confirm"]
        print(
            f"| {name} | **{report['chosen']['name']}** | | {found['value']:.4f} ({found['low']:.4f} to {found['high']:.4f}) |"
            f" {report['verdict']} | {took:.0f} s |", flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
