"""A study's result on the terminal: what was read, what was tried, the verdict, and the next command."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hasei.cli.table import LEAST_WIDTH, candidates_table, reasons
from hasei.cli.terminal import console, safe
from hasei.ground.language import _
from hasei.judge.wording import term

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
    _heading(page, _("What was tried, on the select rows, best first, with 95 % intervals"))
    _table(page, report)
    lines = lines_of(report)
    notes = [_("* too few rows, errors or rows of a class for the interval to hold what it promises")]
    texts = [*reasons(lines), *(notes if any(line.too_few for line in lines) else [])]
    if texts:
        page.print()
    for text in texts:
        _item(page, text)
    _verdict(page, report)
    _where(page, report, folder)


def _table(page: Console, report: Report) -> None:
    """Print the table, whole even where the terminal is too narrow for it: a line broken there is better than a cut one."""
    width = page.width
    page.width = max(width, LEAST_WIDTH)
    page.print(candidates_table(report, page.width))
    page.width = width


def _data(page: Console, report: Report) -> None:
    from hasei.judge.report.lines import in_turn, scheme_words

    data = report["data"]
    _heading(page, _("Your rows"))
    for part, column in data["columns"].items():
        _item(page, _column(part, column, part in data.get("guessed", ())))
    roles = ", ".join(_("{role} {rows}", role=term(r), rows=f"{n['rows']:,}") for r, n in data["roles"].items())
    scheme = scheme_words(report)
    if not scheme:
        _item(page, _("rows: {roles}", roles=roles))
    elif in_turn(report):
        _item(page, _("rows: {roles} (each row in every role in turn: {scheme})", roles=roles, scheme=scheme))
    else:
        _item(page, _("rows: {roles} ({scheme})", roles=roles, scheme=scheme))
    for finding in data["findings"]:
        _item(page, _found(finding))


def _column(part: str, column: str, guessed: bool) -> str:
    values = {"part": term(part), "column": column}
    if not guessed:
        return _("{part}: column '{column}'", **values)
    flag = _FLAGS.get(part, f"--map {part}=COL")
    return _("{part}: column '{column}' (guessed; another one: {flag})", flag=flag, **values)


def _found(finding: dict[str, Any]) -> str:
    from hasei.judge.report.figures import few

    values = {"message": finding["message"], "rows": few(finding["rows"])}
    if not finding["rows"]:
        return str(finding["message"])
    return _("{message} (line {rows})", **values) if finding["count"] == 1 else _("{message} (lines {rows})", **values)


def _verdict(page: Console, report: Report) -> None:
    from rich.text import Text

    from hasei.judge.report.lines import facts_of

    page.print()
    page.print(
        Text(_("Verdict: {verdict}", verdict=term(report["verdict"])), style=_COLOURS.get(report["verdict"], "bold"))
    )
    _plain(page, report["reason"])
    page.print()
    for fact in facts_of(report):
        _item(page, _("{name}: {words}", name=fact.title, words=fact.words))


def _where(page: Console, report: Report, folder: Path) -> None:
    from hasei.judge.report.figures import duration

    chosen = report["chosen"]
    kept = report.get("reference") and report["reference"].get("folder")  # today's process has none
    refused = report["verdict"] == "do not adopt" and kept and not _same(report)
    model = folder / ("reference" if refused or not chosen else "model")
    page.print()
    if chosen:
        _whole(page, _("model: {path} ({name})", path=folder / "model", name=chosen["name"]))
    if not _same(report) and kept:
        reference = {"path": folder / "reference", "name": report["reference"]["name"]}
        _whole(page, _("reference: {path} ({name})", **reference))
    _whole(page, _("report: {path}", path=folder / "report.html"))
    used = {"used": duration(report["seconds"]), "budget": duration(report["budget_seconds"])}
    _item(page, _("time: {used} of {budget}", **used))
    page.print()
    _plain(page, _("Next:"))
    _whole(page, f"hasei predict {shlex.quote(str(model))} new.csv --out answers.csv")


def _same(report: Report) -> bool:
    chosen, reference = report.get("chosen"), report.get("reference")
    return bool(chosen and reference and chosen["name"] == reference["name"])


def show_plan(plan: dict[str, Any]) -> None:
    """Print what a study would try."""
    from rich.table import Table
    from rich.text import Text

    from hasei.judge.report.figures import duration
    from hasei.judge.report.lines import scheme_words

    page = console()
    rows = ", ".join(_("{role} {rows}", role=term(role), rows=f"{n:,}") for role, n in plan["rows"].items())
    columns = ", ".join(_("{column} as {part}", column=c, part=term(p)) for p, c in plan["columns"].items())
    _heading(page, _("What would be tried"))
    _item(page, _("columns: {columns}", columns=columns))
    _item(page, _("rows: {rows}; scheme: {scheme}", rows=rows, scheme=scheme_words(plan) or _("holdout")))
    _item(page, _("budget: {budget}", budget=duration(plan["budget_seconds"])))
    reading = duration(plan["read_rows_seconds"])
    _item(page, _("reading the rows once with the base: about {time}", time=reading))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in (_("candidate"), _("role"), _("by")):
        table.add_column(heading, overflow="fold")
    table.add_column(_("one training"), justify="right", no_wrap=True)
    for candidate in plan["candidates"]:
        seconds = duration(candidate["seconds"]) if candidate["seconds"] else _("quick")
        cells = (candidate["name"], term(candidate["role"]), term(candidate["by"]), seconds)
        table.add_row(*(Text(safe(cell)) for cell in cells))
    page.print()
    page.print(table)
    if plan.get("beyond_budget"):
        page.print()
        _plain(page, _(
            "Longer than the whole budget: {names}. Such a training is run with fewer epochs where that is still of use, else it "
            "is left out and the report says so.", names=", ".join(plan["beyond_budget"]),
        ))  # fmt: skip
    _heading(page, _("Why these methods, and why not others"))
    for candidate in plan["candidates"]:
        if candidate.get("reason"):
            _item(page, f"{candidate['name']}: {candidate['reason']}")
    for other in plan.get("passed_over", ()):
        _item(page, _("not {method}: {why}", method=other["method"], why=other["why"]))


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
