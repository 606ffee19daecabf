"""The real run of one recipe on all rows of a file: no comparison, no verdict; what ``hasei derive`` runs.

>>> order(read_steps("lora"), "tickets.csv", task="text_classification", out="runs/lora")  # doctest: +SKIP
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hasei.derive.beside import Beside, refuse_lacking, with_beside
from hasei.derive.corpora import opened_over, with_entries
from hasei.derive.derived import DerivedModel
from hasei.derive.recipe import Recipe, Step, check_chain, read_steps
from hasei.derive.run import as_held, context_of, refuse_conflict, run
from hasei.derive.scored_rows import without_scored
from hasei.engine.derivation import space_of
from hasei.engine.readings import reading_of
from hasei.engine.trunk import Trunk
from hasei.ground.errors import Stopped
from hasei.ground.events import Watch
from hasei.ground.files import refuse_unwritable
from hasei.ground.language import _
from hasei.inputs import data as rooms
from hasei.inputs.base import DEFAULT, Base
from hasei.inputs.data.dataset import Dataset
from hasei.tasks import Task, arranged, gathered, open_task


def order(
    steps: Sequence[Step], data: str | Path, *, task: str, out: str | Path, corpus: str | Path | None = None,
    base: str | Path = DEFAULT, bases: Sequence[str | Path] = (), beside: Beside | None = None,
    columns: Mapping[str, str] | None = None, group: str | None = None, where: Sequence[str] = (),
    licence: str = "unknown", licence_override: str = "", seed: int = 0, resume: bool = False, watch: Watch | None = None,
    test: str | Path | None = None, passed: Callable[[DerivedModel], None] | None = None,
) -> DerivedModel:  # fmt: skip
    """Derive a model by *steps* from all rows of the file *data* into the new folder *out*.

    *beside*: what some methods are given beside the rows. *corpus* is the file of the entries that questions are answered from.
    *bases*, in the place of *base*, are several where the first step takes as many. *columns* maps parts of the task to columns
    where they are not to be guessed. *licence* is that of the rows; where it
    conflicts with the base's, *licence_override* must hold the reason to go on, and is kept in the lineage. Rows that also stand
    in the file *test* are left out; *passed* is called with the model of each step before the last. With *resume*
    a training that was stopped goes on. Raises the classes of :mod:`hasei.ground.errors`; nothing is left under *out*
    when it does.
    """
    place, watch = Path(out), watch or Watch()
    refuse_unwritable(place)
    check_chain(steps)
    work = place.with_name(f".{place.name}.work")
    if not resume:
        shutil.rmtree(work, ignore_errors=True)
    watch.report("reading", str(data))
    learnt, rows = _rows(
        Path(data), open_task(task), dict(columns or {}), group, where, licence, watch, corpus, beside or Beside(),
        test,
    )  # fmt: skip
    rows = replace(rows, licence_override=licence_override)
    for step in steps:
        refuse_lacking(step.name, step.plugin, rows)
    space = space_of(steps[0].plugin, learnt, rows.targets, Path(base))
    trunks = _trunks(learnt, steps, bases or (base,), watch)
    _refuse_impossible(learnt, steps, trunks)
    refuse_conflict(trunks[0].base if trunks else None, rows, *(trunk.base for trunk in trunks[1:]))
    hashes = tuple(trunk.base.content_hash for trunk in trunks)
    identity = {"fingerprint": rows.fingerprint, "columns": rows.mapping.columns}
    recipe = Recipe(hashes, learnt.name, identity, tuple(steps))
    context = context_of(learnt, space, rows, trunks, seed=seed, watch=watch, scratch=work / "checkpoints")
    watch.report(
        "deriving", _("{name} on {rows} rows", name=", ".join(step.label for step in steps), rows=f"{len(rows):,}")
    )
    try:
        model = run(recipe, context, rows, place, passed=passed)
    except Stopped:
        raise
    except BaseException:
        if not any(work.rglob("*.safetensors")):
            shutil.rmtree(work, ignore_errors=True)
        raise
    shutil.rmtree(work, ignore_errors=True)
    return model


def _rows(
    path: Path, task: Task, chosen: dict[str, str], group: str | None, where: Sequence[str], licence: str, watch: Watch,
    corpus: str | Path | None, beside: Beside, test: str | Path | None = None,
) -> tuple[Task, Dataset]:  # fmt: skip
    """Read all rows for training but those of *test*, and the task with its entries; nothing else is held out."""
    table = arranged(task, rooms.read(path, where=list(where) or None))
    mapping = rooms.guess(table, task.columns, chosen)
    task = opened_over(task, [table], mapping, corpus)
    others = [] if test is None else [arranged(task, rooms.read(Path(test)))]
    (table, *others), group = gathered(task, [table, *others], mapping, group)
    table, dropped, judged = without_scored(table, others[0] if others else None, mapping, task, group)
    data = rooms.assemble(
        table, mapping, columns=task.columns, clean=task.clean, group=group, licence=licence, select_share=0.0,
        confirm_share=0.0, extras=beside.columns,
    )  # fmt: skip
    watch.report("columns", ", ".join(f"'{column}' as {part}" for part, column in mapping.columns.items()))
    for finding in (*dropped, *data.findings):
        watch.report("finding", finding.message)
    return task, with_beside(with_entries(data, task), task, beside, judged)


def _refuse_impossible(task: Task, steps: Sequence[Step], trunks: Sequence[Trunk]) -> None:
    """Raise NotSupported where a step can't be for *task* or this base: of a chain before its first step is run."""
    for step in steps:
        step.plugin.SUPPORTS.refuse(step.name, task)
        check = getattr(step.plugin, "check", None)
        if check is not None and trunks:
            check(step.params, trunks[0].layers)


def _trunks(task: Task, steps: Sequence[Step], bases: Sequence[str | Path], watch: Watch) -> tuple[Trunk, ...]:
    if not any(step.plugin.SUPPORTS.bases for step in steps):
        return ()
    opened = [as_held(Base.open(base), steps[0]) for base in bases]
    trunks = []
    for base in opened:
        watch.report("base", _("opening the base {name}", name=base.name))
        trunks.append(reading_of(task).open(base))
    return tuple(trunks)


__all__ = ["order", "read_steps"]
