"""A report's own sentences said again in another language, from the answers that the study kept.

Reason, limits, automation, money, licence and the diagnosis of curves follow from ``predictions.parquet`` and from figures of
the report; what the checks wrote about the data, what a finding says to change first, and how energy was measured stay as they
were written.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hasei.ground.errors import DataError
from hasei.ground.language import ENGLISH, speaking
from hasei.ground.licence import outcome
from hasei.judge import kept
from hasei.judge.diagnosis import all_diagnoses
from hasei.judge.ruling import rule


def retold(report: Mapping[str, Any], run: Path, lang: str) -> dict[str, Any]:
    """Return *report*, whose predictions lie in the folder *run*, with its sentences in *lang*; figures never change.

    Where the predictions are not there, or lead to another verdict, the reason stays as it was recorded.
    """
    if report.get("language", ENGLISH) == lang:
        return dict(report)
    with speaking(lang):
        return dict(report) | _licence(report) | _diagnoses(report) | _ruled(report, run)


def _ruled(report: Mapping[str, Any], run: Path) -> dict[str, Any]:
    try:
        case, sheet = kept.read_sheet(run / kept.FILE)
    except DataError:
        return {}
    said = rule(case, sheet).to_json()
    if any(said[key] != report.get(key) for key in ("verdict", "rows_needed", "commitment")):
        return {}
    words = {key: said[key] for key in ("reason", "constraints")}
    for part in ("automation", "money", "out_of_scope"):
        if report.get(part) and said.get(part):
            words[part] = report[part] | {"words": said[part]["words"]}
    if (words.get("automation") or {}).get("money"):
        stated = report["automation"]["money"]
        words["automation"]["money"] = stated | {"words": said["automation"]["money"]["words"]}
    return words


def _licence(report: Mapping[str, Any]) -> dict[str, Any]:
    stated = report.get("licence")
    if not stated:
        return {}
    found = outcome(stated["base"], stated["data"])
    return {"licence": stated | {"words": "; ".join(found.obligations), "conflict": found.conflict}}


def _diagnoses(report: Mapping[str, Any]) -> dict[str, Any]:
    return {"diagnosis": all_diagnoses(report)} if report.get("diagnosis") else {}
