"""Several derivations from the same rows whose answers are joined: what one gets wrong by chance, the others put right.

By ``vote`` numbers are joined by their mean, classes by the mean of their probabilities (a soft vote); all members count the
same, so nothing is fitted that could flatter. By ``stacking`` a small head is solved over the members' outputs for rows that
they were not derived from: each fold of the train rows is answered by members of the other folds. The cost of an answer is
the sum of the members'; in training stacking costs as many times more as there are folds.

Source: Dietterich 2000, "Ensemble methods in machine learning"; soft vote: Lakshminarayanan et al. 2017, "Simple and
scalable predictive uncertainty estimation using deep ensembles"; stacking: Wolpert 1992, "Stacked generalization".
Trains: what its members train, each on its own; with stacking a head (w x m w weights, w biases).
Shapes: outputs of members (m, n, w) -> (n, w).
Relations: ``feature_extraction`` by two poolings of the same base is what it joins where no members are named; with
``lexical_linear`` and a tuned base as members it knows words and meanings.

>>> hasei.study("pairs.csv", methods=[{"ensemble": {"members": ["pair_regression", "cosine_tuning"]}}])  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Facts, Settings, Supports
from hasei.formats._ensemble import EnsemblePredictor
from hasei.ground.language import _
from hasei.inputs.data.dataset import Input
from hasei.methods._members import Member, check_members, effort_of, members_of
from hasei.methods._stacking import stacked
from hasei.tasks import Floats

SUPPORTS = Supports(inputs=("text", "image"), targets=("category", "categories", "number"))
LEAVES = "several models"
_HOW = {"category": "probabilities", "categories": "odds", "number": "mean"}


class Params(Settings):
    """Settings. Each of *members* is the name of a method or a cheap truth, or its name with settings, as under ``recipes``.

    What joins best errs in other places: a lexical model and the base. Classes are joined by probabilities, so that each member's
    outputs should be such (a support vector machine's are not). *join*: ``vote`` or ``stacking``, which has *folds* and the
    strength *l2* of its head (None: chosen on the train rows).
    """

    members: tuple[Member, ...] = Field(
        ({"feature_extraction": {"pooling": "mean"}}, {"feature_extraction": {"pooling": "max"}}),
        min_length=2,
        max_length=16,
    )
    join: Literal["vote", "stacking"] = "vote"
    folds: int = Field(5, ge=2, le=20)
    l2: float | None = Field(None, gt=0, le=1e3)

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # a study keys its trials by it, and settings inside settings have no hash


def proposals(facts: Facts) -> list[Params]:
    """None: which members are worth joining shows when they have been tried alone."""
    return []


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("which models are worth joining shows when each has been tried alone: name its members")


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row: those of all members, in every fold of stacking and once on all rows."""
    return effort_of(_members(params), facts) * (params.folds if params.join == "stacking" else 1)


def check(params: Params, layers: int) -> None:
    """Raise NotSupported where a member can't be derived from a base of *layers* layers."""
    check_members(_members(params), layers)


def derive(context: Context, params: Params) -> Derivation:
    """Derive every member; raises NotSupported where one can't be used for the task."""
    SUPPORTS.refuse("ensemble", context.task)
    done: list[tuple[str, Any, Derivation]] = []
    for name, plugin, settings in _members(params):
        plugin.SUPPORTS.refuse(name, context.task)
        done.append((name, plugin, plugin.derive(context, settings)))
    how, head = _HOW[context.task.target_kind], None
    changes: dict[str, Any] = {"members": tuple({name: one.frozen.model_dump(mode="json")} for name, _, one in done)}
    if params.join == "stacking":
        members = [(plugin, one.frozen) for _, plugin, one in done]
        weight, bias, changes["l2"] = stacked(context, members, how, params.folds, params.l2)
        head = weight, bias
    predictor = EnsemblePredictor(tuple((one.format, one.predictor) for *_, one in done), how, head)
    quick = [one.from_store or one.predictor.outputs for *_, one in done]

    def from_store(inputs: Sequence[Input]) -> Floats:
        return predictor.joined([one(inputs) for one in quick])

    trained = [f"member-{i}.{n}" for i, (*_, one) in enumerate(done, 1) for n in one.trained]
    trained += [] if head is None else ["stacking.weight", "stacking.bias"]
    size = sum(one.trainable_parameters for *_, one in done) + (0 if head is None else head[0].size + head[1].size)
    return Derivation(
        predictor, "joined", params.model_copy(update=changes), trainable_parameters=size, trained=tuple(trained),
        from_store=from_store,
    )  # fmt: skip


def _members(params: Params) -> list[tuple[str, Any, Settings]]:
    """Return (name, plug-in, settings) of every member; raises RecipeError for an unknown name or setting."""
    return members_of(params.members, {"ensemble": "an ensemble can't be a member of another"})
