"""The work of ``merging``: models of members or of bases are checked against each other, merged, and answered by."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, TypeAlias

import torch
from pydantic import Field, field_validator
from torch import nn

from hasei.engine import merging
from hasei.engine.derivation import Context, Derivation, Predictor, Settings
from hasei.engine.merging import Divide, State
from hasei.engine.readings import reading_of
from hasei.engine.reweighted import reweighted
from hasei.engine.splits import inner_split, part
from hasei.engine.trunk import Trunk
from hasei.ground import plugins
from hasei.ground.errors import NotSupported
from hasei.ground.files import hash_json
from hasei.methods._ancestry import ancestor_of, refuse_strangers, refuse_unlike
from hasei.methods._members import Member
from hasei.methods._tuning import HEAD_L2

_THREE: Member = {"partial_fine_tuning": {}}
DEFAULT: tuple[Member, ...] = (_THREE, _THREE, _THREE)
Share: TypeAlias = Annotated[float, Field(gt=0, le=1)]
_HELD = 0.2
_FROM_ANCESTOR = ("task_arithmetic", "magnitude_prune", "ties", "dare_linear", "dare_ties")
_BY_COUNT = ("ties", "dare_ties")


class Merge(Settings):
    """The settings of ``merging``, which says what they mean."""

    how: Literal[
        "average", "greedy", "task_arithmetic", "magnitude_prune", "ties", "dare_linear", "dare_ties", "slerp"
    ] = "average"
    members: tuple[Member, ...] = Field(DEFAULT, min_length=1, max_length=16)
    weights: tuple[float, ...] = ()
    density: tuple[Share, ...] = (0.5,)
    divide: Divide = "count"
    ancestor: Literal["declared", "first"] = "declared"
    unrelated: bool = False
    l2: float | None = Field(None, gt=0, le=1e3)

    @field_validator("density", "weights", mode="before")
    @classmethod
    def _one_for_all(cls, value: Any) -> Any:
        """Read a number as a list of one."""
        return (value,) if isinstance(value, (int, float)) and not isinstance(value, bool) else value

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # a study keys its trials by it, and settings inside settings have no hash


@dataclass(frozen=True)
class Done:
    """A merged *model* and what answers by it."""

    model: nn.Module
    predictor: Predictor
    from_store: Callable[..., Any] | None = None


Merged: TypeAlias = tuple[Done, dict[str, Any]]
_Listed: TypeAlias = Sequence[tuple[str, Any, Settings]]


def of_members(context: Context, members: _Listed, asked: Merge) -> Merged:
    """Derive all *members* and merge them with their heads; also the settings with every choice made."""
    _refuse_number(asked, len(members))
    changes: dict[str, Any] = {}
    if asked.how == "greedy":
        fit, held = inner_split(context.units, _HELD, context.seed)
        tried = [one for one, _ in _derived(part(context, fit), members)]

        def quality(chosen: Sequence[int]) -> float:
            done = _one(context, [tried[i] for i in chosen], asked)
            return context.quality(done.predictor.outputs([context.inputs[i] for i in held]), held)

        members = [members[i] for i in greedy(len(members), quality)]
        changes["how"] = "average"
    made = _derived(context, members)
    changes["members"] = tuple({name: frozen.model_dump(mode="json")} for (name, *_), (_, frozen) in zip(members, made))
    return _one(context, [model for model, _ in made], asked), changes


def of_bases(context: Context, asked: Merge) -> Merged:
    """Merge the trunks of all bases and solve a head on the rows; also the settings with every choice made."""
    trunks = list(context.trunks)
    refuse_unlike(trunks)
    start: State | None = None
    if asked.how in _FROM_ANCESTOR:
        origin, trunks = ancestor_of(reading_of(context.task), trunks, first=asked.ancestor == "first")
        refuse_strangers([origin, *trunks], unrelated=asked.unrelated)
        start = state_of(origin.model)
    else:
        refuse_strangers(trunks, unrelated=asked.unrelated)
    _refuse_number(asked, len(trunks))
    changes: dict[str, Any] = {}
    if asked.how == "greedy":
        fit, held = inner_split(context.units, _HELD, context.seed)

        def quality(chosen: Sequence[int]) -> float:
            some = _solved(part(context, fit), None, [trunks[i] for i in chosen], asked)[0]
            return context.quality(some.predictor.outputs([context.inputs[i] for i in held]), held)

        kept = set(greedy(len(trunks), quality))
        changes |= {"how": "average", "weights": tuple(float(i in kept) for i in range(len(trunks)))}
        trunks = [trunk for i, trunk in enumerate(trunks) if i in kept]
    done, l2 = _solved(context, start, trunks, asked)
    return done, changes | {"l2": l2}


def finished(context: Context, done: Done, frozen: Settings) -> Derivation:
    """Return the derivation of a merged model, with all parameters that differ from the first base's named."""
    base = {f"trunk.{name}": value for name, value in context.trunk.model.named_parameters()}
    parameters = dict(done.model.named_parameters())
    trained = [n for n, p in parameters.items() if n not in base or not torch.equal(p, base[n])]
    return Derivation(
        done.predictor, reading_of(context.task).format, frozen,
        trainable_parameters=sum(parameters[n].numel() for n in trained), trained=tuple(trained),
        from_store=done.from_store,
    )  # fmt: skip


