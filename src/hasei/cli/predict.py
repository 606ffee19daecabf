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
from hasei.cli.progress import working
from hasei.cli.terminal import emit_json, say
from hasei.ground.errors import OutputError, Stopped
from hasei.ground.files import new_file, refuse_existing

if TYPE_CHECKING:
    from hasei.derive.derived import DerivedModel
    from hasei.ground.events import Watch
    from hasei.inputs.data.reading import Batch, Stream

_Model = Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="A model folder that hasei made.")]
_File = Annotated[Path, typer.Argument(metavar="FILE", help="Rows: CSV, TSV, XLSX, JSONL or Parquet.")]
_Out = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="New file: .csv, .tsv or .jsonl. [stdout, as CSV]")
]


def predict(
    model_dir: _Model, file: _File, out: _Out = None, text: options.Text = None, map_: options.Map = None,
    base: options.Parent = None, json_: options.Json = False, debug: options.Debug = False,
) -> None:  # fmt: skip
    """Answer every row of a file: all its columns, in order, and two more, label and confidence.

        hasei predict runs/tickets/model new.csv --out answers.csv

    Rows without text get neither and are counted. FILE may be of any length; an existing --out is never overwritten.
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
        refuse_existing(out)
    from hasei.derive.derived import open_model
    from hasei.inputs.data import stream

    rows = stream(file)
    model = open_model(model_dir, base or "")
    given = parts_of(map_) | ({"text": text} if text else {})
    columns = input_columns(model, rows, given)
    with _destination(out, rows) as target, working() as watch:
        total = sum(len(cells) for cells, _ in rows)  # also finds a broken row before the work begins
        done = _answer_all(
            model, rows, columns, Writer(target, rows.columns, out.suffix if out else ".csv"), total, watch
        )
        if out is not None:
            refuse_existing(out)
    _report(done, out, json_)


@dataclass
class Done:
    """What was answered: rows in all, rows without text, how often each answer was given, and the seconds it took."""

    rows: int = 0
    blank: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


def input_columns(model: DerivedModel, rows: Stream, given: dict[str, str]) -> list[str]:
    """Return the columns that the model reads: as *given*, else those it was derived from, else guessed (and said)."""
    import numpy as np

    from hasei.inputs.data import Table, guess

    parts = [column for column in model.task.columns if column.kind == "input"]
    known = {name.strip(): name for name in rows.columns}
    learnt = model.identity["data"].get("columns", {})
    chosen = {p.name: known[learnt[p.name].strip()] for p in parts if learnt.get(p.name, "").strip() in known} | given
    cells, lines = next(iter(rows), ([], np.empty(0, np.int64)))
    mapping = guess(Table(rows.path, rows.columns, cells, lines, rows.encoding, ""), parts, chosen)
    for part in sorted(mapping.guessed):
        say(f"note: column '{mapping.columns[part]}' taken as {part}: {mapping.why}")
    return [mapping.columns[part.name] for part in parts]


def _answer_all(
    model: DerivedModel, rows: Stream, columns: Sequence[str], writer: Writer, total: int, watch: Watch
) -> Done:
    places = [rows.columns.index(name) for name in columns]
    done, start = Done(), time.monotonic()
    watch.report("loading", model.folder.as_posix())
    model.predictor.outputs(["a"] if len(places) == 1 else [("a",) * len(places)])
    watch.report("answering", f"{total:,} rows")
    for batch in rows:
        if watch.cancelled():
            raise Stopped("stopped by Ctrl-C; no answers were written")
        _answer(model, batch, places, writer, done)
        watch.report("answering", f"{done.rows:,} of {total:,} rows", done.rows / total, often=True)
    done.seconds = time.monotonic() - start
    return done


def _answer(model: DerivedModel, batch: Batch, places: Sequence[int], writer: Writer, done: Done) -> None:
    cells, _ = batch
    inputs = [tuple(row[place] for place in places) for row in cells]
    filled = [i for i, texts in enumerate(inputs) if not any(map(is_blank, texts))]
    answers = model.predict([inputs[i] if len(places) > 1 else inputs[i][0] for i in filled])
    found = dict(zip(filled, answers))
    for i, row in enumerate(cells):
        answer = found.get(i)
        writer.write(row, None if answer is None else answer.value, None if answer is None else answer.confidence)
        done.labels.update([] if answer is None else [str(answer.value)])
    done.rows += len(cells)
    done.blank += len(cells) - len(filled)


def is_blank(text: str) -> bool:
    """Whether there is nothing to read: white space of any width, or signs without a shape."""
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


def _report(done: Done, out: Path | None, json_: bool) -> None:
    if json_:
        emit_json({
            "schema": 1, "rows": done.rows, "blank": done.blank, "out": out.as_posix() if out else None,
            "labels": dict(done.labels.most_common()), "seconds": done.seconds,
        })  # fmt: skip
        return
    left = f", {done.blank:,} without text left blank" if done.blank else ""
    where = f": {out}" if out else ""
    say(f"{done.rows - done.blank:,} rows answered{left} in {done.seconds:.1f} s{where}")
