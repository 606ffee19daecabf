"""Made-up rows, a made-up report of ``hasei try`` and a made-up model folder, for tests of the doors and pages."""

from __future__ import annotations

import copy
import csv
from pathlib import Path
from typing import Any

from hasei.ground import lineage

HOSTILE = "<script>alert('x')</script> \x1b[31m| `a` 日本語"


def candidate(name: str, role: str, value: float | None, **more: Any) -> dict[str, Any]:
    """Return one line of the JSON contract; without a value it has no figures."""
    done = value is not None
    return {
        "name": name,
        "method": name.split(" ")[0],
        "role": role,
        "recipe_id": "00112233445566aa",
        "params": {},
        "status": "done" if done else "skipped",
        "why": "",
        "select": {"metric": "accuracy", "value": value, "low": value - 0.012, "high": value + 0.011, "too_few": False}
        if value is not None
        else None,
        "gain_over_base": value - 0.80 if value is not None else None,
        "train_seconds": 192.4 if done else None,
        "predict_ms_per_row": 1.234 if done else None,
        "trainable_parameters": 5_324_160 if done else None,
        "bytes": 91_012_345 if done else None,
        "cost": {"currency": "USD", "training": 0.00534, "per_1000": 0.0000343} if done else None,
        "rungs": [],
        **more,
    }


def report(**changes: Any) -> dict[str, Any]:
    """Return a whole report in which a derived model is adopted, with *changes* of its first level."""
    found = {
        "schema": 1,
        "verdict": "adopt",
        "reason": "Adopt partial_fine_tuning (top_layers 3): on 3,080 cases kept out of every choice, it reaches"
        " accuracy 94.1 %, 3.1 points better than lexical (95 % interval 2.2 to 4.0 points). It is sure to reach at"
        " least 93.2 %, and the goal is 92.0 %.",
        "rows_needed": None,
        "rows_needed_role": None,
        "cause": "adopt",
        "chosen": {
            "name": "partial_fine_tuning (top_layers 3)",
            "recipe_id": "0123456789abcdef",
            "folder": "runs/x/model",
            "confirm": {
                "metric": "accuracy",
                "value": 0.941,
                "low": 0.932,
                "high": 0.949,
                "too_few": False,
                "gain": 0.031,
                "gain_low": 0.022,
                "gain_high": 0.04,
                "gain_over_base": 0.134,
            },
        },
        "reference": {
            "name": "lexical",
            "recipe_id": "fedcba9876543210",
            "folder": "runs/x/reference",
            "confirm": {
                "metric": "accuracy",
                "value": 0.910,
                "low": 0.899,
                "high": 0.92,
                "too_few": False,
                "gain": None,
                "gain_low": None,
                "gain_high": None,
                "gain_over_base": None,
            },
        },
        "kpi": {"metric": "accuracy", "at_least": 0.92},
        "delta": 0.01,
        "alpha": 0.025,
        "alpha_next": 0.00833,
        "openings": 1,
        "exploratory": False,
        "commitment": "c0ffee" * 10,
        "scheme": "holdout",
        "candidates": [
            candidate(
                "majority",
                "cheap truth",
                0.021,
                trainable_parameters=0,
                bytes=412,
                train_seconds=0.003,
                predict_ms_per_row=0.0001,
                cost={"currency": "USD", "training": 8e-8, "per_1000": 3e-9},
            ),
            candidate("as_it_is (by names)", "cheap truth", 0.62, trainable_parameters=0),
            candidate("as_it_is", "cheap truth", 0.80, trainable_parameters=0),
            candidate(
                "lexical", "cheap truth", 0.912, trainable_parameters=2_412_000, bytes=9_700_000, train_seconds=4.31
            ),
            candidate("feature_extraction", "derived", 0.931, trainable_parameters=29_645, train_seconds=42.0),
            candidate("partial_fine_tuning (top_layers 3)", "derived", 0.944),
            candidate(
                "lora (first_layer 3)",
                "derived",
                None,
                status="raced out",
                why="behind partial_fine_tuning (top_layers 3) on 1,600 rows",
                rungs=[{"rows": 1600, "score": 0.812}],
            ),
            candidate(
                "full_fine_tuning",
                "derived",
                None,
                why="its trial and refit would take about 610 s and 210 s of the budget are free",
            ),
        ],
        "seconds": 551.2,
        "budget_seconds": 600.0,
        "data": {
            "roles": {
                "train": {"rows": 8002, "units": 7950},
                "select": {"rows": 1998, "units": 1985},
                "confirm": {"rows": 3080, "units": 3080},
            },
            "columns": {"text": "問い合わせ内容", "label": "部署"},
            "guessed": ["label", "text"],
            "why_columns": "by their names",
            "fingerprint": "f1" * 32,
            "licence": "CC-BY-4.0",
            "findings": [
                {
                    "kind": "blank_label",
                    "severity": "warning",
                    "file": "問い合わせ.csv",
                    "count": 7,
                    "rows": [3, 7, 12, 40, 41, 88, 90],
                    "do": "fill in the label, or leave them out",
                    "message": "rows dropped from '問い合わせ.csv' because 'label' is blank: 7",
                },
                {
                    "kind": "encoding",
                    "severity": "warning",
                    "file": "問い合わせ.csv",
                    "count": 0,
                    "rows": [],
                    "message": "'問い合わせ.csv' is not UTF-8: it was read as CP932",
                    "do": "look at a few rows",
                },
            ],
        },
        "base": {
            "name": "sentence-transformers/all-MiniLM-L6-v2",
            "opened_as": "all-minilm-l6-v2",
            "revision": "0.1.0",
            "content_hash": "ab" * 32,
            "licence": "Apache-2.0",
        },
        "task": "text_classification",
        "seed": 0,
        "constraints": [],
        "saving_per_month": None,
        "latency_p95_ms": None,
        "environment": {
            "processor": "AVX512",
            "machine": "x86_64",
            "threads": 2,
            "python": "3.11.9",
            "libraries": {"torch": "2.13.0"},
        },
        "log": [
            {"kind": "trial", "candidate": "lexical", "rows": 8002, "score": 0.912, "seconds": 4.31},
            {"kind": "dropped", "candidate": "full_fine_tuning", "status": "skipped", "why": "too slow"},
            {"kind": "opening", "number": 1, "alpha": 0.025, "commitment": "c0ffee"},
        ],
    }
    return copy.deepcopy(found) | changes


