"""``hasei check``: is this data fit? What was found, which rows, and what to do about it; and what to label next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hasei.cli import options
from hasei.cli.asked import configured, overrides
from hasei.cli.progress import working
from hasei.cli.terminal import console, emit_json, safe, say
from hasei.ground.files import refuse_no_place
from hasei.ground.language import _
from hasei.judge.wording import term

if TYPE_CHECKING:
    from rich.console import Console

    from hasei.inputs.data.dataset import Finding
    from hasei.judge.checks import Room
    from hasei.judge.study import Config

FINDINGS = 4
"""Exit code with --gate where an error was found."""
_Quick = Annotated[bool, typer.Option("--quick", help="Look at texts and columns alone; no base model reads the rows.")]
_Redact = Annotated[
    Path | None,
    typer.Option("--redact", metavar="FILE", help="Write a copy of DATA without personal data; a new file."),
]
_Next = Annotated[
    Path | None, typer.Option("--next", metavar="FILE", help="Write the 50 rows most worth labelling next; a new CSV.")
]
_Gate = Annotated[bool, typer.Option("--gate", help=f"Exit with {FINDINGS} where an error was found.")]


def check(
    data: options.Data = None, test: options.Test = None, corpus: options.Corpus = None,
    base: options.Base = None, task: options.Task = None,
    text: options.Text = None, label: options.Label = None, map_: options.Map = None, group: options.Group = None,
    where: options.Where = None, slice_: options.Slices = None, time: options.Time = None,
    id_: options.Identifier = None, config: options.Config = None, licence: options.Licence = None,
    seed: options.Seed = None, quick: _Quick = False, redact: _Redact = None, next_: _Next = None, gate: _Gate = False,
    lang: options.Lang = None, json_: options.Json = False, debug: options.Debug = False,
) -> None:  # fmt: skip
    """Look at the rows before anything is learnt from them: leaks, duplicates, wrong labels, personal data, bias.

        hasei check tickets.csv
        hasei check tickets.csv --test june.csv --slice region --json

    Each finding says which rows and what to do. Nothing is changed; --redact and --next write new files.

    Exit codes: 0 looked at, whatever was found; 2 the request or its input must change; 4 with --gate, an error was found.
    """
    given = overrides(
        data=data, test=test, corpus=corpus,
        text=text, label=label, parts=map_, group=group, where=where, licence=licence, base=base,
        task=task, seed=seed, slices=slice_, time=time, identifier=id_, lang=lang,
    )  # fmt: skip
    if data is None and config is None:
        raise typer.BadParameter("give a file of rows, or --config with data.path", param_hint="DATA")
    for out, option in ((redact, "--redact"), (next_, "--next")):
        if out is not None:
            refuse_no_place(out, option)
    if redact is not None and redact == next_:
        raise typer.BadParameter("--redact names the same file; give another", param_hint="--next")
    settings = configured(config, given)
    from hasei.ground.language import speaking

    with speaking(settings.lang):
        found = _check(settings, quick, redact, next_, json_)
    if gate and any(finding.severity == "error" for finding in found):
        raise typer.Exit(FINDINGS)


def _check(
    settings: Config, quick: bool, redact: Path | None, next_: Path | None, json_: bool
) -> list[Finding]:  # fmt: skip
    from hasei.judge.study.data_room import inspect, open_data_room

    with working() as watch:
        room = open_data_room(settings, watch)
        found = inspect(room, quick=quick)
        written = _write(room, settings, redact, next_)
    if json_:
        emit_json(_json(room, found, written))
    else:
        _show(room, found)
    for out, count in written.items():
        say(f"{out}: {count}")
    return found


def _write(room: Room, settings: Config, redact: Path | None, next_: Path | None) -> dict[str, str]:
    """Write what was asked for; return in words what each file holds."""
    written: dict[str, str] = {}
    if redact is not None:
        from hasei.judge.redaction import redact as redacted

        label = next(c.name for c in room.task.columns if c.kind == "target")
        done = redacted(room.table.path, redact, keep=room.mapping.columns[label])
        kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(done.counts.items())) or _("nothing to replace")
        if done.left:
            left = ", ".join(f"{kind} {n}" for kind, n in sorted(done.left.items()))
            kinds = _("{replaced}; left in the label column: {left}", replaced=kinds, left=left)
        written[redact.as_posix()] = kinds
    if next_ is not None:
        from hasei.judge.next_rows import next_rows, write_next

        rows = next_rows(room)
        write_next(next_, rows)
        written[next_.as_posix()] = _("{n} rows to label", n=len(rows))
    return written


def _json(room: Room, found: list[Finding], written: dict[str, str]) -> dict[str, Any]:
    return {
        "schema": 1, "file": room.table.path.name, "test": room.test.path.name if room.test else None,
        "rows": len(room.rows), "unlabelled": len(room.unlabelled), "columns": room.mapping.columns,
        "guessed": sorted(room.mapping.guessed), "findings": [finding.to_json(most=None) for finding in found],
        "written": written,
    }  # fmt: skip


_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "dim"}


def _show(room: Room, found: list[Finding]) -> None:
    """Print the findings, the gravest first."""
    page = console()
    columns = ", ".join(f"{term(part)}: '{name}'" for part, name in room.mapping.columns.items())
    page.print(safe(_("{n} rows read ({columns})", n=f"{len(room.rows):,}", columns=columns)), soft_wrap=True)
    names = _names(room)
    for finding in found:
        _finding(page, finding, names)
    if not any(finding.severity != "note" for finding in found):
        page.print(safe(_("Nothing was found that must be changed first.")), soft_wrap=True)


def _names(room: Room) -> dict[tuple[str, int], str]:
    """Return the names of the pictures of folders, by file and number: the rows of a folder have no lines to look up."""
    tables = [table for table in (room.table, room.test) if table is not None and table.path.is_dir()]
    return {
        (table.path.name, int(line)): str(row[0]) for table in tables for line, row in zip(table.lines, table.cells)
    }


def _finding(page: Console, finding: Finding, names: dict[tuple[str, int], str]) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from hasei.judge.report.figures import few

    head = Text(f"\n{term(finding.severity)}  ", style=_STYLES[finding.severity])
    head.append(safe(finding.message), style="default")
    page.print(head)
    if finding.rows:
        where = _("lines {lines} of {file}", lines=few(list(finding.rows), 8), file=finding.file)
        shown = [names[finding.file, row] for row in finding.rows[:5] if (finding.file, row) in names]
        if shown:
            rest = ", ..." if len(finding.rows) > len(shown) else ""
            where = _("{names} of {file}", names=", ".join(shown) + rest, file=finding.file)
        page.print(Padding(Text(safe(f"{where} ({len(finding.rows):,})"), style="dim"), (0, 0, 0, 4)))
    if finding.do:
        page.print(Padding(Text(safe(f"→ {finding.do}")), (0, 0, 0, 4)))
