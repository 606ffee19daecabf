"""Which recipes, in which order, on how much data, within a budget: one table, one verdict, one folder.

>>> result = study("tickets.csv", at_least={"accuracy": 0.9})  # doctest: +SKIP
>>> result.verdict, result.chosen.predict(["where is my parcel?"])  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hasei.ground.errors import RecipeError
from hasei.ground.events import Watch
from hasei.judge.study.candidates import Candidate, Trial
from hasei.judge.study.conduct import conduct, plan
from hasei.judge.study.config import Config, make_config, merge, parse_budget, read_config
from hasei.judge.study.result import Result


def study(
    data: str | Path, *, test: str | Path | None = None, corpus: str | Path | None = None,
    base: str | Path | None = None, task: str | None = None,
    text: str | None = None, label: str | None = None, group: str | None = None, where: Sequence[str] = (),
    at_least: dict[str, float] | None = None, methods: Sequence[Any] = (), prices: dict[str, Any] | None = None,
    budget: str | float | None = None, slices: Sequence[str] = (), keep: str | Path | None = None,
    out_of_scope: str | None = None, unlabeled: str | Path | None = None, stage: str | None = None,
    also: Sequence[str] = (), scheme: str | None = None, seeds: int | None = None,
    lang: str | None = None, seed: int | None = None, out: str | Path | None = None, resume: bool = False,
    watch: Watch | None = None,
) -> Result:  # fmt: skip
    """Run a study and return its result; what ``hasei try`` runs.

    *data* and *test* are files of rows, *corpus* one of the entries that questions are answered from;
    *at_least* one metric and the value it must reach; *methods* recipes as in
    ``hasei.yaml`` (empty: chosen by the study); *budget* seconds or text such as ``"10m"``; *slices* columns in whose
    values nobody may be worse off; *keep* a file of older rows not to be forgotten; *out_of_scope* the label of texts that no
    other label is for; *unlabeled* a file of rows without a target, *stage* the column of the stages of a stream, *also*
    columns of other targets; *scheme*, *seeds* and *lang* as
    in :class:`Config`; *out* the new folder to leave (default: ``runs/NAME``). Raises the classes of :mod:`hasei.ground.errors`.
    """
    if at_least and len(at_least) > 1:
        raise RecipeError("a study has one goal", expected="one metric", received=", ".join(at_least), do="name one")
    goal: dict[str, Any] = {}
    for metric, value in (at_least or {}).items():
        goal = {"metric": metric, "at_least": value}
    values = merge({}, {
        "data": {
            "path": str(data), "test": None if test is None else str(test),
            "corpus": None if corpus is None else str(corpus), "text": text, "label": label, "group": group,
            "where": tuple(where), "slices": tuple(slices), "keep": None if keep is None else str(keep),
            "out_of_scope": out_of_scope, "unlabeled": None if unlabeled is None else str(unlabeled), "stage": stage,
            "also": tuple(also),
        },
        "base": None if base is None else str(base), "task": task, "goal": goal, "prices": prices or {},
        "recipes": tuple(methods), "budget": None if budget is None else str(budget), "seed": seed,
        "scheme": scheme, "seeds": seeds, "lang": lang,
    })  # fmt: skip
    config = make_config(values)
    place = Path(out) if out is not None else Path("runs") / Path(data).stem
    return conduct(config, place, watch or Watch(), resume=resume)


__all__ = [
    "Candidate", "Config", "Result", "Trial", "conduct", "make_config", "merge", "parse_budget", "plan", "read_config",
    "study",
]  # fmt: skip
