"""``hasei predict``: the answer people came for; their rows, labelled, with confidence, at constant memory."""

from __future__ import annotations

import contextlib
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from hasei.cli import options
from hasei.cli.answers import Writer
from hasei.cli.asked import parts_of
from hasei.cli.other_heads import OtherHeads
from hasei.cli.progress import working
from hasei.cli.terminal import emit_json, say
from hasei.ground.errors import NotSupported, OutputError, Stopped
from hasei.ground.files import new_file, refuse_existing, refuse_no_place
from hasei.ground.language import _

if TYPE_CHECKING:
    from hasei.derive.derived import DerivedModel
    from hasei.ground.events import Watch
    from hasei.inputs.data.dataset import Table
    from hasei.inputs.data.reading import Batch, Stream
    from hasei.judge.automation import Calibration

BATCH_ROWS = 4096
"""Rows held at a time: as many as the engine sorts by length, few enough for constant memory."""

_Model = Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="A model folder that hasei made.")]
_File = Annotated[Path, typer.Argument(metavar="FILE", help="Rows: CSV, TSV, XLSX, JSONL or Parquet.")]
_Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="New file: .csv, .tsv or .jsonl. [stdout, as CSV]")
]


_Automatic = Annotated[
    bool, typer.Option("--automatic", help="Say of each row whether it can be answered without a person.")
]


def predict(
    model_dir: _Model, file: _File, out: _Out = None, automatic: _Automatic = False, text: options.Text = None,
    map_: options.Map = None, base: options.Parent = None, json_: options.Json = False, debug: options.Debug = False,
) -> None:  # fmt: skip
    """Answer every row of a file: all its columns, in order, and two more, label and confidence.

        hasei predict runs/tickets/model new.csv --out answers.csv

    With --automatic a third one, yes or no: whether the answer is as sure as the study found necessary for the wished
    accuracy; the confidence is then the calibrated one. A model that finds entries gives the id of the best one, and two columns
    more: its score, and its text, or that it doesn't know; one with several heads gives a column for each other target. Rows
    without text get nothing and are counted. FILE may be of any length; an existing --out is never overwritten.
    """
    if json_ and out is None:
        raise typer.BadParameter("rows and the JSON object can't both go to stdout; give --out", param_hint="--json")
    if out is not None:
        if out.suffix.lower() not in (".csv", ".tsv", ".jsonl", ".ndjson"):
            raise OutputError(
                f"answers can't be written as '{out.suffix or out.name}'",
                expected=".csv, .tsv or .jsonl",
                do="choose another --out",
            )
        refuse_no_place(out)
    from hasei.derive.derived import open_model
    from hasei.inputs.data import stream

    rows = stream(file, BATCH_ROWS)
    model = open_model(model_dir, base or "")
    given = parts_of(map_) | ({"text": text} if text else {})
    columns = input_columns(model, rows, given)
    gate = Gate.of(model) if automatic else None
    teller = OtherHeads.of(model, gate) or Teller.of(model)
    with _destination(out, rows) as target, working() as watch:
        total = sum(len(cells) for cells, _ in rows)  # also finds a broken row before the work begins
        done = _answer_all(
            model,
            rows,
            columns,
            Writer(target, rows.columns, out.suffix if out else ".csv", automatic=automatic, told=teller.columns),
            total,
            watch,
            gate,
            teller,
        )
        if out is not None:
            refuse_existing(out)
    _report(done, out, json_, automatic)
    if done.unknown and not json_:
        wish = 100 * float(model.record["automation"]["wish"])
        say(_(
            "{unknown} of them: \"I don't know\", since above that confidence {wish} of the answers are right "
            "(goal.automate_at in hasei.yaml asks for less)", unknown=f"{done.unknown:,}", wish=f"{wish:g} %",
        ))  # fmt: skip


