"""A finished model on labelled rows: every metric of its task with its interval, and what it does with rows out of scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hasei.derive.derived import DerivedModel, open_model
from hasei.ground import lineage
from hasei.ground.events import Watch
from hasei.ground.statistics import Interval
from hasei.inputs import data as rooms
from hasei.inputs.data.dataset import Dataset
from hasei.judge.evaluation import score
from hasei.judge.out_of_scope import OutOfScope, measure
from hasei.tasks import arranged, gathered, over
from hasei.tasks._known import as_known
from hasei.tasks._scope import as_read

DRAWS = 500


def labelled_rows(
    model: DerivedModel, file: Path, given: Mapping[str, str], where: Sequence[str] = (), group: str | None = None
) -> Dataset:
    """Read labelled rows; all are for scoring. Columns as *given*, else those that *model* was derived from, else guessed.

    Rows of one *group*, where the file has that column, are one case.
    """
    table = arranged(model.task, rooms.read(file, where=list(where) or None))
    known = {name.strip(): name for name in table.columns}
    learnt = model.identity["data"].get("columns", {})
    chosen = {part: known[name.strip()] for part, name in learnt.items() if name.strip() in known} | dict(given)
    mapping = rooms.guess(table, model.task.columns, chosen)
    task = over(model.task, getattr(model.predictor, "corpus", None))
    (table,), group = gathered(task, [table], mapping, group if group in table.columns else None)
    return rooms.assemble(
        table, mapping, group=group, columns=task.columns, select_share=0.0, confirm_share=1.0,
        clean=lambda targets: as_known(task, model.space, targets),
    )  # fmt: skip


def scores_of(
    model: DerivedModel, data: Dataset, watch: Watch | None = None
) -> tuple[dict[str, Interval], OutOfScope | None]:
    """Return every metric of the task on *data*, and what *model* does with rows out of scope where it knows any."""
    watch = watch or Watch()
    watch.report("answering", f"{len(data):,} rows")
    outputs = model.outputs(data.inputs, watch)
    answers = model.task.answers(model.space, outputs)
    truth = model.task.truth(data.targets)
    watch.report("scoring", f"{len(model.task.metrics)} metrics")
    found = {
        name: score(metric, answers.values, truth, data.units, draws=DRAWS)
        for name, metric in model.task.metrics.items()
    }
    read = as_read(model.space, outputs)
    return found, measure(model.space, read, answers.values, truth, data.units, draws=DRAWS)


def keep_scores(model: DerivedModel, data: Dataset, watch: Watch | None = None) -> dict[str, Any]:
    """Return every metric of *model* on *data*, and keep it in the record of its ``hasei.json``; what is kept is not done again.

    The scores are of the folder loaded back. Rows with a label that the model does not know count as answered wrongly.
    """
    kept: dict[str, Any] | None = lineage.read(model.folder)["record"].get("scores")
    if kept is not None and kept["fingerprint"] == data.fingerprint:
        return kept
    found, scope = scores_of(open_model(model.folder, model.base), data, watch)
    scores = {
        "fingerprint": data.fingerprint, "rows": len(data), "units": len(set(data.units)),
        "unknown_labels": int((~model.task.knows(model.space, data.targets)).sum()),
        "metrics": {
            name: {"value": i.value, "low": i.low, "high": i.high, "too_few": i.too_few} for name, i in found.items()
        },
        **({"out_of_scope": scope.to_json()} if scope else {}),
    }  # fmt: skip
    lineage.update_record(model.folder, model.record | {"scores": scores})
    return scores


__all__ = ["keep_scores", "labelled_rows", "scores_of"]