def greedy(count: int, quality: Callable[[Sequence[int]], float]) -> list[int]:
    """Return which of *count* parts make the best soup by *quality*: the best, then each next one that does not harm it.

    Source: Wortsman et al. 2022, recipe 1.
    """
    alone = [quality([i]) for i in range(count)]
    order = sorted(range(count), key=lambda i: -alone[i])
    chosen, best = order[:1], alone[order[0]]
    for i in order[1:]:
        found = quality(sorted([*chosen, i]))
        if found >= best:
            chosen, best = [*chosen, i], found
    return sorted(chosen)


def state_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return the parameters of *model* by name; those that two of its parts share, once."""
    return {name: parameter.detach() for name, parameter in model.named_parameters()}


def _derived(context: Context, members: _Listed) -> list[tuple[nn.Module, Settings]]:
    """Derive each of *members* with a seed of its own, by its settings and how many like it came before."""
    found, before = [], dict[str, int]()
    for name, plugin, settings in members:
        key = hash_json([name, settings.model_dump(mode="json")])
        turn = before[key] = before.get(key, -1) + 1
        seed = int(hash_json({"seed": context.seed, "turn": turn})[:7], 16)
        context.watch.check()
        derivation = plugin.derive(replace(context, seed=seed), settings)
        found.append((_plain(name, derivation), derivation.frozen))
    return found


def _plain(name: str, derivation: Derivation) -> nn.Module:
    """Return the model of a member with its adapters merged into its weights; raises NotSupported where it has none."""
    model = getattr(derivation.predictor, "model", None)
    if not isinstance(model, nn.Module) or not hasattr(model, "trunk") or not hasattr(model, "head"):
        raise NotSupported(
            f"'{name}' can't be merged", expected="methods that leave a base with a head",
            received=f"a model of the format {derivation.format}", do="join it by the method ensemble",
        )  # fmt: skip
    if not hasattr(model.trunk, "peft_config"):
        return model
    copied: Any = copy.deepcopy(model)
    try:
        copied.trunk = copied.trunk.merge_and_unload()
    except (AttributeError, NotImplementedError, ValueError) as error:
        raise NotSupported(
            f"the adapter of '{name}' can't be merged into its base", received=str(error), do="use another member"
        ) from error
    for parameter in copied.parameters():
        parameter.requires_grad_(False)
    return copied  # type: ignore[no-any-return]


def _one(context: Context, models: Sequence[nn.Module], asked: Merge) -> Done:
    """Merge *models*, heads and all; what they started from is the base with a solved head."""
    reading, trunk = reading_of(context.task), context.trunk
    start = reading.begin(context, trunk.model, HEAD_L2) if asked.how in _FROM_ANCESTOR else None
    for one in [*models[1:], *([] if start is None else [start])]:
        why = merging.unlike(state_of(models[0]), state_of(one))
        poolings = [getattr(model, "pooling", "") for model in (models[0], one)]
        if why or poolings[0] != poolings[1] or type(one) is not type(models[0]):
            raise NotSupported(
                "the members can't be merged, for their models are not of one shape",
                expected="equal layers and pooling",
                received=why or f"the poolings {' and '.join(map(str, poolings))}",
                do="name members that end at the same layer, with the same pooling",
            )  # fmt: skip
    merged = _merged([state_of(model) for model in models], None if start is None else state_of(start), asked, context)
    model = _filled(models[0], merged)
    return Done(model, reading.predictor(model, trunk))


def _solved(context: Context, start: State | None, trunks: Sequence[Trunk], asked: Merge) -> tuple[Done, float]:
    """Merge the models of *trunks* and solve a head on their last states; also its strength."""
    merged = _merged([state_of(trunk.model) for trunk in trunks], start, asked, context)
    trunk = reweighted(trunks[0], _filled(trunks[0].model, merged))
    solver: Any = plugins.load("methods", "feature_extraction")
    settings = solver.Params(layer=trunk.layers, pooling=trunk.base.pooling, l2=asked.l2)
    found = solver.derive(replace(context, trunks=(trunk,)), settings)
    return Done(found.predictor.model, found.predictor, found.from_store), float(found.frozen.l2)


def _merged(states: Sequence[State], start: State | None, asked: Merge, context: Context) -> dict[str, torch.Tensor]:
    weights = asked.weights if asked.how != "greedy" and asked.weights else _equal(asked, len(states))
    densities = asked.density * len(states) if len(asked.density) == 1 else asked.density
    if asked.how == "slerp":
        return merging.slerp(states[0], states[1], weights[1] / sum(weights))
    if start is None:
        return merging.average(states, weights)
    if asked.how == "task_arithmetic":
        return merging.task_arithmetic(start, states, weights)
    if asked.how == "magnitude_prune":
        return merging.magnitude_prune(start, states, weights, densities)
    if asked.how == "ties":
        return merging.ties(start, states, weights, densities, asked.divide)
    if asked.how == "dare_linear":
        return merging.dare_linear(start, states, weights, densities, context.seed)
    return merging.dare_ties(start, states, weights, densities, context.seed, asked.divide)


def _equal(asked: Merge, count: int) -> tuple[float, ...]:
    """Equal weights by which the result is a mean of *count* parts: TIES divides its sum itself."""
    divided = asked.how in _BY_COUNT and asked.divide != "none"
    return (1.0 if divided else 1.0 / count,) * count


def _filled(model: nn.Module, merged: State) -> nn.Module:
    """Return a copy of *model* with the parameters *merged*."""
    copied = copy.deepcopy(model)
    with torch.no_grad():
        for name, parameter in copied.named_parameters():
            parameter.copy_(merged[name])
            parameter.requires_grad_(False)
    return copied.eval()


def _refuse_number(asked: Merge, count: int) -> None:
    """Raise NotSupported where *count* parts, their weights and densities do not go together."""
    least = 1 if asked.how in _FROM_ANCESTOR else 2
    if count < least or (asked.how == "slerp" and count != 2):
        raise NotSupported(
            f"'{asked.how}' can't merge so many models", expected="exactly 2" if asked.how == "slerp" else f"at least {least}",
            received=str(count), do="name others under members, or give other bases",
        )  # fmt: skip
    for what, given, free in (("weights", asked.weights, 0), ("density", asked.density, 1)):
        if len(given) not in (free, count):
            raise NotSupported(
                f"{what} do not fit the models to be merged", expected=f"{count} of them", received=str(len(given)),
                do=f"give one for each, or leave {what} out",
            )  # fmt: skip
    if asked.how == "greedy" and asked.weights:
        raise NotSupported("a greedy soup counts its parts the same", received="weights", do="leave weights out")
    summed = asked.how in ("average", "slerp") or (asked.how in _BY_COUNT and asked.divide == "weights")
    if (
        summed
        and asked.weights
        and (abs(sum(asked.weights)) < 1e-12 or (asked.how == "slerp" and min(asked.weights) < 0))
    ):
        raise NotSupported(
            f"these weights leave nothing of the models for '{asked.how}'", expected="positive weights",
            received=", ".join(f"{w:g}" for w in asked.weights), do="correct weights",
        )  # fmt: skip