def identity(**changes: Any) -> lineage.Identity:
    """Return what a made-up model is."""
    given: dict[str, Any] = {
        "format": "sentence_transformers",
        "task": "text_classification",
        "space": {"width": 2, "names": ["経理", "payroll"], "extra": []},
        "steps": [{"name": "feature_extraction", "params": {"l2": 0.001}}],
        "recipe_id": "0123456789abcdef",
        "trial_id": "89abcdef01234567",
        "seed": 0,
        "parents": [
            {
                "name": "sentence-transformers/all-MiniLM-L6-v2",
                "opened_as": "all-minilm-l6-v2",
                "revision": "0.1.0",
                "content_hash": "ab" * 32,
                "licence": "Apache-2.0",
            }
        ],
        "data": {"fingerprint": "f1" * 32, "rows": 8002, "licence": "CC-BY-4.0", "columns": {"text": "text"}},
        "licence": "Apache-2.0 AND CC-BY-4.0",
        "environment": {"python": "3.11"},
    }
    return lineage.Identity(**(given | changes))


def folder(place: Path, **changes: Any) -> Path:
    """Make a folder with a ``hasei.json`` and one file beside it."""
    place.mkdir(parents=True)
    (place / "labels.json").write_text('["経理", "payroll"]')
    lineage.write(place, identity(**changes), {"train_seconds": 12.5, "predict_ms_per_row": 1.5})
    return place


ROWS = [
    ("where is my parcel", "delivery"), ("the parcel has not arrived", "delivery"), ("parcel lost again", "delivery"),
    ("荷物はどこですか parcel", "delivery"), ("my parcel is late", "delivery"), ("track the parcel please", "delivery"),
    ("please send the invoice", "billing"), ("the invoice is wrong", "billing"), ("two invoices for one order", "billing"),
    ("請求書 invoice", "billing"), ("pay the invoice by card", "billing"), ("invoice for March", "billing"),
]  # fmt: skip


def write_rows(path: Path, rows: list[tuple[str, ...]], header: tuple[str, ...], encoding: str = "utf-8") -> Path:
    """Write a CSV file."""
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path
