"""The verdict for people: one self-contained page without scripts, made from the JSON contract alone.

::

    figures.py   numbers as a person reads them
    lines.py     a report's table and facts in words, for this page, the terminal and the model card
    page.html    the page
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hasei import __version__
from hasei.ground import files
from hasei.judge.report import figures
from hasei.judge.report.lines import Line, Report, currency_of, facts_of, lines_of, metric_of, ordinal, words_of

_PLOT, _WIDTHS = 120.0, 8.0


def write_html(path: Path, report: Report) -> None:
    """Write *report*, as :func:`hasei.judge.study.result.make_report` returns it, as a page of its own to *path*."""
    files.write_text(path, render_html(report))


def render_html(report: Report) -> str:
    """Return the page; every text in it is escaped, for labels and file names are anybody's."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "duration": figures.duration, "significant": figures.significant, "few": figures.few,
        "joined": lambda text: text.replace(" %", "\u00a0%"),
    }  # fmt: skip
    lines, words = lines_of(report), words_of(report, select=True)
    plots = _plots(lines, metric_of(report).direction)
    return environment.get_template("page.html").render(
        report=report, lines=lines, facts=facts_of(report), plots=plots, currency=currency_of(report),
        words=words, unit="%" if words.share else "", command=command_of(report), version=__version__,
        starred=any(line.too_few for line in lines), ordinal=ordinal(int(report["openings"])),
        environment=_machine(report["environment"]),
    )  # fmt: skip


def _machine(environment: Mapping[str, Any]) -> str:
    """Say what of the machine can change bytes."""
    said = [f"{environment[k]}" for k in ("machine", "processor") if environment.get(k)]
    said += [f"{environment['threads']} threads"] if environment.get("threads") else []
    said += [f"Python {environment['python']}"] if environment.get("python") else []
    return ", ".join([*said, *(f"{name} {number}" for name, number in environment.get("libraries", {}).items())])


def command_of(report: Report) -> str:
    """Return the command that would run the same study on the same files."""
    import shlex

    columns = report["data"]["columns"]
    given = [f"--{part} {shlex.quote(columns[part])}" for part in ("text", "label") if part in columns]
    given += [
        f"--map {shlex.quote(f'{part}={name}')}" for part, name in columns.items() if part not in ("text", "label")
    ]
    base = (report.get("base") or {}).get("opened_as") or (report.get("base") or {}).get("name") or "BASE"
    if report.get("kpi"):
        given.append(f"--at-least {report['kpi']['metric']}={report['kpi']['at_least']:g}")
    budget = f"--budget {report['budget_seconds']:g}s --seed {report['seed']}"
    return " ".join(["hasei try DATA", f"--base {shlex.quote(base)}", *given, budget])


def _plots(lines: Sequence[Line], direction: int) -> list[dict[str, float] | None]:
    """Return where each line's value and bounds lie on a scale of 0 to 120 that all share.

    The scale is of the best ones: one that is far behind gets no drawing, or no difference between others would show.
    """
    bounds = [(line.low, line.high) for line in lines if line.low is not None and line.high is not None]
    if not bounds:
        return [None] * len(lines)
    least, most = min(low for low, _ in bounds), max(high for _, high in bounds)
    shown = _WIDTHS * max(high - low for low, high in bounds) or 1e-9
    least, most = (max(least, most - shown), most) if direction == 1 else (least, min(most, least + shown))

    def place(value: float) -> float:
        return round(4 + (_PLOT - 8) * (value - least) / max(most - least, 1e-9), 1)

    return [_plot(line, place) if _within(line, least, most) else None for line in lines]


def _within(line: Line, least: float, most: float) -> bool:
    return line.low is not None and line.high is not None and line.low >= least - 1e-9 and line.high <= most + 1e-9


def _plot(line: Line, place: Callable[[float], float]) -> dict[str, float] | None:
    if line.value is None or line.low is None or line.high is None:
        return None
    return {"low": place(line.low), "value": place(line.value), "high": place(line.high)}


__all__ = ["command_of", "render_html", "write_html"]
