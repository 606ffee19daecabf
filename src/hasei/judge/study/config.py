"""Everything a study is asked: ``hasei.yaml``, flags and Python arguments end here, checked strictly."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from hasei.derive.beside import Beside
from hasei.derive.recipe import Step, check_chain, read_steps
from hasei.ground import plugins
from hasei.ground.errors import BudgetError, RecipeError, nearest
from hasei.ground.files import read_yaml
from hasei.ground.language import ENGLISH, languages
from hasei.ground.licence import refuse_unheard
from hasei.ground.settings import Settings, build
from hasei.inputs.base import DEFAULT
from hasei.inputs.purpose import Goal, Prices, Purpose
from hasei.methods._mergekit import read_mergekit

DEFAULT_BUDGET = "10m"
ALL = "all"
LEAST_SECONDS = 20.0
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


class DataConfig(Settings):
    """Where the rows are.

    *text*, *label* and *map* name columns; *group* keeps rows together; *where* keeps some rows. *slices* are columns in
    whose values nobody may be worse off; *keep* a file of older rows that must not be forgotten; *time* and *id* help to find
    leaks. *out_of_scope* is the label of texts that no other label is for. *corpus*: the file of the entries that questions
    are answered from. *unlabeled*: a file of rows without a target; *stage*: the column of the stages of a stream; *also*:
    columns of other targets, ``COLUMN`` (of the rows' task) or ``COLUMN=TASK``. *licence_override*: the reason to go on where
    the licences of rows and base conflict, kept in the model's lineage.
    """

    path: str
    test: str | None = None
    corpus: str | None = None
    text: str | None = None
    label: str | None = None
    map: dict[str, str] = Field(default_factory=dict)
    group: str | None = None
    where: tuple[str, ...] = ()
    slices: tuple[str, ...] = ()
    keep: str | None = None
    time: str | None = None
    id: str | None = None
    out_of_scope: str | None = None
    unlabeled: str | None = None
    stage: str | None = None
    also: tuple[str, ...] = ()
    licence: str = "unknown"
    licence_override: str = ""

    @property
    def chosen(self) -> dict[str, str]:
        """The columns that the user named, by their part in the task."""
        named = {"text": self.text, "label": self.label}
        return {k: v for k, v in named.items() if v is not None} | self.map

    @property
    def beside(self) -> Beside:
        """What methods are given beside rows and targets."""
        return Beside(self.unlabeled, self.stage, self.also)


class Config(Settings):
    """One study. *recipes* is empty where the study is to choose; ``all`` in it stands for every method that can be used.

    *budget* is text such as ``10m``.

    *bases*, in the place of *base*, are those that a merge takes; only ``hasei derive`` has several.

    *scheme*: how rows serve: ``holdout`` (train, select and confirm rows), ``kfold`` (every train and select row is scored
    by a model of another fold, confirm rows are held out), ``nested`` (every row in every role in turn), or ``auto``: nested
    where confirm units are few, else holdout. *folds* of ``kfold``. *seeds*: how often finalists that train by gradients
    are trained, to see what chance does. *checks*: look at the data first. *lang*: the language of what people
    read.
    """

    data: DataConfig
    base: str = DEFAULT
    bases: tuple[str, ...] = Field((), max_length=16)
    task: str = "text_classification"
    goal: Goal = Goal()
    prices: Prices = Prices()
    smallest_gain: Any = None
    recipes: tuple[Any, ...] = ()
    budget: str = DEFAULT_BUDGET
    seed: int = Field(0, ge=0, lt=2**31)
    seeds: int = Field(1, ge=1, le=20)
    scheme: Literal["auto", "holdout", "kfold", "nested"] = "auto"
    folds: int = Field(5, ge=2, le=20)
    checks: bool = True
    lang: str = ENGLISH

    @property
    def purpose(self) -> Purpose:
        """Goal, prices and smallest gain as one."""
        given = {} if self.smallest_gain is None else {"smallest_gain": self.smallest_gain}
        return Purpose(goal=self.goal, prices=self.prices, **given)

    @property
    def budget_seconds(self) -> float:
        """The budget in seconds."""
        return parse_budget(self.budget)

    @property
    def extras(self) -> tuple[str, ...]:
        """The columns that are carried along with the rows: slices, the weights of their costs, what stands beside."""
        weight = self.prices.costs.weight if self.prices.costs else None
        return tuple(dict.fromkeys([*self.data.slices, *([weight] if weight else []), *self.data.beside.columns]))

    def asked(self) -> dict[str, Any]:
        """Return what was asked beyond the defaults, as it would stand in ``hasei.yaml``; files by their names alone."""
        found: dict[str, Any] = self.model_dump(mode="json", exclude_defaults=True)
        if self.prices != Prices():  # all that was written: in another currency a price may be needed that is a default
            found["prices"] = self.prices.model_dump(mode="json", exclude_unset=True)
        return {key: _named(value, frozenset(self.places)) for key, value in found.items()}

    @property
    def places(self) -> list[str]:
        """The files and folders that the settings name, as they are written."""
        today, costs, data = self.goal.today, self.prices.costs, self.data
        found = [
            data.path,
            data.test,
            data.corpus,
            data.keep,
            data.unlabeled,
            today and today.rules,
            today and today.model,
            costs and costs.table,
        ]
        bases = [name for name in (self.base, *self.bases) if Path(name).is_dir()]
        return [place for place in (*found, *bases) if place]

    @property
    def everything(self) -> bool:
        """Whether every method that can be used is to be tried."""
        return ALL in self.recipes

    def steps(self) -> list[tuple[Step, ...]]:
        """Return the recipes that the user named, checked."""
        found = [read_steps(recipe) for recipe in self.recipes if recipe != ALL]
        for steps in found:
            check_chain(steps)
        return found


def _named(value: Any, places: frozenset[str]) -> Any:
    """Return *value*, settings of any depth, with the *places* in it by their names alone."""
    if isinstance(value, dict):
        return {key: _named(part, places) for key, part in value.items()}
    if isinstance(value, list):
        return [_named(part, places) for part in value]
    return Path(value).name if isinstance(value, str) and value in places else value


def parse_budget(text: str) -> float:
    """Read ``90s``, ``10m`` or ``1.5h`` as seconds; raises BudgetError where it is no time or too short for anything."""
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip().lower())
    if not parts or re.sub(r"\d+(?:\.\d+)?\s*[smh]?\s*", "", text.strip().lower()):
        raise BudgetError("the budget can't be read", expected="a time such as 90s, 10m or 1.5h", received=f"'{text}'")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if seconds < LEAST_SECONDS:
        raise BudgetError(
            "the budget is too small for anything", expected=f"at least {LEAST_SECONDS:.0f}s",
            received=f"{seconds:g}s", do="give a larger budget",
        )  # fmt: skip
    return seconds


def read_config(path: Path, overrides: dict[str, Any]) -> Config:
    """Read ``hasei.yaml`` at *path* and lay *overrides* (flags) over it; raises RecipeError in one line."""
    values = read_yaml(path)
    if "merge_method" in values:
        values = read_mergekit(values, f"'{path.name}'")
    if isinstance(values.get("data"), str):
        values["data"] = {"path": values["data"]}
    return make_config(merge(values, overrides), f"'{path.name}'")


def merge(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    """Return *low* with the values of *high* over it, nested mappings merged; None in *high* means not given."""
    merged = dict(low)
    for key, value in high.items():
        if isinstance(value, dict):
            inner = merge(merged[key] if isinstance(merged.get(key), dict) else {}, value)
            if inner:
                merged[key] = inner
        elif value is not None and value != {} and value != ():
            merged[key] = value
    return merged


def make_config(values: dict[str, Any], where: str = "the study") -> Config:
    """Return the checked configuration of *values* (None: not given); task and recipes are checked too, before any row."""
    if values.get("base") and values.get("bases"):
        raise RecipeError("one base or several", received="both base and bases", do="give one of the two")
    values = {k: (str(v) if k == "budget" else tuple(v) if k in ("recipes", "bases") and isinstance(v, list) else v)
              for k, v in values.items() if v is not None}  # fmt: skip
    for part, kind in (("goal", Goal), ("prices", Prices)):
        if isinstance(values.get(part), dict):
            values[part] = kind.model_validate(values[part])
    config = build(Config, values, where)
    parse_budget(config.budget)
    Purpose(**config.purpose.model_dump())
    if config.task not in plugins.names("tasks"):
        raise RecipeError(f"there is no task called '{config.task}'", do=nearest(config.task, plugins.names("tasks")))
    if config.lang not in languages():
        raise RecipeError(f"there is no language '{config.lang}'", do=nearest(config.lang, languages()))
    refuse_unheard(config.data.licence, "--licence" if where == "the study" else "data.licence")
    config.steps()
    return config
