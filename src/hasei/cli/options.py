"""The options that several commands share, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer


def _option(
    *names: str, meta: str | None = None, help: str, envvar: str | None = None,  # noqa: A002
) -> typer.models.OptionInfo:  # fmt: skip
    info: typer.models.OptionInfo = typer.Option(
        *names, metavar=meta, help=help, envvar=envvar, show_default=False, show_envvar=False
    )
    return info


Json: TypeAlias = Annotated[bool, _option("--json", help="Print one JSON object on stdout and nothing else there.")]
Debug: TypeAlias = Annotated[bool, _option("--debug", help="Show tracebacks and the warnings of libraries.")]
Data: TypeAlias = Annotated[
    Path | None, typer.Argument(metavar="DATA", help="Rows: CSV, TSV, XLSX, JSONL or Parquet.", show_default=False)
]
Test: TypeAlias = Annotated[
    Path | None, _option("--test", meta="FILE", help="Rows for the verdict alone. [held out of DATA]")
]
Corpus: TypeAlias = Annotated[
    Path | None,
    _option("--corpus", meta="FILE", help="Entries to answer from, with ids: a FAQ, documents. [DATA's answers]"),
]
Budget: TypeAlias = Annotated[
    str | None, _option("--budget", meta="TIME", help="All the time it may take, e.g. 90s, 10m, 1h. [10m]")
]
Methods: TypeAlias = Annotated[
    str | None,
    _option("--methods", meta="A,B", help="Only these methods, or all; see: hasei methods. [chosen by the study]"),
]
Config: TypeAlias = Annotated[
    Path | None, _option("--config", meta="FILE", help="Settings such as hasei.yaml; flags win over it.")
]
Plan: TypeAlias = Annotated[bool, _option("--plan", help="Say what would be tried and how long; train nothing.")]
Gate: TypeAlias = Annotated[
    bool, _option("--gate", help="Exit with 3 unless the verdict is adopt, by the rule as it was first fixed.")
]
Base: TypeAlias = Annotated[
    str | None,
    _option("--base", meta="NAME", help="Base model: a folder, an installed package or a hub id. [all-minilm-l6-v2]"),
]
Parent: TypeAlias = Annotated[
    str | None, _option("--base", meta="NAME", help="Where an adapter's base lies now, if it can't be found.")
]
Task: TypeAlias = Annotated[
    str | None, _option("--task", meta="NAME", help="What to learn; see: hasei tasks. [text_classification]")
]
Text: TypeAlias = Annotated[str | None, _option("--text", meta="COL", help="Column to read. [guessed]")]
Label: TypeAlias = Annotated[str | None, _option("--label", meta="COL", help="Column to answer. [guessed]")]
Map: TypeAlias = Annotated[
    list[str] | None, _option("--map", meta="PART=COL", help="Column for another part of the task; may be repeated.")
]
Group: TypeAlias = Annotated[
    str | None, _option("--group", meta="COL", help="Rows with one value here belong together and are never divided.")
]
Where: TypeAlias = Annotated[
    list[str] | None,
    _option("--where", meta="EXPR", help="Keep only rows with COL=VALUE, COL!=VALUE or COL~PART; may be repeated."),
]
Slices: TypeAlias = Annotated[
    list[str] | None,
    _option("--slice", meta="COL", help="Column in whose values nobody may be worse off; may be repeated."),
]
Keep: TypeAlias = Annotated[
    Path | None,
    _option("--keep", meta="FILE", help="Labelled rows of an older task or time that must not be forgotten."),
]
Time: TypeAlias = Annotated[
    str | None, _option("--time", meta="COL", help="Column with the time of a row, to find rows from the future.")
]
Identifier: TypeAlias = Annotated[
    str | None, _option("--id", meta="COL", help="Column that numbers the rows, to find an order that tells the label.")
]
OutOfScope: TypeAlias = Annotated[
    str | None,
    _option("--out-of-scope", meta="LABEL", help="Label of texts that no other label is for, such as other or oos."),
]
Unlabeled: TypeAlias = Annotated[
    Path | None,
    _option("--unlabeled", meta="FILE", help="Rows without a label, for methods that learn the domain from them."),
]
Stage: TypeAlias = Annotated[
    str | None,
    _option("--stage", meta="COL", help="Column with the stage of a row, for methods that learn stage after stage."),
]
AlsoColumns: TypeAlias = Annotated[
    list[str] | None,
    _option("--also", meta="COL[=TASK]", help="Column of another target that is learnt as well; may be repeated."),
]
Scheme: TypeAlias = Annotated[
    str | None,
    _option(
        "--scheme", meta="NAME", help="How rows serve: auto, holdout, kfold or nested (every row in every role). [auto]"
    ),
]
Folds: TypeAlias = Annotated[int | None, _option("--folds", meta="K", help="Folds of --scheme kfold. [5]")]
Seeds: TypeAlias = Annotated[
    int | None, _option("--seeds", meta="N", help="Train each finalist N times, to see what chance does. [1]")
]
AtLeast: TypeAlias = Annotated[
    str | None, _option("--at-least", meta="METRIC=VALUE", help="The goal, e.g. accuracy=0.92 or accuracy=92%.")
]
Licence: TypeAlias = Annotated[
    str | None, _option("--licence", meta="SPDX", help="Licence of the rows, e.g. CC-BY-4.0. [unknown]")
]
LicenceOverride: TypeAlias = Annotated[
    str | None,
    _option("--licence-override", meta="REASON", help="Why to go on where the licences of rows and base conflict."),
]
Seed: TypeAlias = Annotated[int | None, _option("--seed", meta="N", help="Seed of everything random. [0]")]
Lang: TypeAlias = Annotated[
    str | None,
    _option(
        "--lang",
        meta="CODE",
        help="Language of result and report: en or ja. [HASEI_LANG, else en]",
        envvar="HASEI_LANG",
    ),
]
Resume: TypeAlias = Annotated[
    bool, _option("--resume", help="Go on where the same command was stopped; finished work is not done again.")
]
NewFolder: TypeAlias = Annotated[
    Path | None, _option("--out", meta="DIR", help="New folder for the result. [runs/NAME of the data]")
]
