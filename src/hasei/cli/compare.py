"""``hasei compare``: the results of several studies side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hasei.cli import options
from hasei.cli.terminal import console, emit_json, safe
from hasei.ground.errors import DataError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_Runs = Annotated[list[Path], typer.Argument(metavar="RUN", help="Folders that hasei try left.")]
_KEPT = (
    "verdict",
    "reason",
    "chosen",
    "reference",
    "kpi",
    "delta",
    "openings",
    "candidates",
    "seconds",
    "base",
    "seed",
)


_Recompute = Annotated[
    bool, typer.Option("--recompute", help="Judge again from the kept predictions alone and compare byte by byte.")
]


def compare(
    runs: _Runs, recompute: _Recompute = False, json_: options.Json = False, debug: options.Debug = False
) -> None:
    """Show what several studies found, side by side: verdicts, chosen models, and every candidate's score.

        hasei compare runs/monday runs/tuesday
        hasei compare --recompute runs/monday

    Where the runs were on different rows it says so: their figures don't compare. With --recompute the verdict is made
    again from predictions.parquet, without a model; exit code 1 where it is not, byte for byte, the one that was kept.
    """
    if recompute:
        _recompute(runs, json_)
        return
    reports = {run.as_posix(): read_report(run) for run in runs}
    same = len({report["data"]["fingerprint"] for report in reports.values()}) == 1
    if json_:
        found = [{"run": run, **{k: report.get(k) for k in _KEPT}} for run, report in reports.items()]
        emit_json({"schema": 1, "same_data": same, "runs": found})
        return
    page = console()
    try:
        _verdicts(page, reports)
        _candidates(page, reports)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError("a report.json is damaged: a part of it is missing", do="run that study again") from error
    if not same:
        page.print("\nThe runs were on different rows: their figures can't be set against each other.")


def _recompute(runs: list[Path], json_: bool) -> None:
    """Judge each of *runs* again; exit with 1 where one differs from what was kept."""
    import sys

    from hasei.judge import kept

    found = []
    for run in runs:
        stated = run / kept.VERDICT
        if not stated.is_file():
            raise DataError(
                f"there is no verdict in '{run}'", expected=f"a folder with {kept.VERDICT}", do="check the path"
            )
        again, before = kept.recompute(run), _text(stated)
        ruled, written = json.loads(again), _parsed(before)
        differs = sorted(k for k, v in ruled.items() if written.get(k) != v) + _contradicted(run, ruled)
        same = again == before and not differs
        found.append({"run": run.as_posix(), "same": same, "differs": differs, "verdict": ruled["verdict"]})
    if json_:
        emit_json({"schema": 1, "runs": found})
    else:
        for one in found:
            said = (
                "the same, byte for byte" if one["same"] else f"NOT the same: {', '.join(one['differs']) or 'spelling'}"
            )
            sys.stdout.write(safe(f"{one['run']}: {one['verdict']}, judged again from its predictions: {said}\n"))
    if not all(one["same"] for one in found):
        raise typer.Exit(1)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"'{path}' can't be read, or is damaged", do="run the study again") from error


def _parsed(text: str) -> dict[str, Any]:
    """Return the verdict in *text*, nothing where it is none: then every field differs."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _contradicted(run: Path, ruled: dict[str, Any]) -> list[str]:
    """Return the fields in which ``report.json`` says something else than the verdict made again."""
    if not (run / "report.json").is_file():
        return []
    report = read_report(run)
    found = []
    for name, value in ruled.items():
        stated = report.get(name)
        if name in ("chosen", "reference") and isinstance(stated, dict):
            stated = {key: stated.get(key) for key in value}  # a report also says where the folder is
        if stated != value:
            found.append(f"report.json: {name}")
    return found + _other_scores(run, report)


def _other_scores(run: Path, report: dict[str, Any]) -> list[str]:
    """Return the candidates whose score on the select rows is not that of their kept answers."""
    from hasei.judge import kept

    again, found = kept.selected(run), []
    for candidate in report["candidates"]:
        stated = candidate.get("select") or {}
        if candidate.get("name") in again and candidate.get("status") == "done":
            scores = again[candidate["name"]]
            if {key: stated.get(key) for key in scores} != scores:
                found.append(f"report.json: candidates ({candidate['name']})")
    return found


def read_report(run: Path) -> dict[str, Any]:
    """Return the ``report.json`` of *run*, a folder that ``hasei try`` left or that file itself; raises DataError."""
    path = run / "report.json" if run.is_dir() else run
    if not path.is_file():
        raise DataError(
            f"there is no result of hasei try in '{run}'", expected="a folder with report.json", do="check the path"
        )
    try:
        report = json.loads(path.read_text("utf-8"))
        report["schema"], report["verdict"], report["data"]["fingerprint"], report["task"]
        [(c["name"], c["status"]) for c in (*report["candidates"],)]
        [report[part]["confirm"]["value"] for part in ("chosen", "reference")]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"'{path}' is not a report of hasei try, or damaged", do="run the study again") from error
    if report["schema"] != 1:
        raise DataError(f"'{path}' has schema {report['schema']}", expected="1", do="update hasei")
    return report  # type: ignore[no-any-return]


def _verdicts(page: Console, reports: dict[str, dict[str, Any]]) -> None:
    from hasei.judge.report.figures import duration
    from hasei.judge.report.lines import facts_of

    for run, report in reports.items():
        page.print(safe(f"{run}: {report['verdict']} ({duration(report['seconds'])})"), style="bold", soft_wrap=True)
        for fact in facts_of(report):
            if fact.name in ("chosen", "gain", "reference"):
                page.print(safe(f"  {fact.name}: {fact.words}"), soft_wrap=True)


def _candidates(page: Console, reports: dict[str, dict[str, Any]]) -> None:
    from hasei.judge.report.lines import lines_of

    scores: dict[str, dict[str, str]] = {}
    for run, report in reports.items():
        for line in lines_of(report):
            scores.setdefault(line.whole_name, {})[run] = line.quality if line.done else line.status
    page.print("\nScores on the select rows", style="bold")
    page.print(_table(list(reports), scores))


def _table(runs: list[str], scores: dict[str, dict[str, str]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("candidate", overflow="fold", min_width=19)
    for run in runs:
        table.add_column(Text(safe(Path(run).name or run), overflow="fold"), justify="right", no_wrap=True)
    for name, found in scores.items():
        table.add_row(Text(safe(name)), *(Text(found.get(run, "")) for run in runs))
    return table
