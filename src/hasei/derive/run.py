"""A recipe and a seed become a derived model on disk. The only place that calls a method."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hasei.derive.beside import also_of
from hasei.derive.derived import DerivedModel, largest_difference, space_to_json, write_model
from hasei.derive.recipe import Recipe, Step, check_chain
from hasei.engine.derivation import Context, Derivation
from hasei.engine.ragged import finite, is_ragged
from hasei.engine.readings import reading_of
from hasei.engine.trunk import Trunk
from hasei.ground import licence, lineage
from hasei.ground.errors import NotSupported, RunFailed, UserError
from hasei.ground.events import Watch
from hasei.ground.language import ENGLISH, speaking
from hasei.ground.sketch import Sketch
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Dataset
from hasei.inputs.data.roles import normalise
from hasei.tasks import Space, Task, corpus_of

_PARITY_ROWS = 64


@dataclass(frozen=True)
class Ran:
    """A derivation in memory with the time it took (seconds)."""

    derivation: Derivation
    seconds: float


def context_of(
    task: Task, space: Space, data: Dataset, trunks: Sequence[Trunk], *, seed: int = 0, watch: Watch | None = None,
    scratch: Path | None = None,
) -> Context:  # fmt: skip
    """Return the context in which a step is derived from the rows of *data*."""
    return Context(
        task=task, space=space, inputs=data.inputs, targets=task.encode(space, data.targets), truth=task.truth(data.targets),
        units=data.units, seed=seed, trunks=tuple(trunks), watch=watch or Watch(), scratch=scratch,
        unlabeled=data.unlabeled, stages=tuple(data.extras[data.stage]) if data.stage else (), also=also_of(data),
    )  # fmt: skip


def run_step(step: Step, context: Context) -> Ran:
    """Derive *step*; raises what the method raises, RunFailed when its outputs are not finite."""
    step.plugin.SUPPORTS.refuse(step.name, context.task)
    own = getattr(context.trunk.model, "formats", None) if step.plugin.SUPPORTS.bases else None
    if own is not None:
        _written(reading_of(context.task).format, own, context)
    start = time.perf_counter()
    derivation = step.plugin.derive(context, step.params)
    seconds = time.perf_counter() - start
    if own is not None:
        derivation = replace(derivation, format=_written(derivation.format, own, context))
    sample = derivation.predictor.outputs(context.inputs[:4])
    if not finite(sample):
        raise RunFailed(f"'{step.name}' gives outputs that are not numbers", do="lower the learning rate")
    return Ran(derivation, seconds)


def _written(form: str, own: Mapping[str, str], context: Context) -> str:
    """Return the format in which models of a base with formats of its *own* are written where others are of *form*."""
    if form not in own:
        raise NotSupported(
            f"a model of the architecture of '{context.trunk.base.name}' can't be written for this",
            expected=f"one that is otherwise written as {' or '.join(own)}", received=form, do="use another method or base",
        )  # fmt: skip
    return own[form]


def write(
    ran: Ran, step: Step, recipe: Recipe, context: Context, data: Dataset, folder: Path, record: dict[str, Any]
) -> DerivedModel:
    """Write *ran* to *folder*, load it back and compare it with what was in memory; a difference removes nothing but raises.

    Raises RunFailed when the folder does not reproduce the outputs of the model in memory, and before anything is
    written UserError where the licences conflict (see :func:`refuse_conflict`).
    """
    base = context.trunk.base if step.plugin.SUPPORTS.bases else None
    refuse_conflict(base, data)
    identity = _identity(ran, step, recipe, context, data, base)
    model = write_model(folder, ran.derivation, identity, base, record)
    sample = context.inputs[:_PARITY_ROWS]
    before, after = ran.derivation.predictor.outputs(sample), model.outputs(sample)
    largest = 0.0 if is_ragged(before) else float(np.abs(before).max(initial=0.0))
    if largest_difference(before, after) > 1e-4 * max(1.0, largest):
        raise RunFailed(
            f"the folder of '{step.name}' does not answer as the model in memory did",
            expected="equal outputs", received=f"a difference of {largest_difference(before, after):.2g}",
        )  # fmt: skip
    return model


def refuse_conflict(base: Base | None, data: Dataset) -> licence.Outcome:
    """Return what a model of *base* and *data* may be released as; a conflict needs the data's ``licence_override``.

    Raises UserError, naming both licences, where they conflict and no reason to pass over it is given.
    """
    with speaking(ENGLISH):  # as all errors
        found = licence.outcome(*([base.licence] if base else []), data.licence)
    if found.conflict and not data.licence_override.strip():
        of_base = f"the base '{base.name}' (licence {base.licence}) and " if base else ""
        raise UserError(
            f"a model derived from {of_base}these rows (licence {data.licence}) may not be released: {found.conflict}",
            do="use another base or other rows, or give --licence-override with the reason why it is allowed here",
        )
    return found


def _identity(
    ran: Ran, step: Step, recipe: Recipe, context: Context, data: Dataset, base: Base | None
) -> lineage.Identity:
    frozen = replace(step, params=ran.derivation.frozen)
    found = licence.outcome(*([base.licence] if base else []), data.licence)
    return lineage.Identity(
        format=ran.derivation.format, task=context.task.name, space=space_to_json(context.space),
        steps=[*(s.to_json() for s in recipe.steps[:-1]), frozen.to_json()], recipe_id=recipe.recipe_id,
        trial_id=recipe.trial_id(context.seed), seed=context.seed, parents=[base.to_lineage()] if base else [],
        data={
            "fingerprint": data.fingerprint, "rows": len(context.inputs), "licence": data.licence,
            "columns": data.mapping.columns, **_seen(context, base),
        },
        licence=found.expression, environment=lineage.environment(), trained=list(ran.derivation.trained),
        licence_override=data.licence_override if found.conflict else "",
    )  # fmt: skip


def _seen(context: Context, base: Base | None) -> dict[str, Any]:
    """Return the sketch of the rows learned from and those that the base and its parents were derived from; the entries."""
    sketch = Sketch.of(map(normalise, context.inputs)).to_json()
    others = [[name, stated] for name, stated in (base.sketches if base else ()) if stated != sketch]
    corpus = corpus_of(context.task)
    entries = {"corpus": {"entries": len(corpus), "content_hash": corpus.content_hash}} if corpus is not None else {}
    return {"sketch": sketch, **({"inherited": others} if others else {}), **entries}


def run(
    recipe: Recipe, context: Context, data: Dataset, folder: Path, *, record: dict[str, Any] | None = None
) -> DerivedModel:
    """Run all steps of *recipe*; each step's folder is the base of the next. Finished steps are not run again.

    Folders of the steps before the last stand beside *folder* as ``NAME.step-1`` and so on.
    """
    check_chain(recipe.steps)
    model: DerivedModel | None = None
    for number, step in enumerate(recipe.steps, 1):
        last = number == len(recipe.steps)
        place = folder if last else folder.with_name(f"{folder.name}.step-{number}")
        part = replace(recipe, steps=recipe.steps[:number])
        if model is not None:
            opened = reading_of(context.task).open(Base.open(model.folder), context.trunk.store)
            context = replace(context, trunks=(opened,))
        if not last and place.exists():
            from hasei.derive.derived import open_model

            model = open_model(place)
            if model.identity["trial_id"] == part.trial_id(context.seed):
                continue
        ran = run_step(step, context)
        model = write(ran, step, part, context, data, place, (record or {}) | {"train_seconds": ran.seconds})
    if model is None:
        raise RunFailed("a recipe without steps was run")
    return model
