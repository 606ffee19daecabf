"""``hasei rank``: several purposes at once, each tried, ordered by what it is expected to return."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hasei.cli import options
from hasei.cli.compare import read_report
from hasei.cli.progress import working
from hasei.cli.terminal import console, emit_json, safe, say
from hasei.ground.errors import HaseiError, OutputError, RecipeError, Stopped, UserError
from hasei.ground.language import _, language, speaking

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from hasei.ground.statistics import Interval
    from hasei.inputs.purpose import Prices
    from hasei.judge.ranking import UseCase
    from hasei.judge.study import Config

_Files = Annotated[list[Path], typer.Argument(metavar="YAML", help="One hasei.yaml for each use case.")]
_Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="Folder in which the runs are kept, each under its file's name.")
]
_PLACE = Path("runs/rank")


def rank(
    files: _Files, out: _Out = _PLACE, lang: options.Lang = None, json_: options.Json = False,
    debug: options.Debug = False,
) -> None:  # fmt: skip
    """Order several use cases by what each is expected to return for the money and the labour that it takes.

        hasei rank tickets.yaml reviews.yaml alarms.yaml

    Each file is a hasei.yaml with its own data, goal, prices and budget; each is run as hasei try runs it. A run that is
    finished already, with the same settings and files, is not run again. One that can't be done is said, and stands last
    with its reason; the others are ranked all the same.

    Exit codes: 0 at least one could be ranked; 2 the files can't be read or compared, or no use case could be tried.
    """
    configs = _configs(files)
    for name, config in configs.items():
        _refuse_another(config, out / name, name)
    with speaking(lang or language()):
        reports, failed = _reports(configs, out)
        from hasei.judge.ranking import rank as in_order

        found = in_order(reports, failed)
        if json_:
            emit_json(_json(found, out))
        else:
            _show(found)
    if not reports:
        raise typer.Exit(UserError.exit_code)


def _reports(configs: Mapping[str, Config], out: Path) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Return the reports of the use cases by name, and the errors of those that could not be done."""
    from hasei.judge.ranking import use_case

    reports: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    for name, config in configs.items():
        try:
            found = _report(name, config, out / name)
            use_case(name, found)  # its money must be readable too
            reports[name] = found
        except Stopped:
            raise
        except HaseiError as error:
            say(f"error: {error}")
            failed[name] = str(error).removeprefix(f"{name}: ")
    return reports, failed


def _configs(files: Sequence[Path]) -> dict[str, Config]:
    """Read every file, so that nothing is run before all of them can be; raises RecipeError where two don't compare."""
    from hasei.judge.ranking import refuse_unlike
    from hasei.judge.study.config import read_config

    found: dict[str, Config] = {}
    for file in files:
        if file.stem in found:
            raise RecipeError(f"two use cases are called '{file.stem}'", expected="a file name of its own for each")
        with _named(file.name):
            found[file.stem] = read_config(file, {})
    priced = {name: c.prices for name, c in found.items() if _is_priced(c.prices)}
    refuse_unlike({name: (prices.currency, prices.horizon_months) for name, prices in priced.items()})
    return found


def _is_priced(prices: Prices) -> bool:
    """Whether a study with *prices* says anything in money: what has no amounts compares with every currency."""
    return any((prices.predictions_per_month, prices.cost_of_an_error, prices.costs, prices.cost_of_a_person))


@contextlib.contextmanager
def _named(name: str) -> Iterator[None]:
    """Say of which use case an error is."""
    try:
        yield
    except Stopped as error:
        again = "run the same command again: what is finished is not done again"
        raise Stopped(f"stopped by Ctrl-C in {name}", do=again) from error
    except HaseiError as error:
        if name in error.happened:
            raise
        raise type(error)(
            f"{name}: {error.happened}", expected=error.expected, received=error.received, do=error.do
        ) from error


def _report(name: str, config: Config, place: Path) -> dict[str, Any]:
    """Return the report of the finished run at *place*, which is run first where there is none."""
    from hasei.ground.files import write_json
    from hasei.judge.study import conduct

    same = _is_same(config, place, name)
    if place.exists():
        say(_("{name}: finished already, in {place}", name=name, place=place.as_posix()))
        return read_report(place)
    write_json(_stamp(place, name), _asked(config))
    say(_("{name}: trying", name=name))
    with _named(name), working(config.budget_seconds, resumes=True) as watch:
        # What a stopped run of the same settings left is gone on with.
        conduct(config, place, watch, resume=same and place.with_name(f".{place.name}.work").exists())
    return read_report(place)


def _stamp(place: Path, name: str) -> Path:
    return place.with_name(f"{name}.asked.json")


def _is_same(config: Config, place: Path, name: str) -> bool:
    """Whether what was begun at *place* was asked for with the same settings and files."""
    stamp = _stamp(place, name)
    return stamp.is_file() and _read(stamp) == _asked(config)


def _refuse_another(config: Config, place: Path, name: str) -> None:
    """Raise OutputError where another run lies at *place*, before anything is run."""
    if place.exists() and not _is_same(config, place, name):
        raise OutputError(
            f"'{place}' holds a run with other settings or other rows", expected="the same, or nothing",
            do="choose another --out, or move it away",
        )  # fmt: skip


