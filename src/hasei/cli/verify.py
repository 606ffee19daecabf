"""``hasei verify``: is this folder as it was made, and does it answer as what was evaluated did?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hasei.cli import options
from hasei.cli.asked import parts_of
from hasei.cli.progress import working
from hasei.cli.terminal import emit_json, safe
from hasei.ground.language import _, language, speaking

if TYPE_CHECKING:
    from hasei.judge.parity import Look, Verified

_Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A model folder, or the folder of a run.")]
_Data = Annotated[
    Path | None, typer.Option("--data", metavar="FILE", help="Rows with their right answers, to ask beside its own.")
]


def verify(
    folder: _Folder, data: _Data = None, text: options.Text = None, label: options.Label = None, map_: options.Map = None,
    base: options.Parent = None, lang: options.Lang = None, json_: options.Json = False, debug: options.Debug = False,
) -> None:  # fmt: skip
    """Check that a model folder is what was evaluated: its files by their hashes, and its answers as it will run.

        hasei verify runs/tickets/model
        hasei verify runs/tickets --data tickets.csv

    It is loaded back and asked again, by hasei and by the library that its card names, the rows that the folder keeps of
    itself; with --data also those, which are held against the scores that the study kept. Every answer must be the same.
    Says what broke it and, of a chain whose steps stand beside it, which step. Exit code 1 where anything differs.
    """
    from hasei.derive.derived import open_model
    from hasei.judge.parity import verify as checked
    from hasei.judge.scored import labelled_rows

    given = parts_of(map_) | {k: v for k, v in (("text", text), ("label", label)) if v}
    rows = labelled_rows(open_model(folder, base or ""), data, given) if data is not None else None
    with speaking(lang or language()):
        with working() as watch:
            found = checked(folder, base or "", rows, watch)
        if json_:
            emit_json(found.to_json())
        else:
            sys.stdout.write(safe("\n".join(_lines(found))) + "\n")
        if not found.passes:
            raise typer.Exit(1)


def _lines(found: Verified) -> list[str]:
    """Return what is said of *found*, the causes before what follows from them."""
    lines = [*found.differences, *(_("cause: {cause}", cause=cause) for cause in found.causes)]
    lines += [_look(look) for look in found.looks]
    lines += [_("note: {note}", note=note) for note in found.notes]
    if found.broken:
        lines.append(_("broken by step {step}", step=found.broken))
    if not found.passes:
        return [*lines, _("NOT as it was made")]
    last = _("as it was made; it answers {rows} rows", rows=found.answers) if found.answers else _("as it was made")
    return [*lines, last]


def _look(look: Look) -> str:
    from hasei.judge.wording import term

    head = _("{rows} rows, by {runtime}", rows=look.rows, runtime=look.runtime)
    if look.found is None:
        return f"{head}: {look.why}"
    found = look.found
    if found.why_not:
        return f"{head}: {'; '.join(found.why_not)}"
    alike = _(
        "{agreement} of {rows} rows answered as before, outputs within {difference}", agreement=f"{found.agreement:.2%}",
        rows=found.rows, difference=f"{found.difference:.1e}",
    )  # fmt: skip
    if not found.metric:
        return f"{head}: {alike}"
    score = _(
        "{metric} {before} before, {after} now",
        metric=term(found.metric),
        before=f"{found.before:.4g}",
        after=f"{found.after:.4g}",
    )
    return f"{head}: {alike}; {score}"


__all__ = ["verify"]
