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

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Facts, Settings, Supports
from hasei.formats._ensemble import EnsemblePredictor, join
from hasei.ground import plugins
from hasei.ground.errors import NotSupported
from hasei.ground.language import _
from hasei.ground.settings import build
from hasei.inputs.data.dataset import Input
from hasei.tasks import Floats

SUPPORTS = Supports(inputs=("text", "image"), targets=("category", "categories", "number"))
_HOW = {"category": "probabilities", "categories": "odds", "number": "mean"}

Member: TypeAlias = str | dict[str, dict[str, Any]]


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


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("which models are worth joining shows when each has been tried alone: name its members")


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row: those of all members."""
    found = 0.0
    for _name, plugin, settings in _members(params):
        of_one = getattr(plugin, "effort", None)
        found += of_one(settings, facts) if of_one else 0.0
    return found


def check(params: Params, layers: int) -> None:
    """Raise NotSupported where a member can't be derived from a base of *layers* layers."""
    for _name, plugin, settings in _members(params):
        of_one = getattr(plugin, "check", None)
        if of_one:
            of_one(settings, layers)


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
    found = []
    for member in params.members:
        name, given = next(iter(member.items())) if isinstance(member, Mapping) else (member, {})
        if name == "ensemble":
            raise NotSupported("an ensemble can't be a member of another", do="name its members here")
        plugin: Any = plugins.load("baselines" if name in plugins.names("baselines") else "methods", name)
        found.append((name, plugin, build(plugin.Params, given or {}, f"method '{name}'")))
    return found