@dataclass(frozen=True)
class Gate:
    """From which calibrated confidence on an answer needs no person, as the study that made the model found."""

    calibration: Calibration
    threshold: float

    @classmethod
    def of(cls, model: DerivedModel) -> Gate:
        """Return the gate in *model*'s record; raises NotSupported where no study has left one."""
        from hasei.judge.automation import Calibration

        found = model.record.get("automation") or {}
        if found.get("threshold") is None:
            raise NotSupported(
                "this model knows no confidence from which answers need no person",
                expected="a model of hasei try with enough rows that are right often enough", do="leave out --automatic",
            )  # fmt: skip
        if found.get("missed"):
            say(_(
                "warning: above this model's threshold surely less than the {wish} wished for was right in its study",
                wish=f"{100 * found['wish']:.0f} %",
            ))  # fmt: skip
        return cls(Calibration.read(found["calibration"]), float(found["threshold"]))

    def answers(self, model: DerivedModel, inputs: Sequence[Any]) -> list[tuple[Any, float, bool]]:
        """Return label, calibrated confidence and whether it is enough, of each of *inputs*."""
        outputs = model.outputs(inputs)
        values = model.task.answers(model.space, outputs).values
        return [(value, c, c >= self.threshold) for value, c in zip(values, self.confidence(model, outputs))]

    def confidence(self, model: DerivedModel, outputs: Any) -> list[float]:
        """Return the calibrated confidence of each of *outputs* (n,)."""
        from hasei.tasks import rivals
        from hasei.tasks._scope import as_read

        scores = rivals(model.task, outputs)
        return [] if scores is None else [float(c) for c in self.calibration.confidence(as_read(model.space, scores))]


@dataclass(frozen=True)
class Teller:
    """Tells which entry was found and what it says, for a model that answers with entries; *columns* () for any other.

    *gate*: below its threshold the model doesn't know; None where no study has left one.
    """

    model: DerivedModel
    columns: tuple[str, ...] = ()
    gate: Gate | None = None

    @classmethod
    def of(cls, model: DerivedModel) -> Teller:
        """Return what tells the answers of *model*."""
        if getattr(model.predictor, "corpus", None) is None:
            return cls(model)
        if (model.record.get("automation") or {}).get("threshold") is not None:
            return cls(model, ("score", "answer"), Gate.of(model))
        say(
            _(
                "note: this model knows no score from which its answers are right often enough: every question gets an entry"
            )
        )
        return cls(model, ("score", "answer"))

    def answers(
        self, inputs: Sequence[Any], *, asked_for: bool
    ) -> list[tuple[Any, float | None, bool | None, Sequence[str]]]:
        """Return the id of the best entry, how sure it is, whether that is enough, and score and text, of each of *inputs*.

        *asked_for*: whether it is enough is to be said.
        """
        outputs = self.model.outputs(inputs)
        corpus: Any = getattr(self.model.predictor, "corpus", None)
        sure = self.gate.confidence(self.model, outputs) if self.gate else [None] * len(outputs)
        found: list[tuple[Any, float | None, bool | None, Sequence[str]]] = []
        for ranking, confidence in zip(outputs, sure):
            name, score = ranking[0]
            place = corpus.place[name]
            known = self.gate is None or (confidence or 0.0) >= self.gate.threshold
            said = (corpus.texts[place] or corpus.titles[place]) if known else _("I don't know")
            found.append((name, confidence, known if asked_for else None, (f"{score:.4f}", said)))
        return found


@dataclass
class Done:
    """What was answered: rows in all, rows without text, how often each answer was given, the seconds it
    took, how many answers need no person, and how many questions it does not know an entry for.
    """

    rows: int = 0
    blank: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    automatic: int = 0
    unknown: int = 0


def input_columns(model: DerivedModel, rows: Stream, given: dict[str, str]) -> list[str]:
    """Return the columns that the model reads: as *given*, else those it was derived from, else guessed (and said)."""
    import numpy as np

    from hasei.inputs.data import guess

    parts = [column for column in model.task.columns if column.kind == "input"]
    table = _table(model, rows, next(iter(rows), ([], np.empty(0, np.int64))))
    known = {name.strip(): name for name in table.columns}
    learnt = model.identity["data"].get("columns", {})
    chosen = {p.name: known[learnt[p.name].strip()] for p in parts if learnt.get(p.name, "").strip() in known} | given
    mapping = guess(table, parts, chosen)
    for part in sorted(mapping.guessed):
        say(f"note: column '{mapping.columns[part]}' taken as {part}: {mapping.why}")
    return [mapping.columns[part.name] for part in parts]


