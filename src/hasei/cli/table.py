"""The candidates of a study as one table, readable from 80 columns on: in narrow terminals each takes two lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from hasei.judge.report.lines import Line, Report

LEAST_WIDTH = 79
"""Columns that the table needs: below that a terminal breaks its lines, but no figure is cut."""
WIDE = 150
"""Columns from which on a candidate fits on one line."""


def candidates_table(report: Report, width: int) -> Table:
    """Return the table of the candidates of *report* for a terminal of *width* columns."""
    from hasei.judge.report.lines import currency_of, lines_of, words_of

    lines, words = lines_of(report), words_of(report, select=True)
    unit, currency = ("%" if words.share else ""), currency_of(report) or "money"
    table = _empty()
    if width >= WIDE:
        _wide(table, lines, f"{words.metric} {unit}".strip(), currency)
    else:
        _narrow(table, lines, words.metric, unit, currency)
    return table


def _empty() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")


def _wide(table: Table, lines: list[Line], metric: str, currency: str) -> None:
    table.add_column("candidate", overflow="fold")
    table.add_column("role")
    table.add_column("status")
    for heading in (f"{metric} (interval)", "over the base", "parameters", "training", currency, "a row, ms",
                    f"1,000, {currency}", "on disk"):  # fmt: skip
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        name = f"{line.name} ({line.settings})" if line.settings else line.name
        role = f"{line.role}, {line.part}" if line.part else line.role
        figures = [line.quality, line.gain, line.parameters, line.training, line.training_money, line.ms_per_row,
                   line.money_per_1000, line.size]  # fmt: skip
        _add(table, [name, role, line.status, *figures], line)


def _narrow(table: Table, lines: list[Line], metric: str, unit: str, currency: str) -> None:
    table.add_column("candidate", overflow="fold", ratio=1, min_width=19)
    headings = [f"{metric}{', ' if unit else ''}{unit}\ninterval", "over\nbase", "para-\nmeters",
                f"training\n{currency}", f"row, ms\n1,000, {currency}", "on\ndisk"]  # fmt: skip
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        about = f"{line.role}{', ' if line.part else ''}{line.part}{'; ' if line.settings else ''}{line.settings}"
        score = f"{line.score}{'*' if line.too_few else ''}\n{line.interval}" if line.done else line.status
        figures = [score, line.gain, line.parameters, f"{line.training}\n{line.training_money}",
                   f"{line.ms_per_row}\n{line.money_per_1000}", line.size]  # fmt: skip
        _add(table, [f"{line.name}\n{about}", *(figures if line.done else [line.status, "", "", "", "", ""])], line)


def _add(table: Table, cells: list[str], line: Line) -> None:
    from rich.text import Text

    from hasei.cli.terminal import safe

    style = "bold" if "chosen" in line.part else "" if line.done else "dim"
    table.add_row(*(Text(safe(cell)) for cell in cells), style=style)


def reasons(lines: list[Line]) -> list[str]:
    """Say why the candidates without a score have none."""
    left = [line for line in lines if not line.done]
    return [f"{line.name}{f' ({line.settings})' if line.settings else ''}, {line.status}: {line.why}" for line in left]
