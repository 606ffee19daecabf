"""A model folder answered again as it will run, and held against what was evaluated.

It is loaded back by its own format's loader, tokenizer and truncation included, and, where its card names a library that knows
nothing of hasei, by that library too. The rows are those that the folder keeps of itself (:mod:`hasei.derive.probe`) and, with a
file of rows, those: they are held against the scores that the study kept (``predictions.parquet`` beside the folder), row by row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from hasei.derive import probe as probes
from hasei.derive.derived import DerivedModel, open_model
from hasei.derive.facts import facts_of, labels_in
from hasei.engine.ragged import finite, ragged
from hasei.ground import lineage, plugins
from hasei.ground.errors import HaseiError
from hasei.ground.events import Watch
from hasei.ground.language import _
from hasei.inputs.data.dataset import Dataset, Input
from hasei.judge.parity.causes import diagnose
from hasei.judge.parity.gate import Parity, parity
from hasei.tasks import Array, Space

HERE = "hasei"


@dataclass(frozen=True)
class Look:
    """One comparison: *rows* say which rows were asked, *runtime* who answered; *found* is None where it could not: *why*."""

    rows: str
    runtime: str
    found: Parity | None
    why: str = ""

    @property
    def passes(self) -> bool:
        """Whether it answers as what was evaluated did."""
        return self.found is not None and self.found.passes

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain JSON."""
        return {"rows": self.rows, "runtime": self.runtime, "why": self.why or None,
                "parity": None if self.found is None else self.found.to_json()}  # fmt: skip


@dataclass(frozen=True)
class Verified:
    """What was found in *folder*: *differences* of its files from their hashes, *causes* by name, *looks* at its answers.

    *broken*: the step of the chain whose folder broke it, where these stand beside; *answers*: rows that it answered.
    """

    folder: Path
    differences: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    looks: tuple[Look, ...] = ()
    broken: str = ""
    answers: int | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def passes(self) -> bool:
        """Whether the folder is what was evaluated."""
        return not self.differences and not self.causes and all(look.passes for look in self.looks)

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain JSON."""
        return {
            "schema": 1, "folder": self.folder.as_posix(), "passes": self.passes, "differences": list(self.differences),
            "causes": list(self.causes), "looks": [look.to_json() for look in self.looks], "broken": self.broken or None,
            "answers": self.answers, "notes": list(self.notes),
        }  # fmt: skip


def verify(folder: str | Path, base: str = "", data: Dataset | None = None, watch: Watch | None = None) -> Verified:
    """Return whether the model in *folder* is what was evaluated, by its files, its facts and its answers.

    *base* replaces the parent where an adapter needs another copy of it; *data*: rows to ask beside those that the folder keeps,
    read by :func:`hasei.judge.scored.labelled_rows`. A folder that can't be opened at all is a result, not an error; one that is
    no model of hasei's raises BaseError.
    """
    place = Path(folder)
    place = (
        place / "model"
        if not (place / lineage.FILE).is_file() and (place / "model" / lineage.FILE).is_file()
        else place
    )
    found = _one(place, base, data, watch or Watch())
    return found if found.passes else replace(found, broken=_broken_step(found, base))


def _one(place: Path, base: str, data: Dataset | None, watch: Watch) -> Verified:
    differences = tuple(lineage.differences(place))
    model = open_model(place, base)
    try:
        model.predictor  # noqa: B018 - loads it
    except HaseiError as error:
        return Verified(place, differences, (str(error),))
    if not probes.asks_nobody(model.predictor):
        return Verified(
            place, differences, notes=(_("it is asked elsewhere, for money: its answers are not compared"),)
        )
    kept = probes.read(model)
    causes = tuple(diagnose(kept.facts, facts_of(model))) if kept else ()
    looks, notes = [], [] if kept else [_("it keeps no outputs of its own: only what it says now can be compared")]
    answered = 0
    if kept is not None:
        looks += _looks(model, _("its own"), kept.inputs, kept.outputs, lossless=kept.lossless, watch=watch)
        answered += len(kept.inputs)
    if data is not None:
        more, note = _on_rows(model, data, watch)
        looks += more
        notes += note
        answered += len(data)
    if kept is None and data is None:
        inputs = probes.probe_inputs(model.task)
        looks += _looks(model, _("its own"), inputs, None, lossless=True, watch=watch)
        answered += len(inputs)
    return Verified(place, differences, causes, tuple(looks), "", answered, tuple(notes))


def _looks(
    model: DerivedModel, rows: str, inputs: Sequence[Input], before: Array | None, *, lossless: bool, watch: Watch,
    truth: Sequence[Any] | None = None, units: Sequence[str] | None = None,
) -> list[Look]:  # fmt: skip
    """Answer *inputs* by hasei and by the card's own library, and hold both against *before* (hasei's own where None)."""
    stated = said(model)
    try:
        here = model.outputs(inputs, watch)
    except (HaseiError, RuntimeError, ValueError, IndexError, KeyError) as error:
        return [Look(rows, HERE, None, _("it can't answer: {why}", why=_line(error)))]
    known = before if before is not None else here
    if not finite(known):
        return [Look(rows, HERE, None, _("outputs are not numbers"))]
    first = parity(model.task, model.space, known, here, lossless=lossless, said=stated, truth=truth, units=units)
    looks = [Look(rows, HERE, first)]
    form: Any = plugins.load("formats", model.identity["format"])
    if hasattr(form, "elsewhere"):
        looks += _elsewhere(model, form, rows, inputs, known, stated, lossless=lossless)
    return looks


def _elsewhere(
    model: DerivedModel, form: Any, rows: str, inputs: Sequence[Input], known: Array, stated: Space, *, lossless: bool
) -> list[Look]:
    """Hold what the card's library says of *inputs* against what is *known*."""
    try:
        there = form.elsewhere(model.folder, inputs, model.open_base)
    except Exception as error:  # whatever a library raises on a broken folder is the finding
        return [Look(rows, form.LIBRARY, None, _("it can't answer: {why}", why=_line(error)))]
    if there is None:
        return []
    if model.task.target_kind == "text":  # texts alone: how sure of them a model is, libraries do not say
        there = ragged([[text, row[1]] for text, row in zip(there, known, strict=True)])
    return [Look(rows, form.LIBRARY, parity(model.task, model.space, known, there, lossless=lossless, said=stated))]


