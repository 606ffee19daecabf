"""A recipe and a seed become a derived model on disk. The only place that calls a method."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hasei.derive import probe as probes
from hasei.derive.beside import also_of
from hasei.derive.derived import DerivedModel, space_to_json, write_model
from hasei.derive.recipe import Recipe, Step, check_chain
from hasei.engine.derivation import Context, Derivation
from hasei.engine.parity import nearness
from hasei.engine.ragged import finite
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


def as_held(base: Base, step: Step) -> Base:
    """Return *base* as *step* has it held in memory, where its plug-in has a way of its own (``holds(params)``)."""
    holds = getattr(step.plugin, "holds", None)
    return base if holds is None else replace(base, quantisation=holds(step.params))


def run_step(step: Step, context: Context) -> Ran:
    """Derive *step*; raises what the method raises, RunFailed when its outputs are not finite."""
    step.plugin.SUPPORTS.refuse(step.name, context.task)
    _refuse_bases(step, context)
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


def _refuse_bases(step: Step, context: Context) -> None:
    """Raise NotSupported where *step* is given more bases than it takes."""
    most, given = step.plugin.SUPPORTS.bases, len(context.trunks)
    if 1 <= most < given:
        raise NotSupported(
            f"'{step.name}' derives from one base" if most == 1 else f"'{step.name}' takes at most {most} bases",
            received=f"{given} bases", do="give one --base, or merge them first",
        )  # fmt: skip


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
    bases = [trunk.base for trunk in context.trunks] if step.plugin.SUPPORTS.bases else []
    bases += ran.derivation.opened
    base = bases[0] if bases else None
    refuse_conflict(base, data, *bases[1:])
    identity = _identity(ran, step, recipe, context, data, bases)
    model = write_model(folder, ran.derivation, identity, base, record)
    sample = context.inputs[:_PARITY_ROWS]
    before, after = ran.derivation.predictor.outputs(sample), model.outputs(sample)
    near = nearness(context.task, context.space, before, after)
    if not near.equal:
        raise RunFailed(
            f"the folder of '{step.name}' does not answer as the model in memory did",
            expected="the same answers and outputs",
            received=f"{len(near.disagreeing)} other answers, a difference of {near.apart:.2g}",
        )
    plain = context.trunk.model if bases else None
    model.record.update(probes.take(model, ran.derivation.predictor, plain))
    lineage.update_record(model.folder, model.record)
    return model


def refuse_conflict(base: Base | None, data: Dataset, *others: Base) -> licence.Outcome:
    """Return what a model of *base* (and *others*) and *data* may be released as; a conflict needs ``licence_override``.

    Raises UserError, naming both licences, where they conflict and no reason to pass over it is given.
    """
    with speaking(ENGLISH):  # as all errors
        bases = [*([base] if base else []), *others]
        found = licence.outcome(*(one.licence for one in bases), data.licence)
    if found.conflict and not data.licence_override.strip():
        of_base = "".join(f"the base '{one.name}' (licence {one.licence}) and " for one in bases)
        raise UserError(
            f"a model derived from {of_base}these rows (licence {data.licence}) may not be released: {found.conflict}",
            do="use another base or other rows, or give --licence-override with the reason why it is allowed here",
        )
    return found


def _identity(
    ran: Ran, step: Step, recipe: Recipe, context: Context, data: Dataset, bases: Sequence[Base]
) -> lineage.Identity:
    frozen = replace(step, params=ran.derivation.frozen)
    found = licence.outcome(*(base.licence for base in bases), data.licence)
    return lineage.Identity(
        format=ran.derivation.format, task=context.task.name, space=space_to_json(context.space),
        steps=[*(s.to_json() for s in recipe.steps[:-1]), frozen.to_json()], recipe_id=recipe.recipe_id,
        trial_id=recipe.trial_id(context.seed), seed=context.seed, parents=[b.to_lineage() for b in bases],
        data={
            "fingerprint": data.fingerprint, "rows": len(context.inputs), "licence": data.licence,
            "columns": data.mapping.columns, **_seen(context, bases),
        },
        licence=found.expression, environment=lineage.environment(), trained=list(ran.derivation.trained),
        licence_override=data.licence_override if found.conflict else "",
    )  # fmt: skip


def _seen(context: Context, bases: Sequence[Base]) -> dict[str, Any]:
    """Return the sketch of the rows learned from and those that bases and their parents were derived from; the entries."""
    sketch = Sketch.of(map(normalise, context.inputs)).to_json()
    others: list[list[Any]] = []
    for name, stated in (pair for base in bases for pair in base.sketches):
        if stated != sketch and [name, stated] not in others:
            others.append([name, stated])
    corpus = corpus_of(context.task)
    entries = {"corpus": {"entries": len(corpus), "content_hash": corpus.content_hash}} if corpus is not None else {}
    return {"sketch": sketch, **({"inherited": others} if others else {}), **entries}


def _as_a_base(step: Step, context: Context) -> Step:
    """Return *step* so that it leaves a whole base to the next one, where its plug-in has a way of its own for that."""
    own: Any = getattr(step.plugin, "as_a_base", None)
    return step if own is None else replace(step, params=own(step.params, context))


def run(
    recipe: Recipe, context: Context, data: Dataset, folder: Path, *, record: dict[str, Any] | None = None,
    passed: Callable[[DerivedModel], None] | None = None,
) -> DerivedModel:  # fmt: skip
    """Run all steps of *recipe*; each step's folder is the base of the next. Finished steps are not run again.

    Folders of the steps before the last stand beside *folder* as ``NAME.step-1`` and so on. *passed* is called with the model of
    each of these, before the next is run; of finished ones too.
    """
    check_chain(recipe.steps)
    model: DerivedModel | None = None
    for number, step in enumerate(recipe.steps, 1):
        last = number == len(recipe.steps)
        place = folder if last else folder.with_name(f"{folder.name}.step-{number}")
        part = replace(recipe, steps=recipe.steps[:number])
        if model is not None:
            opened = reading_of(context.task).open(as_held(Base.open(model.folder), step), context.trunk.store)
            context = replace(context, trunks=(opened,))
        if not last and place.exists():
            from hasei.derive.derived import open_model

            model = open_model(place)
            if model.identity["trial_id"] == part.trial_id(context.seed):
                if passed is not None:
                    passed(model)
                continue
        ran = run_step(step if last else _as_a_base(step, context), context)
        told = {"train_seconds": ran.seconds} | ({"curve": list(ran.derivation.curve)} if ran.derivation.curve else {})
        model = write(ran, step, part, context, data, place, (record or {}) | told)
        if passed is not None and not last:
            passed(model)
    if model is None:
        raise RunFailed("a recipe without steps was run")
    return model
