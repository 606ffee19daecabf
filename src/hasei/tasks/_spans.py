"""Questions with answers that stand in a context, in the shapes in which people have them; canonical ones say where.

Read are ``answers`` as SQuAD has them (``{"text": [...], "answer_start": [...]}``, or a list of ``{"text", "answer_start"}``),
lists of texts, or a plain text, with or without a column ``answer_start``; nothing, where ``is_impossible`` says so or the
list is empty. Canonical is a JSON list of ``{"start", "text"}``, characters of the context; ``[]`` is no answer.

Relations: read by :mod:`hasei.tasks.question_answering` alone.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hasei.ground.errors import DataError
from hasei.ground.files import canonical_json
from hasei.ground.language import _
from hasei.inputs.data.dataset import Finding, Table
from hasei.tasks._columns import called, folded

CONTEXT = (
    "context", "passage", "paragraph", "document", "article", "text", "body", "content", "message", "文脈", "本文", "文章",
    "段落", "テキスト",
)  # fmt: skip
ANSWER = ("answer", "answers", "label", "answer_text", "gold", "span", "target", "答え", "回答", "正解", "解答", "抽出")
_STARTS = ("answer_start", "answerstart", "start", "answer_starts", "開始位置")
_NOTHING = ("is_impossible", "isimpossible", "unanswerable", "no_answer")
_SPOILT = 0.05
"""Share of rows whose answer may stand nowhere in the context before the whole file is taken for something else."""

Answer = tuple[int, str]
"""Where an answer starts in its context, in characters, and its text."""


@dataclass
class _Found:
    """What became of the answers of a file, by line."""

    moved: list[int] = field(default_factory=list)
    unsure: list[int] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)


def write(answers: Sequence[Answer]) -> str:
    """Return *answers* as a canonical cell."""
    return canonical_json([{"start": start, "text": text} for start, text in answers])


def read(cell: str) -> tuple[Answer, ...] | None:
    """Return the answers of a canonical cell; None where it is none."""
    try:
        value = json.loads(cell)
        return tuple((int(one["start"]), str(one["text"])) for one in value) if isinstance(value, list) else None
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def arrange(table: Table) -> Table:
    """Return *table* with canonical answers, wherever it has any; every row stays.

    A start that is wrong is set right where the text stands once in the context, else to the nearest place where it stands,
    and a finding says so. Rows whose answer stands nowhere lose it, with a finding; raises DataError where these are many.
    """
    column, context = called(table, ANSWER), called(table, CONTEXT)
    if column is None or context is None or column == context:
        return table
    place, where = table.columns.index(column), table.columns.index(context)
    starts, nothing = called(table, _STARTS), called(table, _NOTHING)
    cells, found = [], _Found()
    for line, row in zip(table.lines.tolist(), table.cells):
        start = row[table.columns.index(starts)] if starts else ""
        impossible = nothing is not None and folded(row[table.columns.index(nothing)]) in ("true", "1", "yes")
        cells.append("[]" if impossible else _canonical(row[place], start, row[where], line, found))
    _refuse_lost(table, found, column)
    rows = [(*row[:place], cell, *row[place + 1 :]) for row, cell in zip(table.cells, cells)]
    return replace(table, cells=rows, findings=(*table.findings, *_said(table, found)))


def _canonical(cell: str, start: str, context: str, line: int, found: _Found) -> str:
    """Return the answers of one row as a canonical cell, "" where it says none or all of them are lost."""
    if not cell.strip() or not context.strip():
        return ""
    stated = _stated(cell, start)
    if not stated:
        return "[]"
    placed = [answer for text, at in stated if (answer := _placed(text, at, context, line, found)) is not None]
    if not placed:
        found.lost.append(line)
    return write(list(dict.fromkeys(placed))) if placed else ""


def _stated(cell: str, start: str) -> list[tuple[str, int | None]]:
    """Return the answers that a cell states, each with its start where one is given."""
    try:
        value = json.loads(cell) if cell.lstrip()[:1] in ("[", "{") else cell
    except (ValueError, RecursionError):
        value = cell
    if isinstance(value, dict) and "text" in value:
        texts, starts = value["text"], value.get("answer_start", value.get("start"))
        texts, starts = ([texts], [starts]) if isinstance(texts, str) else (texts, starts or [])
    elif isinstance(value, list) and all(isinstance(one, dict) and "text" in one for one in value):
        texts, starts = [one["text"] for one in value], [one.get("answer_start", one.get("start")) for one in value]
    elif isinstance(value, list) and all(isinstance(one, str) for one in value):
        texts, starts = value, []
    else:
        texts, starts = [cell], [start]
    if not isinstance(texts, list) or not isinstance(starts, list):
        texts, starts = [cell], [start]
    padded = [*starts, *[None] * (len(texts) - len(starts))]
    return [(str(text), _number(at)) for text, at in zip(texts, padded) if str(text).strip()]


def _number(value: Any) -> int | None:
    try:
        return int(float(unicodedata.normalize("NFKC", str(value))))
    except (ValueError, OverflowError):
        return None


def _placed(text: str, start: int | None, context: str, line: int, found: _Found) -> Answer | None:
    """Return *text* where it stands in *context*; None where it stands nowhere."""
    if start is not None and start >= 0 and context[start : start + len(text)] == text:
        return _trimmed(start, text)
    places = _places(text, context) or _places(text.strip(), context)
    if not places:
        return None
    if start is None:
        return _trimmed(places[0], text if _places(text, context) else text.strip())
    (found.moved if len(places) == 1 else found.unsure).append(line)
    nearest = min(places, key=lambda place: abs(place - start))
    return _trimmed(nearest, text if _places(text, context) else text.strip())


def _places(text: str, context: str) -> list[int]:
    """Return everywhere that *text* starts in *context*."""
    found, place = [], context.find(text) if text else -1
    while place >= 0:
        found.append(place)
        place = context.find(text, place + 1)
    return found


def _trimmed(start: int, text: str) -> Answer:
    """Return the answer without white space around it."""
    return start + len(text) - len(text.lstrip()), text.strip()


def _refuse_lost(table: Table, found: _Found, column: str) -> None:
    if len(found.lost) > _SPOILT * len(table.cells):
        raise DataError(
            f"'{table.path.name}', line {found.lost[0]} has an answer ('{column}') that does not stand in its context",
            expected="answers that are pieces of the context, letter by letter",
            received=f"{len(found.lost)} of {len(table.cells)} rows with others",
            do="correct them, or leave them out with --where; other answers than pieces of the context can't be learnt",
        )


def _said(table: Table, found: _Found) -> list[Finding]:
    name, findings = table.path.name, []
    if found.moved:
        message = _(
            "answers of '{file}' that start elsewhere in their context than stated, and were set right: {n}", file=name,
            n=len(found.moved),
        )  # fmt: skip
        findings.append(Finding("answer_start", "note", message, name, tuple(found.moved), variant="moved"))
    if found.unsure:
        message = _(
            "answers of '{file}' that do not start where stated and stand in several places: {n}; the nearest was taken",
            file=name, n=len(found.unsure),
        )  # fmt: skip
        do = _("count the start in characters of the context, from 0")
        findings.append(Finding("answer_start", "warning", message, name, tuple(found.unsure), do, variant="unsure"))
    if found.lost:
        message = _(
            "answers of '{file}' that do not stand in their context, line {line} first: {n}; left out", file=name,
            line=found.lost[0], n=len(found.lost),
        )  # fmt: skip
        do = _("give answers as they stand in the context, letter by letter")
        findings.append(Finding("answer", "warning", message, name, tuple(found.lost), do, variant="lost"))
    return findings
