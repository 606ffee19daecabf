"""What a study leaves beside the model: per-row predictions, from which any verdict can be recomputed, card and report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hasei.ground import lineage
from hasei.ground.files import new_file
from hasei.judge import kept
from hasei.judge.study.candidates import Candidate
from hasei.judge.study.confirm import Choice, Confirmed, Verdict
from hasei.judge.study.lab import Lab
from hasei.judge.study.retention import Kept
from hasei.tasks import Answers, Floats, rivals


def record_of(report: dict[str, Any]) -> dict[str, Any]:
    """Return what ``hasei.json`` keeps of a study: verdict, scores, cost."""
    kept = ("verdict", "reason", "kpi", "delta", "alpha", "openings", "scheme", "commitment")
    chosen: dict[str, Any] = next((c for c in report["candidates"] if c["name"] == report["chosen"]["name"]), {})
    return {key: report[key] for key in kept} | {
        "confirm": report["chosen"]["confirm"], "reference": report["reference"]["name"], "select": chosen.get("select"),
        "cost": chosen.get("cost"), "train_seconds": chosen.get("train_seconds"),
        "predict_ms_per_row": chosen.get("predict_ms_per_row"),
        "automation": {k: v for k, v in (report.get("automation") or {}).items() if k != "curve"} or None,
        "out_of_scope": {k: v for k, v in (report.get("out_of_scope") or {}).items() if k != "curve"} or None,
    }  # fmt: skip


def operating(lab: Lab, choice: Choice) -> dict[str, Any]:
    """Return from which score on the winner's single answers are best said, where the task has such; from select rows."""
    point, trial = getattr(lab.task, "operating_point", None), choice.winner.trial
    if point is None or trial is None:
        return {}
    return {"operating": point(trial.answers.values, lab.truth(trial.scored))}


def write_predictions(
    path: Path, lab: Lab, candidates: Sequence[Candidate], choice: Choice, confirmed: Confirmed, found: Verdict
) -> None:  # fmt: skip
    """Write one line per row and candidate: row hash, unit, role, fold, trial, seed, answer, confidence, truth, scores.

    The case of the verdict goes into the file's own metadata, so that this one file is enough to judge again.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = []
    for candidate in candidates:
        if candidate.trial is not None:
            trial = candidate.trial
            columns = _columns(lab, trial.scored, "select", candidate, trial.answers, trial.outputs)
            costs = lab.row_costs(trial.scored, trial.answers.values)
            tables.append(_table(pa, columns | _money(len(trial.scored), costs, None)))
    names = {c.name: c for c in choice.roles}
    for name, said in confirmed.answers.items():
        outputs = confirmed.outputs if name == choice.winner.name else None
        columns = _columns(lab, confirmed.rows, "confirm", names.get(name), said, outputs)
        money = _money(len(said.values), found.sheet.costs.get(name), found.sheet.stakes)
        tables.append(_table(pa, columns | money | {"candidate": [name] * len(said.values)}))
    if confirmed.kept is not None:
        tables += [_table(pa, part) for part in _kept_columns(lab, confirmed.kept)]
    table = pa.concat_tables(tables).replace_schema_metadata({kept.CASE: found.case.model_dump_json()})
    with new_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _columns(
    lab: Lab, rows: np.ndarray, role: str, candidate: Candidate | None, said: Answers, outputs: Floats | None
) -> dict[str, Any]:
    count = len(rows)
    trial_id = lab.recipe(candidate.step).trial_id(lab.seed) if candidate and candidate.origin else ""
    nothing = [np.empty(0, np.float32)] * count
    scores = None if outputs is None else rivals(lab.task, outputs)
    return {
        "row_hash": [lab.data.row_hashes[i] for i in rows], "file": [lab.data.files[i] for i in rows],
        "line": lab.data.lines[rows], "unit": lab.units(rows), "role": [role] * count,
        "place": np.arange(count), "fold": [0] * count, "candidate": [candidate.name if candidate else ""] * count,
        "trial_id": [trial_id] * count, "seed": [lab.seed] * count, "answer": [str(v) for v in said.values],
        "truth": [str(t) for t in lab.truth(rows)], "confidence": np.asarray(said.confidence, np.float32),
        "scores": nothing if scores is None else list(np.asarray(scores, np.float32)),
        **{f"{kept.SLICE}{name}": [lab.data.extras[name][i] for i in rows] for name in lab.slices},
    }  # fmt: skip


def _kept_columns(lab: Lab, found: Kept) -> list[dict[str, Any]]:
    """Return the rows not to be forgotten as answered by W and by what was there before."""
    data, count = found.data, len(found.data)
    return [
        {
            "row_hash": data.row_hashes, "file": data.files, "line": data.lines, "unit": data.units,
            "role": [kept.ROLE] * count, "fold": [0] * count, "candidate": [name] * count, "trial_id": [""] * count,
            "place": np.arange(count),
            "seed": [lab.seed] * count, "answer": [str(v) for v in values], "truth": [str(t) for t in found.truth],
            "confidence": np.full(count, np.nan, np.float32), **_money(count, None, None),
            "scores": [np.empty(0, np.float32)] * count,
            **{f"{kept.SLICE}{name}": [""] * count for name in lab.slices},
        }
        for name, values in ((kept.WINNER, found.winner), (kept.BEFORE, found.before))
    ]  # fmt: skip


def _money(count: int, costs: Floats | None, stakes: Floats | None) -> dict[str, Any]:
    nothing = np.full(count, np.nan)
    return {"cost": nothing if costs is None else costs, "stake": nothing if stakes is None else stakes}


def _table(pa: Any, columns: dict[str, Any]) -> Any:
    types = {
        "fold": pa.int16(), "place": pa.int32(), "seed": pa.int32(), "confidence": pa.float32(), "scores": pa.list_(pa.float32()),
        "line": pa.int64(), "cost": pa.float64(), "stake": pa.float64(),
    }  # fmt: skip
    return pa.table({k: pa.array(v, type=types.get(k, pa.string())) for k, v in sorted(columns.items())})


def write_extras(folder: Path, report: dict[str, Any], lab: Lab) -> None:
    """Write the model card and the report for people."""
    from hasei.judge import card
    from hasei.judge import report as pages

    card.write_card(folder / "model", report, lab.base, lab.task)
    lineage.seal(folder / "model")
    pages.write_html(folder / "report.html", report)