def _asked(config: Config) -> dict[str, Any]:
    """Return what a run hangs on: settings but for the language, and the content of the files that they name."""
    from hasei.ground.files import hash_file, plain

    files = {name: hash_file(Path(name)) for name in config.places if Path(name).is_file()}
    return plain({"settings": config.model_dump(mode="json", exclude={"lang"}), "files": files})  # type: ignore[no-any-return]


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError:
        return None  # torn by a crash: then it is no run that could be gone on with


def _json(found: Sequence[UseCase], out: Path) -> dict[str, Any]:
    cases = [
        {"place": place, "folder": (out / case.name).as_posix(), **case.to_json()}
        for place, case in enumerate(found, 1)
    ]
    money = next((case.money for case in found if case.money is not None), None)
    return {
        "schema": 1, "currency": money.currency if money else None,
        "horizon_months": money.horizon_months if money else None, "use_cases": cases,
    }  # fmt: skip


def _show(found: Sequence[UseCase]) -> None:
    from rich.measure import Measurement

    page, table = console(), _table(found)
    width = page.width
    needed = Measurement.get(page, page.options.update(width=1000), table).minimum
    page.width = max(width, needed)  # a line that a narrow terminal breaks is better than a figure that is cut
    page.print(table)
    page.width = width
    page.print()
    notes = []
    if any(case.adopted and case.back is not None and not case.sure for case in found):
        notes.append(_("* may not be paid back: at its worst it returns nothing, or less"))
    if any(case.adopted and case.back is None for case in found):
        notes.append(_("Without predictions_per_month and the cost of an error the return can't be told."))
    notes += [f"{case.name}: {case.reason}" for case in found if not case.adopted]
    for note in notes:
        _wrapped(page, note)


def _wrapped(page: Console, text: str) -> None:
    from rich.text import Text

    for number, line in enumerate(Text(safe(text)).wrap(page, max(20, page.width - 2))):
        page.print(f"{'  ' if number else ''}{line.plain.rstrip()}", soft_wrap=True)


def _table(found: Sequence[UseCase]) -> Table:
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    from hasei.judge.wording import term

    money = next((case.money for case in found if case.money is not None), None)
    currency, months = (money.currency, f"{money.horizon_months:g}") if money else ("", "")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
    table.add_column(_("use case\nverdict"), overflow="fold", min_width=15)
    headings = (
        _("saved a month\n{currency}", currency=currency), _("setup\nhours"), _("months to\nbreak even"),
        _("returned\nin {n} months", n=months), _("return per\n{currency}, hour", currency=currency),
    ) if money else ("",) * 5  # fmt: skip
    rows = [_cells(case) for case in found]
    for number, heading in enumerate(headings):
        least = max(
            cell_len(line) for text in (heading, *(cells[number] for cells in rows)) for line in text.split("\n")
        )
        table.add_column(heading, justify="right", no_wrap=True, min_width=least)
    for place, (case, cells) in enumerate(zip(found, rows), 1):
        named = f"{place}. {case.name}\n{term(case.verdict)}"
        table.add_row(*(Text(safe(cell)) for cell in (named, *cells)), style="" if case.adopted else "dim")
    return table


def _cells(case: UseCase) -> list[str]:
    from hasei.judge.report.figures import NONE

    money, back = case.money, case.back
    if money is None:
        return [NONE] * 5
    months = money.months_to_break_even
    saved, returned = _interval(money.per_month), _interval(back)
    paid = [NONE, ""] if months is None else _span(*months)
    star = "*" if case.adopted and back is not None and not case.sure else ""
    return [
        "\n".join(saved), f"{_figure(money.setup)}\n{_figure(money.labour_hours)}", "\n".join(paid),
        f"{returned[0]}{star}\n{returned[1]}", f"{_ratio(case.per_money)}\n{_ratio(case.per_hour)}",
    ]  # fmt: skip


def _ratio(value: float | None) -> str:
    from hasei.judge.report.figures import NONE, significant

    return NONE if value is None else significant(value) if abs(value) < 10 else _figure(value)


def _interval(interval: Interval | None) -> list[str]:
    return ["–", ""] if interval is None else _span(interval.value, interval.low, interval.high)


def _span(value: float, low: float, high: float) -> list[str]:
    return [_figure(value), _("{low} to {high}", low=_figure(low), high=_figure(high))]


def _figure(value: float) -> str:
    """Say a figure in few signs: ``never``, ``3.6``, ``2,000``, ``480 k``, ``14.3 M``."""
    if value == float("inf"):
        return _("never")
    for scale, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 9.9995 * scale or (scale > 1e3 and abs(value) >= 0.9995 * scale):
            return f"{value / scale:,.{0 if abs(value) >= 99.95 * scale else 1}f}".removesuffix(".0") + f" {unit}"
    return f"{value:,.{0 if abs(value) >= 10 or value == round(value) else 1}f}"


__all__ = ["rank"]
