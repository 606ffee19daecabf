"""Search for the settings of another method, inside the train rows: a grid, at random, or where earlier trials did well.

A trial derives the method from four fifths of the train rows (whole units) and is scored on the fifth, first on a quarter of the
rows: what is then in the worse half goes no further. The best settings are derived anew from all rows. Select and confirm rows
take no part, so a study judges the outcome of a search like any other candidate.

Source: random search: Bergstra & Bengio 2012; where earlier ones did well: Bergstra et al. 2011 (TPE), by Optuna (Akiba et al.
2019); stopping the worse half early: Jamieson & Talwalkar 2016, "Non-stochastic best arm identification" (successive halving).
Trains: what the searched method trains.
Shapes: those of the searched method.
Relations: every method's defaults are meant to make this needless; ``prompt_search`` is the same for prompts.

>>> over = {"learning_rate": {"low": 1e-4, "high": 2e-3, "log": True}, "top_layers": [2, 3]}
>>> hasei.study("tickets.csv", methods=[{"search": {"method": "partial_fine_tuning", "over": over}}])  # doctest: +SKIP
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice, product
from typing import Annotated, Any, Literal, TypeAlias, get_args

import numpy as np
from pydantic import Field

from hasei.engine.derivation import Context, Derivation, Facts, Settings, Supports
from hasei.engine.splits import inner_split, part
from hasei.ground import plugins
from hasei.ground.errors import HaseiError, NotSupported, OutputError, RecipeError, Stopped
from hasei.ground.events import DeadlineReached
from hasei.ground.language import _
from hasei.ground.settings import build

SUPPORTS = Supports(inputs=("text", "image"), targets=(*Supports.targets, "boxes", "text", "likelihood", "entries"))
_FIRST_SHARE = 0.25
_LEAST_FIRST_ROWS = 100


class Between(Settings):
    """Numbers from *low* to *high*, both included; *log*: evenly by their logarithm; *step*: only every so far."""

    low: float
    high: float
    log: bool = False
    step: float | None = Field(None, gt=0)


Values: TypeAlias = Between | tuple[str | int | float | bool | None, ...]
Place: TypeAlias = Annotated[dict[str, Values], Field(min_length=1, max_length=12)]
DEFAULT: dict[str, Values] = {"l2": (1e-3, 3e-3, 1e-2, 3e-2, 1e-1), "pooling": ("mean", "max")}


class Params(Settings):
    """Settings. *method*, with *fixed* settings, is searched *over* lists of values or numbers between two bounds.

    *how*: ``grid`` (every combination; of numbers between bounds five), ``random`` or ``bayesian``; at most *trials*, and no more
    than the time allows; *prune*: leave the worse half after a quarter of the rows. *found*: the best settings of a search.
    """

    method: str = "feature_extraction"
    over: Place = Field(default_factory=lambda: dict(DEFAULT))
    fixed: dict[str, Any] = Field(default_factory=dict)
    how: Literal["grid", "random", "bayesian"] = "bayesian"
    trials: int = Field(12, ge=1, le=1000)
    prune: bool = True
    found: dict[str, Any] | None = None

    def __hash__(self) -> int:
        return hash(self.model_dump_json())  # settings inside settings have no hash


def proposals(facts: Facts) -> list[Params]:
    """None: defaults are chosen so that a search rarely pays."""
    return []


def reason(facts: Facts) -> str:
    """Say why it is tried, or why not."""
    return _("defaults are chosen so that a search rarely pays: name what is to be searched")


def effort(params: Params, facts: Facts) -> float:
    """Forward passes of the base per row: all trials, of which half stop after a quarter of the rows, and the last derivation."""
    of_one = getattr(_searched(params), "effort", None)
    if of_one is None:
        return 0.0
    one: float = of_one(_settings(params, params.found or {}), facts)
    return one if params.found is not None else one * (1 + 0.8 * params.trials * (0.625 if params.prune else 1.0))


def check(params: Params, layers: int) -> None:
    """Raise RecipeError or NotSupported where nothing can be searched: an unknown method or setting, bounds that are none."""
    plugin = _searched(params)
    for name, values in params.over.items():
        if name not in plugin.Params.model_fields:
            build(plugin.Params, {name: None}, f"the search over '{params.method}'")
        if isinstance(values, Between) and not values.low < values.high:
            raise RecipeError(
                f"the search over '{name}' has no room", expected="low below high",
                received=f"{values.low:g} to {values.high:g}", do="correct the bounds, or fix the setting",
            )  # fmt: skip
        if isinstance(values, Between) and values.log and values.low <= 0:
            raise RecipeError(
                f"the search over '{name}' goes by the logarithm", expected="low above 0", received=f"{values.low:g}",
                do="give a larger low, or leave out log",
            )  # fmt: skip
        if not isinstance(values, Between) and not values:
            raise RecipeError(f"the search over '{name}' has no value to try", do="list some, or give low and high")
    of_one = getattr(plugin, "check", None)
    for end in (0, -1):
        settings = _settings(
            params, {name: _grid(values, _is_whole(plugin, name))[end] for name, values in params.over.items()}
        )
        if of_one is not None:
            of_one(settings, layers)


def derive(context: Context, params: Params) -> Derivation:
    """Search where nothing is found yet, then derive the best from all rows; raises RunFailed where no trial ends."""
    SUPPORTS.refuse("search", context.task)
    plugin = _searched(params)
    plugin.SUPPORTS.refuse(params.method, context.task)
    check(params, context.trunk.layers)
    found = params.found if params.found is not None else _search(context, params, plugin)
    done: Derivation = plugin.derive(context, _settings(params, found))
    settings = done.frozen.model_dump(mode="json")
    return replace(done, frozen=params.model_copy(update={"found": settings, "fixed": {}}))


def _search(context: Context, params: Params, plugin: Any) -> dict[str, Any]:
    """Return the settings of the trial with the best score on the inner fifth; of equal ones the first."""
    optuna = _library()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    fit, held = inner_split(context.units, 0.2, context.seed)
    first = fit[: max(_LEAST_FIRST_ROWS, round(_FIRST_SHARE * len(fit)))]
    pruner: Any = optuna.pruners.MedianPruner(n_startup_trials=3) if params.prune else optuna.pruners.NopPruner()
    study = optuna.create_study(direction="maximize", sampler=_sampler(params, context.seed), pruner=pruner)
    for combination in _combinations(params):
        study.enqueue_trial(combination)
    left = context.watch.seconds_left()
    until = math.inf if left is None else time.monotonic() + 0.5 * left  # a refit must fit, too
    started, slowest = time.monotonic(), 0.0
    for number in range(_count(params)):
        context.watch.check()
        if number and time.monotonic() + slowest > until:
            break
        trial = study.ask()
        given = {name: _asked(trial, name, values, _is_whole(plugin, name)) for name, values in params.over.items()}
        context.watch.report("trying", _("search, trial {n}", n=number + 1))
        value = _score(context, params, plugin, given, trial, (first, fit, held))
        if value is None:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, value)
        slowest, started = max(slowest, time.monotonic() - started), time.monotonic()
    done = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    if not done:
        raise NotSupported("no trial of the search came to its end", do="search over other values, or give more time")
    best = max(done, key=lambda t: (t.value or -math.inf, -t.number))
    return dict(best.params)


def _score(
    context: Context, params: Params, plugin: Any, given: Mapping[str, Any], trial: Any, rows: tuple[Any, Any, Any]
) -> float | None:
    """Return the default metric on the held rows, more being better; None where the trial is stopped early or can't be."""
    first, fit, held = rows
    settings = _settings(params, given)
    inputs = [context.inputs[i] for i in held]
    rungs = [first, fit] if params.prune and len(first) < len(fit) else [fit]
    value = None
    for number, learnt in enumerate(rungs):
        try:
            done = plugin.derive(replace(part(context, learnt), scratch=None), settings)
        except (Stopped, OutputError, DeadlineReached):
            raise
        except HaseiError:
            return None  # settings that can't be, such as a layer that this base lacks
        answer = done.from_store or done.predictor.outputs
        value = float(context.quality(answer(inputs), held))
        trial.report(value, number)
        if number + 1 < len(rungs) and trial.should_prune():
            return None
    return value