def said(model: DerivedModel) -> Space:
    """Return the space of *model* with the labels that lie beside it, in their order: what others than hasei go by."""
    beside = labels_in(model.folder)
    return model.space if beside is None or not model.space.names else replace(model.space, names=beside)


def _on_rows(model: DerivedModel, data: Dataset, watch: Watch) -> tuple[list[Look], list[str]]:
    """Ask the rows of the user's file; those that the study confirmed with are held against the scores that it kept."""
    truth = model.task.truth(data.targets)
    kept = _kept_scores(model, data)
    if kept is None:
        why = _("none of these rows has a score kept by the study: libraries are compared with each other")
        return _looks(
            model, _("of the file"), data.inputs, None, lossless=True, watch=watch, truth=truth, units=data.units
        ), [why]
    rows, before = kept
    inputs = [data.inputs[i] for i in rows]
    looks = _looks(
        model, _("of the study"), inputs, before, lossless=True, watch=watch, truth=[truth[i] for i in rows],
        units=[data.units[i] for i in rows],
    )  # fmt: skip
    return looks, []


def _kept_scores(model: DerivedModel, data: Dataset) -> tuple[list[int], Array] | None:
    """Return the rows of *data* that the study beside the folder confirmed with, and their scores (n, w); None without any."""
    from hasei.judge import kept

    path = model.folder.parent / kept.FILE
    if not path.is_file():
        return None
    found = kept.confirmed_scores(path)
    rows = [i for i, key in enumerate(data.row_hashes) if key in found]
    if not rows:
        return None
    return rows, np.stack([found[data.row_hashes[i]] for i in rows])


def _broken_step(found: Verified, base: str) -> str:
    """Return the name of the first step whose folder is broken; "" where no folders of steps stand beside."""
    folders = sorted(
        (p for p in found.folder.parent.glob(f"{found.folder.name}.step-*") if re.search(r"\.step-\d+$", p.name)),
        key=lambda p: int(p.name.rpartition("-")[2]),
    )
    if not folders:
        return ""
    for folder in folders:
        if not _one(folder, base, None, Watch()).passes:
            return _step_of(folder)
    return _step_of(found.folder)


def _step_of(folder: Path) -> str:
    steps = lineage.read(folder)["identity"]["steps"]
    return f"{len(steps)}: {steps[-1]['name']} ('{folder.name}')"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
