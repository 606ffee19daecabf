"""The candidates of a study as one table, readable from 80 columns on: in narrow terminals each takes two lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hasei.ground.language import _
from hasei.judge.wording import term

if TYPE_CHECKING:
    from rich.table import Table

    from hasei.judge.report.lines import Line, Report
    from hasei.judge.wording import Words

LEAST_WIDTH = 79
"""Columns that the table needs: below that a terminal breaks its lines, but no figure is cut."""
WIDE = 162
"""Columns from which on a candidate fits on one line."""


def candidates_table(report: Report, width: int) -> Table:
    """Return the table of the candidates of *report* for a terminal of *width* columns."""
    from hasei.judge.report.lines import currency_of, lines_of, words_of

    lines, words = lines_of(report), words_of(report, select=True)
    currency = currency_of(report) or _("money")
    table = _empty()
    if width >= WIDE:
        _wide(table, lines, words, currency)
    else:
        _narrow(table, lines, words, currency)
    return table


def _empty() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")


def _wide(table: Table, lines: list[Line], words: Words, currency: str) -> None:
    table.add_column(_("candidate"), overflow="fold")
    table.add_column(_("role"))
    table.add_column(_("status"))
    score = (
        _("{metric} % (interval)", metric=words.name) if words.share else _("{metric} (interval)", metric=words.name)
    )
    for heading in (score, _("over the base"), _("base kept, %"), _("parameters"), _("training"), currency, _("a row, ms"),
                    _("1,000, {currency}", currency=currency), _("on disk")):  # fmt: skip
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        role = f"{term(line.role)}, {line.part}" if line.part else term(line.role)
        figures = [line.quality, line.gain, line.retained, line.parameters, line.training, line.training_money, line.ms_per_row,
                   line.money_per_1000, line.size]  # fmt: skip
        _add(table, [line.whole_name, role, term(line.status), *figures], line)


def _narrow(table: Table, lines: list[Line], words: Words, currency: str) -> None:
    table.add_column(_("candidate"), overflow="fold", ratio=1, min_width=19)
    score = _("{metric}, %\ninterval", metric=words.name) if words.share else _("{metric}\ninterval", metric=words.name)
    headings = [score, _("over\nbase,\nkept"), _("para-\nmeters"), _("training\n{currency}", currency=currency),
                _("row, ms\n1,000, {currency}", currency=currency), _("on\ndisk")]  # fmt: skip
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for line in lines:
        value = f"{line.score}{'*' if line.too_few else ''}\n{line.interval}"
        figures = [value, f"{line.gain}\n{line.retained}", line.parameters, f"{line.training}\n{line.training_money}",
                   f"{line.ms_per_row}\n{line.money_per_1000}", line.size]  # fmt: skip
        none = [term(line.status), "", "", "", "", ""]
        _add(table, [f"{line.name}\n{line.about}", *(figures if line.done else none)], line)


def _add(table: Table, cells: list[str], line: Line) -> None:
    from rich.text import Text

    from hasei.cli.terminal import safe

    style = "bold" if line.chosen else "" if line.done else "dim"
    table.add_row(*(Text(safe(cell)) for cell in cells), style=style)


def reasons(lines: list[Line]) -> list[str]:
    """Say why the candidates without a score have none."""
    return [
        _("{name}, {status}: {why}", name=line.whole_name, status=term(line.status), why=line.why)
        for line in lines
        if not line.done
    ]
