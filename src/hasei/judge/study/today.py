"""Today's process where it can answer rows: a column that holds its answers, rules, or an older model.

It is a cheap truth that trains nothing and writes no folder: the study scores its answers beside those of the candidates,
on the same rows, and it may become the reference. Rows that it does not answer count as wrong.

A file of rules is a CSV with the columns pattern and label. The first pattern that a text holds gives its label:
a piece of text, or a regular expression between slashes; case and width of letters make no difference. ``*`` is the
label of all other texts.
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from hasei.ground.errors import DataError, NotSupported, nearest
from hasei.ground.language import _
from hasei.inputs.data.cells import cells
from hasei.inputs.data.dataset import Dataset, Finding, Input, Table
from hasei.inputs.data.reading import read, refuse_ragged
from hasei.inputs.data.roles import normalise
from hasei.inputs.purpose import Goal
from hasei.tasks import Answers, Space, Task
from hasei.tasks._known import as_known

Kind = Literal["column", "rules", "model"]
Answer = Callable[[Sequence[int]], Answers]
UNANSWERED = ""
_TIMED_ROWS = 128


@dataclass(frozen=True)
class Today:
    """Today's process. *source*: the column, file or folder; *ms_per_row*: milliseconds of the machine for a row.

    A column's answers are there already and cost the machine nothing. *findings*: what is to be said of it.
    """

    kind: Kind
    source: str
    ms_per_row: float
    findings: tuple[Finding, ...]
    answer: Answer
    name: ClassVar[str] = "today"

    @classmethod
    def open(
        cls, goal: Goal, table: Table, data: Dataset, task: Task, space: Space, test: Table | None = None
    ) -> Today | None:
        """Return the process that *goal* names, None where it names none that can answer rows.

        *data* was assembled of *table* and *test*. Raises DataError, BaseError or NotSupported where it does not fit
        the data.
        """
        wish = goal.today
        if wish is None or wish.metric is not None:
            return None
        if wish.column is not None:
            return _column(wish.column, cells(wish.column, data, table, test), data, task, space)
        if wish.rules is not None:
            return _rules(Path(wish.rules), data, task, space)
        return _model(Path(str(wish.model)), data, task, space)

    def answers(self, rows: np.ndarray) -> Answers:
        """Return what it says of *rows* (n,), indices of the data; "" where it says nothing."""
        return self.answer([int(i) for i in rows])

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {"name": self.name, "kind": self.kind, "source": self.source, "ms_per_row": self.ms_per_row}


def _column(name: str, said: list[str], data: Dataset, task: Task, space: Space) -> Today:
    filled = [i for i, cell in enumerate(said) if cell.strip()]
    if not filled or (len(filled) < len(said) and not space.said):
        where = "any row" if not filled else "every row"
        raise DataError(f"the column '{name}' does not hold an answer in {where}", do="name another as goal.today")
    known, _findings = as_known(task, space, [said[i] for i in filled])
    findings: list[Finding] = []
    if space.said:
        values: list[Any] = [UNANSWERED] * len(said)
        for i, answer in zip(filled, known):
            values[i] = answer
        findings = [*_strangers(f"'{name}'", values, space), *_unanswered(len(said) - len(filled))]
    else:
        values = task.truth(known)
    return Today("column", name, 0.0, tuple(findings), lambda rows: _sure([values[i] for i in rows]))


def _sure(values: list[Any]) -> Answers:
    return Answers(values, np.full(len(values), np.nan))


def _unanswered(count: int) -> list[Finding]:
    if not count:
        return []
    message = _("today's process has no answer for {n} rows: they count as wrong", n=f"{count:,}")
    return [Finding("today", "note", message, variant="unanswered", evidence={"rows": count})]


def _strangers(where: str, values: Sequence[str], space: Space) -> list[Finding]:
    """Say which answers are no labels of the data; refuse where none is one."""
    names = set(space.said)
    strange = [value for value in values if value not in names and value != UNANSWERED]
    if not strange:
        return []
    shown = sorted(set(strange))[:5]
    if len(strange) == sum(value != UNANSWERED for value in values):
        raise DataError(
            f"no answer of today's process in {where} is a label of the data",
            expected=f"labels such as {', '.join(space.said[:3])}", received=", ".join(shown[:3]),
            do="name another as goal.today, or call the labels alike",
        )  # fmt: skip
    message = _(
        "today's process gives {n} answers that are no label of the data ({names}): they count as wrong",
        n=f"{len(strange):,}", names=", ".join(shown),
    )  # fmt: skip
    return [Finding("today", "warning", message, variant="unknown_label", evidence={"rows": len(strange)})]


@dataclass(frozen=True)
class _Rule:
    """One line: a text *holds* the pattern, and then its answer is *label*."""

    holds: Callable[[str, str], bool]
    label: str


def _rules(path: Path, data: Dataset, task: Task, space: Space) -> Today:
    if not space.said:
        raise NotSupported(
            f"rules can't answer the task {task.name}: its answers are no labels", do="use goal.today: COLUMN"
        )
    rules = read_rules(path, task, space)

    def answer(rows: Sequence[int]) -> Answers:
        return _sure([apply_rules(rules, data.inputs[i]) for i in rows])

    every = range(len(data))
    missed = sum(value == UNANSWERED for value in answer(every).values)
    return Today("rules", str(path), _timed(answer, every), tuple(_unanswered(missed)), answer)


def read_rules(path: Path, task: Task, space: Space) -> list[_Rule]:
    """Read a file of rules, the default (``*``) last; raises DataError naming the line that is wrong."""
    table = read(path)
    refuse_ragged(table)
    there = [column.strip().casefold() for column in table.columns]
    for name in ("pattern", "label"):
        if name not in there:
            raise DataError(
                f"'{path.name}' has no column '{name}'", expected="the columns pattern and label",
                received=", ".join(table.columns), do="name them so in the first line",
            )  # fmt: skip
    pairs = [(row[there.index("pattern")].strip(), row[there.index("label")].strip()) for row in table.cells]
    blank = next((line for line, pair in zip(table.lines.tolist(), pairs) if not all(pair)), None)
    if blank is not None:
        raise DataError(f"'{path.name}', line {blank} is no rule", expected="a pattern and a label")
    labels, _findings = as_known(task, space, [label for _pattern, label in pairs])
    found: list[_Rule] = []
    default: list[_Rule] = []
    for line, (pattern, _label), label in zip(table.lines.tolist(), pairs, labels, strict=True):
        if label not in space.said:
            raise DataError(
                f"'{path.name}', line {line}: there is no label '{label}' in the data", do=nearest(label, space.said)
            )
        if pattern == "*" and default:
            raise DataError(
                f"'{path.name}', line {line} is a second rule for all other texts", do="remove one of the two"
            )
        (default if pattern == "*" else found).append(_rule(pattern, label, f"'{path.name}', line {line}"))
    return found + default


def _rule(pattern: str, label: str, where: str) -> _Rule:
    if pattern == "*":
        return _Rule(lambda plain, normal: True, label)
    if len(pattern) > 2 and pattern[0] == pattern[-1] == "/":
        try:
            expression = re.compile(pattern[1:-1], re.IGNORECASE)
        except re.error as error:
            raise DataError(f"{where}: the pattern is no regular expression: {error}", received=pattern) from error
        return _Rule(lambda plain, normal: expression.search(plain) is not None, label)
    piece = normalise(pattern)
    return _Rule(lambda plain, normal: piece in normal, label)


def apply_rules(rules: Sequence[_Rule], value: Input) -> str:
    """Return the label of the first of *rules* whose pattern *value* holds, "" where none does."""
    plain = unicodedata.normalize("NFKC", value if isinstance(value, str) else "\n".join(value))
    normal = normalise(value)
    return next((rule.label for rule in rules if rule.holds(plain, normal)), UNANSWERED)


def _model(folder: Path, data: Dataset, task: Task, space: Space) -> Today:
    from hasei.derive.derived import open_model

    model = open_model(folder)
    if model.identity["task"] != task.name:
        raise NotSupported(
            f"the model '{folder.name}' answers another task", expected=task.name, received=model.identity["task"],
            do="name another as goal.today",
        )  # fmt: skip
    known, _findings = as_known(task, space, model.space.said) if space.said else ([], [])
    spelt = dict(zip(model.space.said, known))
    findings = _strangers(f"'{folder.name}'", known, space) if space.said else []
    if model.identity["data"].get("fingerprint") == data.fingerprint:
        message = _(
            "today's model '{name}' was made from these very rows: it looks better than it is", name=folder.name
        )
        findings.append(Finding("today", "warning", message, variant="seen", do=_("judge it on rows it has not seen")))

    def answer(rows: Sequence[int]) -> Answers:
        found = model.answers([data.inputs[i] for i in rows])
        return Answers([spelt.get(value, value) for value in found.values], found.confidence)

    return Today("model", str(folder), _timed(answer, range(len(data))), tuple(findings), answer)


def _timed(answer: Answer, rows: Sequence[int]) -> float:
    """Milliseconds for one row of a batch, after a warm-up."""
    sample = rows[:: max(1, len(rows) // _TIMED_ROWS)][:_TIMED_ROWS]
    answer(sample[:16])
    start = time.perf_counter()
    answer(sample)
    return (time.perf_counter() - start) * 1000 / max(1, len(sample))
