"""Several derivations from the same rows whose answers are joined: what one gets wrong by chance, the others put right.

Numbers are joined by their mean, classes by the mean of their probabilities (a soft vote); all members count the same, so
nothing is fitted that could flatter. Its cost is the sum of theirs, in training and in every answer.

Source: Dietterich 2000, "Ensemble methods in machine learning"; soft vote: Lakshminarayanan et al. 2017, "Simple and
scalable predictive uncertainty estimation using deep ensembles".
Trains: what its members train, each on its own.
Shapes: outputs of members (m, n, w) -> (n, w).
Relations: ``feature_extraction`` by two poolings of the same base is what it joins where no members are named; with
``lexical_linear`` and a tuned base as members it knows words and meanings.

>>> hasei.study("pairs.csv", methods=[{"ensemble": {"members": ["pair_regression", "cosine_tuning"]}}])  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Facts, Settings, Supports
from hasei.formats._ensemble import EnsemblePredictor, join
from hasei.inputs.data.dataset import Input
from hasei.methods._members import Member, check_members, effort_of, members_of
from hasei.tasks import Floats

SUPPORTS = Supports(inputs=("text", "image"), targets=("category", "categories", "number"))
_HOW = {"category": "probabilities", "categories": "odds", "number": "mean"}


class Params(Settings):
    """Settings. Each of *members* is the name of a method or a cheap truth, or its name with settings, as under ``recipes``.

    What joins best errs in other places: a lexical model and the base. Classes are joined by probabilities, so that each member's
    outputs should be such (a support vector machine's are not).
    """

    members: tuple[Member, ...] = Field(
        ({"feature_extraction": {"pooling": "mean"}}, {"feature_extraction": {"pooling": "max"}}),
        min_length=2,
        max_length=16,
    )

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # a study keys its trials by it, and settings inside settings have no hash


def proposals(facts: Facts) -> list[Params]:
    """None: which members are worth joining shows when they have been tried alone."""
    return []


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row: those of all members."""
    return effort_of(_members(params), facts)


def check(params: Params, layers: int) -> None:
    """Raise NotSupported where a member can't be derived from a base of *layers* layers."""
    check_members(_members(params), layers)


def derive(context: Context, params: Params) -> Derivation:
    """Derive every member; raises NotSupported where one can't be used for the task."""
    SUPPORTS.refuse("ensemble", context.task)
    done: list[tuple[str, Derivation]] = []
    for name, plugin, settings in _members(params):
        plugin.SUPPORTS.refuse(name, context.task)
        done.append((name, plugin.derive(context, settings)))
    how = _HOW[context.task.target_kind]
    predictor = EnsemblePredictor(tuple((one.format, one.predictor) for _, one in done), how)
    frozen = Params(members=tuple({name: one.frozen.model_dump(mode="json")} for name, one in done))
    quick = [one.from_store or one.predictor.outputs for _, one in done]

    def from_store(inputs: Sequence[Input]) -> Floats:
        return join([one(inputs) for one in quick], how)

    return Derivation(
        predictor, "joined", frozen, trainable_parameters=sum(one.trainable_parameters for _, one in done),
        trained=tuple(f"member-{i}.{n}" for i, (_, one) in enumerate(done, 1) for n in one.trained), from_store=from_store,
    )  # fmt: skip


def _members(params: Params) -> list[tuple[str, Any, Settings]]:
    """Return (name, plug-in, settings) of every member; raises RecipeError for an unknown name or setting."""
    return members_of(params.members, {"ensemble": "an ensemble can't be a member of another"})
