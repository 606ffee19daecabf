"""``hasei export``: a finished model for another engine, or at another precision, proven to answer as before."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hasei.cli import options
from hasei.cli.asked import parts_of
from hasei.cli.progress import working
from hasei.cli.terminal import emit_json, safe, say
from hasei.ground.errors import RecipeError
from hasei.ground.files import refuse_unwritable
from hasei.ground.language import _, language, speaking

if TYPE_CHECKING:
    from hasei.deliver.export import Exported

_Model = Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="A model folder that hasei made.")]
_To = Annotated[str, typer.Option("--to", metavar="NAME", help="onnx, openvino, safetensors, static or gguf.")]
_Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="New folder for the exported model.")]
_Precision = Annotated[
    str,
    typer.Option(
        "--precision", metavar="NAME", help="fp32, fp16, bf16 or int8. [the target's usual one]", show_default=False
    ),
]
_Rows = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="FILE",
        help="Labelled rows to compare both on. [rows that hasei brings]",
        show_default=False,
    ),
]
_Calibration = Annotated[
    Path | None,
    typer.Option(
        "--calibration",
        metavar="FILE",
        help="Rows that were trained on, to measure the ranges of int8.",
        show_default=False,
    ),
]
_MaxLoss = Annotated[
    float,
    typer.Option("--max-loss", metavar="POINTS", help="What a smaller precision may cost of the metric, in points."),
]


def export(
    model_dir: _Model, to: _To, out: _Out, precision: _Precision = "", data: _Rows = None, calibration: _Calibration = None,
    max_loss: _MaxLoss = 0.5, map_: options.Map = None, base: options.Parent = None, lang: options.Lang = None,
    json_: options.Json = False, debug: options.Debug = False,
) -> None:  # fmt: skip
    """Write a model for another engine, or at another precision; nothing is left unless it answers as the model does.

        hasei export runs/tickets/model --to onnx --out served
        hasei export runs/tickets/model --to onnx --precision int8 --data june.csv --out served

    What was made is loaded back in its own runtime and compared on the same rows: in fp32 every answer must be the same; at a
    smaller precision it is refused where it surely costs more than --max-loss, or, without labelled rows, where more than 2 %
    of the answers change. The new folder works with every command, and its card says how to run it without hasei.
    """
    from hasei.deliver.export import export as run
    from hasei.derive.derived import open_model
    from hasei.judge.scored import labelled_rows

    if not 0 <= max_loss <= 100:
        raise RecipeError("--max-loss is out of range", expected="0 to 100 points", received=f"{max_loss:g}")
    refuse_unwritable(out)
    with speaking(lang or language()):
        model, given = open_model(model_dir, base or ""), parts_of(map_)
        with working() as watch:
            rows = labelled_rows(model, data, given) if data is not None else None
            for part in sorted(rows.mapping.guessed) if rows is not None else ():
                say(f"note: column '{rows.mapping.columns[part]}' taken as {part}: {rows.mapping.why}")  # type: ignore[union-attr]
            calibrated = labelled_rows(model, calibration, given).inputs if calibration is not None else []
            made = run(
                model_dir, to, out, precision=precision, rows=rows, calibration=calibrated, base=base or "",
                max_loss=max_loss / 100, watch=watch,
            )  # fmt: skip
        if json_:
            emit_json(_json(made, out))
        else:
            sys.stdout.write(safe("\n".join(_lines(made, out, labelled=rows is not None))) + "\n")


def _json(made: Exported, out: Path) -> dict[str, Any]:
    return {
        "schema": 1, "folder": out.as_posix(), "format": made.model.identity["format"],
        "steps": made.model.identity["steps"], "identity_hash": made.model.lineage["identity_hash"],
        "bytes_before": made.bytes_before, "bytes": made.bytes_after, "seconds": made.seconds, "parity": made.parity.to_json(),
    }  # fmt: skip


def _lines(made: Exported, out: Path, *, labelled: bool) -> list[str]:
    from hasei.judge.report.figures import size
    from hasei.judge.wording import term

    found, name = made.parity, made.parity.metric
    rows = f"{found.rows:,}"
    agreement, difference = f"{found.agreement:.1%}", f"{found.difference:.2g}"
    after, before, share = (
        size(made.bytes_after), size(made.bytes_before), f"{made.bytes_after / made.bytes_before:.0%}",
    )  # fmt: skip
    lines = [
        _("exported: {out}", out=out),
        _("size: {after}, before {before} ({share})", after=after, before=before, share=share),
        _("same answers on {rows} rows: {agreement}; outputs differ by at most {difference} of the largest", rows=rows,
          agreement=agreement, difference=difference)
        if labelled
        else _("same answers on {rows} rows of hasei's own: {agreement}; outputs differ by at most {difference} of the largest",
               rows=rows, agreement=agreement, difference=difference),
    ]  # fmt: skip
    if found.change is not None and found.before is not None and found.after is not None:
        change = found.change
        lines.append(_(
            "{name}: {before} before, {after} after; change {change}, 95 % interval {low} to {high}", name=term(name),
            before=f"{found.before:.4f}", after=f"{found.after:.4f}", change=f"{change.value:+.4f}", low=f"{change.low:+.4f}",
            high=f"{change.high:+.4f}",
        ))  # fmt: skip
    return [*lines, _("Next: {command}", command=f"hasei predict {shlex.quote(str(out))} new.csv --out answers.csv")]