def _searched(params: Params) -> Any:
    """Return the method that is searched; raises RecipeError for none, or for a search of searches."""
    if params.method == "search" or params.method not in plugins.names("methods"):
        known = ", ".join(name for name in plugins.names("methods") if name != "search")
        raise RecipeError(f"'{params.method}' can't be searched", expected=f"one of {known}", do="name another method")
    return plugins.load("methods", params.method)


def _settings(params: Params, given: Mapping[str, Any]) -> Any:
    return build(_searched(params).Params, {**params.fixed, **given}, f"method '{params.method}'")


def _library() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise NotSupported("settings are searched by optuna", do="pip install 'hasei[search]'") from error
    return optuna


def _sampler(params: Params, seed: int) -> Any:
    optuna = _library()
    if params.how != "bayesian":
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(seed=seed, n_startup_trials=max(4, params.trials // 3))


def _count(params: Params) -> int:
    if params.how != "grid":
        return params.trials
    return min(params.trials, math.prod(map(len, _grids(params).values())))


def _combinations(params: Params) -> list[dict[str, Any]]:
    """Return every combination of a grid, as many as there may be trials; none for other ways."""
    if params.how != "grid":
        return []
    grids = _grids(params)
    return [dict(zip(grids, values)) for values in islice(product(*grids.values()), params.trials)]


def _grids(params: Params) -> dict[str, list[Any]]:
    plugin = _searched(params)
    return {name: _grid(values, _is_whole(plugin, name)) for name, values in params.over.items()}


def _grid(values: Values, whole: bool) -> list[Any]:
    """Return the values of a grid: those listed, or five between the bounds, or one every step."""
    if not isinstance(values, Between):
        return list(values)
    if values.step is not None:
        found = np.arange(values.low, values.high + 1e-9 * values.step, values.step)
    else:
        found = (np.geomspace if values.log else np.linspace)(values.low, values.high, 5)
    return list(dict.fromkeys(round(x) if whole else float(x) for x in found.tolist()))


def _is_whole(plugin: Any, name: str) -> bool:
    """Whether the setting *name* is a whole number."""
    wanted = plugin.Params.model_fields[name].annotation
    return wanted is int or int in get_args(wanted)


def _asked(trial: Any, name: str, values: Values, whole: bool) -> Any:
    if not isinstance(values, Between):
        return trial.suggest_categorical(name, list(values))
    if whole:
        step = {} if values.log else {"step": int(values.step or 1)}
        return trial.suggest_int(name, int(values.low), int(values.high), log=values.log, **step)
    return trial.suggest_float(name, values.low, values.high, log=values.log, step=None if values.log else values.step)
