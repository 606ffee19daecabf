"""What a study leaves beside the model: per-row predictions, from which any verdict can be recomputed, card and report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hasei.ground import lineage
from hasei.ground.files import new_file
from hasei.judge.study.candidates import Candidate
from hasei.judge.study.confirm import Choice, Confirmed
from hasei.judge.study.lab import Lab


def record_of(report: dict[str, Any]) -> dict[str, Any]:
    """Return what ``hasei.json`` keeps of a study: verdict, scores, cost."""
    kept = ("verdict", "reason", "kpi", "delta", "alpha", "openings", "scheme", "commitment")
    chosen: dict[str, Any] = next((c for c in report["candidates"] if c["name"] == report["chosen"]["name"]), {})
    return {key: report[key] for key in kept} | {
        "confirm": report["chosen"]["confirm"], "reference": report["reference"]["name"], "select": chosen.get("select"),
        "cost": chosen.get("cost"), "train_seconds": chosen.get("train_seconds"),
        "predict_ms_per_row": chosen.get("predict_ms_per_row"),
    }  # fmt: skip


def write_predictions(
    path: Path, lab: Lab, candidates: Sequence[Candidate], choice: Choice, confirmed: Confirmed
) -> None:
    """Write one line per row and candidate: row hash, unit, role, fold, trial, seed, answer, confidence, truth, scores."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = []
    for candidate in candidates:
        if candidate.trial is not None:
            trial = candidate.trial
            columns = _columns(lab, trial.scored, "select", candidate, trial.answers.values)
            columns["confidence"] = np.asarray(trial.answers.confidence, np.float32)
            columns["scores"] = list(np.asarray(trial.outputs, np.float32))
            tables.append(_table(pa, columns))
    names = {c.name: c for c in choice.roles}
    for name, said in confirmed.answers.items():
        columns = _columns(lab, confirmed.rows, "confirm", names.get(name), said.values)
        columns["confidence"] = np.asarray(said.confidence, np.float32)
        columns["scores"] = [np.empty(0, np.float32)] * len(said.values)
        if name not in names:
            columns["candidate"] = [name] * len(said.values)
        tables.append(_table(pa, columns))
    with new_file(path) as temporary:
        pq.write_table(pa.concat_tables(tables), temporary, compression="zstd")


def _columns(lab: Lab, rows: np.ndarray, role: str, candidate: Candidate | None, values: list[Any]) -> dict[str, Any]:
    count = len(rows)
    trial_id = lab.recipe(candidate.step).trial_id(lab.seed) if candidate else ""
    return {
        "row_hash": [lab.data.row_hashes[i] for i in rows], "unit": lab.units(rows), "role": [role] * count,
        "fold": [0] * count, "candidate": [candidate.name if candidate else ""] * count,
        "trial_id": [trial_id] * count, "seed": [lab.seed] * count, "answer": [str(v) for v in values],
        "truth": [str(t) for t in lab.truth(rows)],
    }  # fmt: skip


def _table(pa: Any, columns: dict[str, Any]) -> Any:
    types = {"fold": pa.int16(), "seed": pa.int32(), "confidence": pa.float32(), "scores": pa.list_(pa.float32())}
    return pa.table({k: pa.array(v, type=types.get(k, pa.string())) for k, v in columns.items()})


def write_extras(folder: Path, report: dict[str, Any], lab: Lab) -> None:
    """Write the model card and the report for people."""
    from hasei.judge import card
    from hasei.judge import report as pages

    card.write_card(folder / "model", report, lab.base, lab.task)
    lineage.seal(folder / "model")
    pages.write_html(folder / "report.html", report)
