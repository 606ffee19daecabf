"""``hasei report``: the page of a study written again from its ``report.json``, for instance in another language."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from hasei.cli import options
from hasei.cli.compare import read_report
from hasei.cli.terminal import emit_json, safe
from hasei.ground.errors import DataError, RecipeError, nearest
from hasei.ground.files import refuse_no_place
from hasei.ground.language import ENGLISH, languages

_Run = Annotated[Path, typer.Argument(metavar="RUN", help="A folder that hasei try left, or its report.json.")]
_NewFile = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="New file. [report.LANG.html in RUN, made anew]", show_default=False),
]


def report(
    run: _Run, lang: options.Lang = None, out: _NewFile = None, json_: options.Json = False,
    debug: options.Debug = False,
) -> None:  # fmt: skip
    """Write the page of a study again from its report.json, for instance in another language; nothing is run.

        hasei report runs/tickets --lang ja

    The reason is said again from the kept answers; what the checks wrote about the data stays as it was written.
    """
    from hasei.judge.report import write_html
    from hasei.judge.retold import retold

    found = read_report(run)
    code = lang or found.get("language") or ENGLISH
    if code not in languages():
        raise RecipeError(f"there is no language '{code}'", do=nearest(str(code), languages()))
    folder = run if run.is_dir() else run.parent
    place = out or folder / f"report.{code}.html"
    if out is not None:
        refuse_no_place(out)
    try:
        write_html(place, retold(found, folder, code), code)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"the report can't be shown: {type(error).__name__} at {error}", expected="a whole report.json of hasei try",
            do="run the study again",
        ) from error  # fmt: skip
    emit_json({"schema": 1, "written": place.as_posix()}) if json_ else sys.stdout.write(safe(f"{place}\n"))


__all__ = ["report"]
