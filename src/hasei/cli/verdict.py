"""A study's result on the terminal: what was read, what was tried, the verdict, and the next command."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hasei.cli.table import LEAST_WIDTH, candidates_table, reasons
from hasei.cli.terminal import console, safe

if TYPE_CHECKING:
    from rich.console import Console

    from hasei.judge.report.lines import Report

_COLOURS = {"adopt": "bold green", "do not adopt": "bold red", "not enough data": "bold blue", "rethink": "bold yellow"}
_FLAGS = {"text": "--text COL", "label": "--label COL"}


def show(report: Report, folder: Path) -> None:
    """Print *report*, whose files lie in *folder*."""
    from hasei.judge.report.lines import lines_of

    page = console()
    _data(page, report)
    _heading(page, "What was tried, on the select rows, best first, with 95 % intervals")
    _table(page, report)
    lines = lines_of(report)
    notes = ["* too few rows, errors or rows of a class for the interval to hold what it promises"]
    for text in [*reasons(lines), *(notes if any(line.too_few for line in lines) else [])]:
        _item(page, text)
    _verdict(page, report)
    _where(page, report, folder)


def _table(page: Console, report: Report) -> None:
    """Print the table, whole even where the terminal is too narrow for it: a line broken there is better than a cut one."""
    width = page.width
    page.width = max(width, LEAST_WIDTH)
    page.print(candidates_table(report, page.width))
    page.width = width
    page.print()


def _data(page: Console, report: Report) -> None:
    data = report["data"]
    _heading(page, "Your rows")
    for part, column in data["columns"].items():
        flag = _FLAGS.get(part, f"--map {part}=COL")
        guessed = f" (guessed; another one: {flag})" if part in data.get("guessed", ()) else ""
        _item(page, f"{part}: column '{column}'{guessed}")
    roles = ", ".join(f"{role} {rows['rows']:,}" for role, rows in data["roles"].items())
    _item(page, f"rows: {roles}" + _scheme(report))
    from hasei.judge.report.figures import few

    for finding in data["findings"]:
        lines = f" (line{'s' if finding['count'] > 1 else ''} {few(finding['rows'])})" if finding["rows"] else ""
        _item(page, f"{finding['message']}{lines}")


def _scheme(report: Report) -> str:
    """Where rows are few each serves every role in turn."""
    scheme = report.get("scheme", "holdout")
    return "" if not scheme.startswith("nested") else f" (each row in every role in turn: {scheme})"


def _verdict(page: Console, report: Report) -> None:
    from rich.text import Text

    from hasei.judge.report.lines import facts_of

    page.print()
    page.print(Text(f"Verdict: {report['verdict']}", style=_COLOURS.get(report["verdict"], "bold")))
    _plain(page, report["reason"])
    page.print()
    for fact in facts_of(report):
        _item(page, f"{fact.name}: {fact.words}")


def _where(page: Console, report: Report, folder: Path) -> None:
    from hasei.judge.report.figures import duration

    chosen = report["chosen"]
    refused = report["verdict"] == "do not adopt" and report.get("reference") and not _same(report)
    model = folder / ("reference" if refused or not chosen else "model")
    page.print()
    if chosen:
        _whole(page, f"model: {folder / 'model'} ({chosen['name']})")
    if not _same(report) and report.get("reference"):
        _whole(page, f"reference: {folder / 'reference'} ({report['reference']['name']})")
    _whole(page, f"report: {folder / 'report.html'}")
    _item(page, f"time: {duration(report['seconds'])} of {duration(report['budget_seconds'])}")
    page.print()
    _plain(page, "Next:")
    _whole(page, f"hasei predict {shlex.quote(str(model))} new.csv --out answers.csv")


def _same(report: Report) -> bool:
    chosen, reference = report.get("chosen"), report.get("reference")
    return bool(chosen and reference and chosen["name"] == reference["name"])


def show_plan(plan: dict[str, Any]) -> None:
    """Print what a study would try."""
    from rich.table import Table
    from rich.text import Text

    from hasei.judge.report.figures import duration

    page = console()
    rows = ", ".join(f"{role} {number:,}" for role, number in plan["rows"].items())
    _heading(page, "What would be tried")
    _item(page, f"columns: {', '.join(f'{c} as {p}' for p, c in plan['columns'].items())}")
    _item(page, f"rows: {rows}; scheme: {plan['scheme']}")
    _item(page, f"budget: {duration(plan['budget_seconds'])}")
    _item(page, f"reading the rows once with the base: about {duration(plan['read_rows_seconds'])}")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("candidate", "role", "by"):
        table.add_column(heading, overflow="fold")
    table.add_column("one training", justify="right", no_wrap=True)
    for candidate in plan["candidates"]:
        seconds = duration(candidate["seconds"]) if candidate["seconds"] else "quick"
        cells = (candidate["name"], candidate["role"], candidate["by"], seconds)
        table.add_row(*(Text(safe(cell)) for cell in cells))
    page.print()
    page.print(table)


def _heading(page: Console, text: str) -> None:
    from rich.text import Text

    page.print()
    page.print(Text(text, style="bold"))


def _plain(page: Console, text: str, first: str = "", rest: str = "") -> None:
    """Print *text* broken at spaces, its first line behind *first*, the others behind *rest*."""
    from rich.text import Text

    for number, line in enumerate(Text(safe(text)).wrap(page, page.width - len(rest))):
        page.print(f"{rest if number else first}{line.plain.rstrip()}", soft_wrap=True)


def _item(page: Console, text: str) -> None:
    """Print one line of a list, its further lines indented."""
    _plain(page, text, "  ", "    ")


def _whole(page: Console, text: str) -> None:
    """Print a path or a command, which is to be copied: it is never broken into lines."""
    page.print(f"  {safe(text)}", soft_wrap=True)