def _table(model: DerivedModel, rows: Stream, batch: Batch) -> Table:
    """Return *batch* with the columns that the model's task reads."""
    from hasei.inputs.data import Table
    from hasei.tasks import arranged

    return arranged(model.task, Table(rows.path, rows.columns, batch[0], batch[1], rows.encoding, ""))


def _answer_all(
    model: DerivedModel, rows: Stream, columns: Sequence[str], writer: Writer, total: int, watch: Watch,
    gate: Gate | None, teller: Teller | OtherHeads,
) -> Done:  # fmt: skip
    done, start = Done(), time.monotonic()
    watch.report("loading", model.folder.as_posix())
    model.outputs([])
    watch.report("answering", f"{total:,} rows")
    for batch in rows:
        if watch.cancelled():
            raise Stopped("stopped by Ctrl-C; no answers were written")
        _answer(model, batch[0], _inputs(_table(model, rows, batch), columns), writer, done, gate, teller)
        watch.report("answering", f"{done.rows:,} of {total:,} rows", done.rows / total, often=True)
    done.seconds = time.monotonic() - start
    return done


def _inputs(table: Table, columns: Sequence[str]) -> list[tuple[str, ...]]:
    places = [table.columns.index(name) for name in columns]
    return [tuple(row[place] for place in places) for row in table.cells]


def _answer(
    model: DerivedModel, cells: Sequence[tuple[str, ...]], inputs: list[tuple[str, ...]], writer: Writer, done: Done,
    gate: Gate | None, teller: Teller | OtherHeads,
) -> None:  # fmt: skip
    filled = [i for i, texts in enumerate(inputs) if not any(map(is_blank, texts))]
    asked = [inputs[i] if len(inputs[i]) > 1 else inputs[i][0] for i in filled]
    answers: list[Any]
    if teller.columns:
        answers = teller.answers(asked, asked_for=gate is not None)
    elif gate:
        answers = [(*answer, None) for answer in gate.answers(model, asked)]
    else:
        said = model.answers(asked)
        answers = [(value, sure, None, None) for value, sure in zip(said.values, said.confidence.tolist())]
    found = dict(zip(filled, answers))
    nothing = (None, None, False if gate else None, None)
    for i, row in enumerate(cells):
        value, sure, automatic, told = found.get(i, nothing)
        writer.write(row, value, sure, automatic=automatic, told=told)
        done.automatic += bool(automatic)
        done.unknown += bool(teller.gate and sure is not None and sure < teller.gate.threshold)
    done.labels.update(str(value) for value, *_more in found.values() if value is not None)
    done.rows += len(cells)
    done.blank += len(cells) - len(filled)


def is_blank(text: str) -> bool:
    """Whether there is nothing to read: white space of any width, or signs without a shape."""
    if text[:1].isalnum():
        return False
    return not text.strip() or all(unicodedata.category(char)[0] in "ZC" for char in text)


@contextlib.contextmanager
def _destination(out: Path | None, rows: Stream) -> Iterator[TextIO]:
    """Yield where answers go, in UTF-8; a byte order mark is written only where the input had one."""
    mark = "\ufeff" if rows.encoding == "utf-8-sig" else ""
    if out is None:
        reconfigure: Callable[..., Any] | None = getattr(sys.stdout, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="strict", newline="")
        sys.stdout.write(mark)
        yield sys.stdout
        sys.stdout.flush()
        return
    with new_file(out) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write("" if out.suffix.lower() in (".jsonl", ".ndjson") else mark)
        yield file


def _report(done: Done, out: Path | None, json_: bool, automatic: bool) -> None:
    if json_:
        emit_json({
            "schema": 1, "rows": done.rows, "blank": done.blank, "out": out.as_posix() if out else None,
            "labels": dict(done.labels.most_common()), "seconds": done.seconds,
            "automatic": done.automatic if automatic else None, "unknown": done.unknown,
        })  # fmt: skip
        return
    left = f", {done.blank:,} without text left blank" if done.blank else ""
    left += f", {done.automatic:,} of them need no person" if automatic else ""
    where = f": {out}" if out else ""
    say(f"{done.rows - done.blank:,} rows answered{left} in {done.seconds:.1f} s{where}")
