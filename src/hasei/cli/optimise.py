"""``hasei optimise``: the cheapest way to run a finished model on this machine that still answers as it should."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hasei.cli import options
from hasei.cli.asked import parts_of
from hasei.cli.progress import working
from hasei.cli.terminal import console, emit_json, safe, say
from hasei.ground.errors import RecipeError
from hasei.ground.language import _, language, speaking

if TYPE_CHECKING:
    from hasei.deliver.optimise import Measured, Table
    from hasei.inputs.data.dataset import Dataset

_Model = Annotated[
    Path | None, typer.Argument(metavar="MODEL_DIR", help="A model folder that hasei made.", show_default=False)
]
_Latency = Annotated[
    float | None,
    options._option(
        "--latency-p95-ms", meta="MS", help="95 % of rows, one at a time, are to take no more. [no matter]"
    ),
]
_MaxLoss = Annotated[
    float, typer.Option("--max-loss", metavar="POINTS", help="What may be lost of the metric, in points.")
]
_Data = Annotated[
    Path | None, options._option("--data", meta="FILE", help="Labelled rows to measure on, none learnt from.")
]
_Also = Annotated[
    list[Path] | None,
    options._option(
        "--also", meta="DIR", help="Another model of the same answers, e.g. a static student; may be repeated."
    ),
]
_Target = Annotated[
    Path | None,
    options._option("--target", meta="FILE", help="device.yaml of another machine, to project the times to."),
]
_Probe = Annotated[
    bool, typer.Option("--print-probe", help="Print the script that makes device.yaml on another machine.")
]
_Out = Annotated[
    Path | None, options._option("--out", meta="DIR", help="New folder for what is kept. [MODEL_DIR-optimised]")
]


def optimise(
    model_dir: _Model = None, latency_p95_ms: _Latency = None, max_loss: _MaxLoss = 0.5, data: _Data = None, out: _Out = None,
    also: _Also = None, target: _Target = None, print_probe: _Probe = False, text: options.Text = None,
    label: options.Label = None, map_: options.Map = None, base: options.Parent = None, lang: options.Lang = None,
    json_: options.Json = False, debug: options.Debug = False,
) -> None:  # fmt: skip
    """Find the cheapest way to run a model here: engine, precision, threads and batch, measured side by side.

        hasei optimise runs/tickets/model --latency-p95-ms 5 --data june.csv
        hasei optimise --print-probe > probe.py

    Each way answers the same rows in turns; those that answer otherwise than the model, or too slowly, are passed over. The
    cheapest of the others is written as a new folder, with the whole table in its hasei.json. Engines that are not installed are
    named. --target projects to a machine that is not this one: run the probe there. Exit code 1 where nothing passes.
    """
    if print_probe:
        from hasei.deliver.device import script

        sys.stdout.write(script())
        return
    if model_dir is None:
        raise typer.BadParameter("give a model folder", param_hint="MODEL_DIR")
    from hasei.deliver.device import read_device
    from hasei.deliver.optimise import Wish, optimise, refuse

    wish = Wish(
        max_loss / 100,
        None if latency_p95_ms is None else latency_p95_ms / 1000,
        read_device(target) if target else None,
    )
    given = parts_of(map_) | {k: v for k, v in (("text", text), ("label", label)) if v}
    place = out or model_dir.with_name(f"{model_dir.name}-optimised")
    with speaking(lang or language()):
        with working() as watch:
            rows = _rows(model_dir, data, given, base or "")
            table, made = optimise(model_dir, place, wish, rows=rows, also=also or (), base=base or "", watch=watch)
        if json_:
            emit_json({"schema": 1, **table.to_json(), "out": None if made is None else place.as_posix()})
        else:
            _show(table, place)
        refuse(table)


def _rows(model_dir: Path, data: Path | None, given: dict[str, str], base: str) -> Dataset | None:
    """Return the labelled rows of *data*, None without it; raises RecipeError where columns are named for no file."""
    if data is None:
        if given:
            raise RecipeError("columns are named, but no file", do="give it with --data")
        say(_("note: without --data answers are compared on rows of hasei's own; nobody knows which are right"))
        return None
    from hasei.derive.derived import open_model
    from hasei.judge.scored import labelled_rows

    return labelled_rows(open_model(model_dir, base), data, given)


def _show(table: Table, place: Path) -> None:
    from rich.table import Table as Lines
    from rich.text import Text

    page, best = console(), table.best
    shown = Lines(box=None, pad_edge=False, header_style="dim")
    priced = any(one.price is not None for one in table.lines)
    names = (_("threads"), _("batch"), "p50 ms", "p95 ms", _("rows/s"), _("x plain"), "MB")
    for name in ("", _("engine")):
        shown.add_column(name, no_wrap=True)
    for name in (*names, *([_("per 1M rows")] if priced else []), _("same answers")):
        shown.add_column(name, justify="right", no_wrap=True)
    for one in sorted(table.lines, key=lambda line: (not line.passes, line.work)):
        shown.add_row(*map(Text, map(safe, _cells(one, table, priced=priced, kept=one is best))))
    page.print(shown)
    for one in table.lines:
        if not one.passes:
            page.print(
                safe(_("not {candidate}: {why}", candidate=one.label, why="; ".join(one.why_not))),
                soft_wrap=True,
                style="dim",
            )
    for name, why in table.absent:
        page.print(safe(_("not tried, {candidate}: {why}", candidate=name, why=why)), soft_wrap=True, style="dim")
    if table.projected:
        page.print(safe(_("note: {note}", note=table.projected)), soft_wrap=True)
    if best is not None:
        page.print(
            safe(_("kept: {candidate}: {place}", candidate=best.label, place=place)), soft_wrap=True, style="bold"
        )
        command = f"hasei predict {shlex.quote(str(place))} new.csv --out answers.csv"
        page.print(safe(_("Next: {command}", command=command)), soft_wrap=True)


def _cells(one: Measured, table: Table, *, priced: bool, kept: bool) -> list[str]:
    near = table.parities[one.name]
    price = ["" if one.price is None else f"{one.price:.2f}"] if priced else []
    return [
        ">" if kept else "", one.name, str(one.threads), str(one.tokens or ""), f"{1000 * one.p50:.1f}", f"{1000 * one.p95:.1f}",
        f"{one.rows_per_second:,.0f}", f"{one.ratio:.2f}", f"{one.bytes / 1e6:.1f}" if one.bytes else "", *price,
        f"{near.agreement:.2%}",
    ]  # fmt: skip
