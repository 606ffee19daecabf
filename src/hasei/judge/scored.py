"""A finished model on labelled rows: every metric of its task with its interval, and what it does with rows out of scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hasei.derive.derived import DerivedModel
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


def labelled_rows(model: DerivedModel, file: Path, given: Mapping[str, str], where: Sequence[str] = ()) -> Dataset:
    """Read labelled rows; all are for scoring. Columns as *given*, else those that *model* was derived from, else guessed."""
    table = arranged(model.task, rooms.read(file, where=list(where) or None))
    known = {name.strip(): name for name in table.columns}
    learnt = model.identity["data"].get("columns", {})
    chosen = {part: known[name.strip()] for part, name in learnt.items() if name.strip() in known} | dict(given)
    mapping = rooms.guess(table, model.task.columns, chosen)
    task = over(model.task, getattr(model.predictor, "corpus", None))
    return rooms.assemble(
        gathered(task, [table], mapping)[0][0], mapping, columns=task.columns, select_share=0.0, confirm_share=1.0,
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


__all__ = ["labelled_rows", "scores_of"]
