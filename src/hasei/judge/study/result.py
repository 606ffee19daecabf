"""What a study found: the verdict, the table, the model; and the JSON contract that other programs read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from hasei.derive.derived import DerivedModel, open_model
from hasei.ground.files import plain
from hasei.ground.licence import outcome
from hasei.inputs.data.dataset import Role
from hasei.judge import examples
from hasei.judge.decision import Decision
from hasei.judge.diagnosis import all_diagnoses
from hasei.judge.study.candidates import Candidate, seeds_json
from hasei.judge.study.confirm import Choice, Confirmed, Verdict
from hasei.judge.study.lab import Lab

SCHEMA = 1


@dataclass(frozen=True)
class Result:
    """The outcome of a study. *report* is the JSON contract; ``result.chosen`` opens the model that was left."""

    decision: Decision
    report: dict[str, Any]
    folder: Path
    candidates: tuple[Candidate, ...] = field(default=(), repr=False)

    @property
    def verdict(self) -> str:
        """``adopt``, ``do not adopt``, ``not enough data`` or ``rethink``."""
        return self.decision.verdict

    @property
    def reason(self) -> str:
        """Two or three plain sentences."""
        return self.decision.reason

    @property
    def chosen(self) -> DerivedModel:
        """The model in the study's folder, loaded back from disk."""
        return open_model(self.folder / "model")

    def to_json(self) -> dict[str, Any]:
        """Return the JSON contract (``schema: 1``)."""
        return self.report


def make_report(
    lab: Lab, choice: Choice, found: Verdict, confirmed: Confirmed, candidates: Sequence[Candidate], *,
    scheme: str, seconds: float, budget: float, folder: str,
) -> dict[str, Any]:  # fmt: skip
    """Return the JSON contract of a finished study: what follows from its rows alone, and all that was seen on the way."""
    from hasei.ground import lineage

    ruled = found.ruling.to_json()
    reference = "model" if choice.reference is choice.winner else "reference"
    for part, candidate, place in (("chosen", choice.winner, "model"), ("reference", choice.reference, reference)):
        here = f"{folder}/{place}" if candidate.origin else None  # today's process stays where it is
        ruled[part] |= {"recipe_id": candidate.recipe_id, "folder": here}
    stated: dict[str, Any] = plain({
        "schema": SCHEMA, **ruled,
        "scheme": scheme,
        "candidates": [c.to_json(lab.metric.name) for c in candidates],
        "passed_over": [{"method": name, "why": why} for name, why in lab.passed_over],
        "seeds": [said for c in candidates if (said := seeds_json(c))],
        "seconds": seconds, "budget_seconds": budget,
        "data": data_json(lab, confirmed, scheme),
        "base": lab.base.to_lineage(), "licence": licence_json(lab),
        "task": lab.task.name, "seed": lab.seed,
        "latency_p95_ms": found.latency_p95_ms, **shown_by_rows(lab, choice, found, confirmed),
        "learning_curve": found.curve.to_json() if found.curve else None,
        "environment": lineage.environment(), "log": lab.log,
    })  # fmt: skip
    return stated | {"diagnosis": all_diagnoses(stated)}


def licence_json(lab: Lab) -> dict[str, Any]:
    """Return the licences of base and rows, and what a model derived from both may be released as."""
    found = outcome(lab.base.licence, lab.data.licence)
    return {
        "base": lab.base.licence, "data": lab.data.licence, "model": found.release or found.expression, "kind": found.kind,
        "words": "; ".join(found.obligations), "conflict": found.conflict, "override": lab.data.licence_override,
    }  # fmt: skip


def shown_by_rows(lab: Lab, choice: Choice, found: Verdict, confirmed: Confirmed) -> dict[str, Any]:
    """Return confusions or residuals of W on the confirm rows, and rows gained and lost against the base as it is."""
    sheet, rows = found.sheet, confirmed.rows
    truth, said = sheet.truth, sheet.answers[choice.winner.name]
    if lab.task.target_kind == "number":
        shown: dict[str, Any] = {"residuals": examples.residuals(truth, said)}
    elif lab.task.target_kind not in ("category", "categories"):
        shown = {}
    else:
        shown = {"confusion": examples.confusion(truth, said), "confused": examples.confused(truth, said)}
    other = choice.base or choice.reference
    if other is choice.winner:
        return shown
    against = examples.gained_and_lost(
        [lab.data.inputs[i] for i in rows], truth, said, sheet.answers[other.name], [lab.data.files[i] for i in rows],
        [int(lab.data.lines[i]) for i in rows],
    )  # fmt: skip
    return shown | {"examples": against | {"other": other.name}}


def data_json(lab: Lab, confirmed: Confirmed, scheme: str) -> dict[str, Any]:
    """Return rows and units per role (of confirm those that were opened), columns, fingerprint and findings."""
    data = lab.data
    crossed = scheme.startswith("nested")
    roles: dict[str, dict[str, int]] = {}
    for role in get_args(Role):
        rows = data.where("train", "select", "confirm") if crossed else data.where(role)
        rows = confirmed.rows if role == "confirm" else rows
        roles[role] = {"rows": len(rows), "units": len({data.units[i] for i in rows})}
    return {
        "roles": roles, "columns": data.mapping.columns, "guessed": sorted(data.mapping.guessed),
        "why_columns": data.mapping.why, "fingerprint": data.fingerprint, "licence": data.licence,
        "findings": [f.to_json() for f in data.findings],
    }  # fmt: skip
