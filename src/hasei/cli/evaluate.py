"""``hasei evaluate``: how well a model answers rows whose answers are known."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hasei.cli import options
from hasei.cli.asked import parts_of
from hasei.cli.progress import working
from hasei.cli.terminal import console, emit_json, safe, say

if TYPE_CHECKING:
    from hasei.derive.derived import DerivedModel
    from hasei.ground.statistics import Interval
    from hasei.inputs.data import Dataset

_Model = Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="A model folder that hasei made.")]
_File = Annotated[Path, typer.Argument(metavar="FILE", help="Rows with their right answers.")]
NOTE = "a figure that is used to choose is no longer an unbiased one: the verdict of hasei try rests on rows kept apart"


def evaluate(
    model_dir: _Model, file: _File, text: options.Text = None, label: options.Label = None, map_: options.Map = None,
    where: options.Where = None, at_least: options.AtLeast = None, base: options.Parent = None,
    json_: options.Json = False, debug: options.Debug = False,
) -> None:  # fmt: skip
    """Score a model on labelled rows: every metric of its task, each with its 95 % interval.

        hasei evaluate runs/tickets/model june.csv --at-least accuracy=0.9

    A label that the model does not know counts as answered wrongly. Of a model that turns away what is out of scope, how well
    it does that is said too. This is no verdict: it compares with nothing.
    """
    from hasei.derive.derived import open_model
    from hasei.inputs.purpose import parse_at_least
    from hasei.judge.scored import labelled_rows, scores_of

    model = open_model(model_dir, base or "")
    bounds = {name: metric.bounds for name, metric in model.task.metrics.items()}
    goal = parse_at_least(at_least, bounds) if at_least else None
    given = parts_of(map_) | {k: v for k, v in (("text", text), ("label", label)) if v}
    with working() as watch:
        data = labelled_rows(model, file, given, where or [])
        for part in sorted(data.mapping.guessed):
            say(f"note: column '{data.mapping.columns[part]}' taken as {part}: {data.mapping.why}")
        found, scope = scores_of(model, data, watch)
    known = model.task.knows(model.space, data.targets)
    said = _json(model, data, found, goal, unknown=int((~known).sum()))
    said |= {"out_of_scope": scope.to_json() if scope else None}
    if json_:
        emit_json(said)
    else:
        _show(model, found, said)


def _json(
    model: DerivedModel, data: Dataset, found: dict[str, Interval], goal: tuple[str, float] | None, *, unknown: int
) -> dict[str, Any]:
    own = model.identity["data"]["fingerprint"] == data.fingerprint
    return {
        "schema": 1, "rows": len(data), "units": len(set(data.units)), "unknown_labels": unknown,
        "columns": data.mapping.columns, "fingerprint": data.fingerprint, "derived_from_these_rows": own,
        "metrics": {
            name: {"value": i.value, "low": i.low, "high": i.high, "too_few": i.too_few} for name, i in found.items()
        },
        "goal": None if goal is None else {"metric": goal[0], "at_least": goal[1], "met": _met(model, found, goal)},
        "findings": [finding.to_json() for finding in data.findings],
    }  # fmt: skip


_MET = {"surely": "surely met", "surely not": "surely not met", "not certain": "not certain"}


def _met(model: DerivedModel, found: dict[str, Interval], goal: tuple[str, float]) -> str:
    """Say whether the goal is met: ``surely``, ``surely not`` or ``not certain``, by the interval."""
    interval, direction = found[goal[0]], model.task.metrics[goal[0]].direction
    worst, best = (interval.low, interval.high) if direction == 1 else (interval.high, interval.low)
    if direction * worst >= direction * goal[1]:
        return "surely"
    return "surely not" if direction * best < direction * goal[1] else "not certain"


def _show(model: DerivedModel, found: dict[str, Interval], said: dict[str, Any]) -> None:
    from rich.table import Table

    from hasei.judge.wording import Words

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("metric")
    for heading in ("value", "low", "high"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, interval in found.items():
        words = Words(name, model.task.metrics[name].bounds == (0.0, 1.0), 0.025)
        star = "*" if interval.too_few else ""
        table.add_row(
            name, words.amount(interval.value) + star, words.amount(interval.low), words.amount(interval.high)
        )
    console().print(table)
    lines = [f"{said['rows']:,} rows, {said['units']:,} independent cases; intervals 95 %"]
    if any(interval.too_few for interval in found.values()):
        lines.append("* too few rows, errors or rows of a class for the interval to hold what it promises")
    if said["unknown_labels"]:
        lines.append(f"{said['unknown_labels']:,} rows have a label that the model does not know: counted as wrong")
    if said["out_of_scope"]:
        lines.append(said["out_of_scope"]["words"])
    if said["goal"]:
        lines.append(f"goal {said['goal']['metric']} {said['goal']['at_least']:g}: {_MET[said['goal']['met']]}")
    if said["derived_from_these_rows"]:
        lines.append("these are the rows that it was derived from: figures on them say nothing of others")
    lines += [f"found: {finding['message']}" for finding in said["findings"]]
    sys.stdout.write(safe("\n".join([*lines, f"note: {NOTE}"])) + "\n")
