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

if TYPE_CHECKING:
    from hasei.judge.parity import Look, Verified

_Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A model folder, or the folder of a run.")]
_Data = Annotated[
    Path | None, typer.Option("--data", metavar="FILE", help="Rows with their right answers, to ask beside its own.")
]


def verify(
    folder: _Folder, data: _Data = None, text: options.Text = None, label: options.Label = None, map_: options.Map = None,
    base: options.Parent = None, json_: options.Json = False, debug: options.Debug = False,
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
    lines = [*found.differences, *(f"cause: {cause}" for cause in found.causes)]
    lines += [_look(look) for look in found.looks]
    lines += [f"note: {note}" for note in found.notes]
    if found.broken:
        lines.append(f"broken by step {found.broken}")
    if not found.passes:
        return [*lines, "NOT as it was made"]
    return [*lines, f"as it was made; it answers {found.answers} rows" if found.answers else "as it was made"]


def _look(look: Look) -> str:
    head = f"{look.rows} rows, by {look.runtime}"
    if look.found is None:
        return f"{head}: {look.why}"
    found = look.found
    if found.why_not:
        return f"{head}: {'; '.join(found.why_not)}"
    score = f"; {found.metric} {found.before:.4g} before, {found.after:.4g} now" if found.metric else ""
    return f"{head}: {found.agreement:.2%} of {found.rows} rows answered as before, outputs within {found.difference:.1e}{score}"


__all__ = ["verify"]
