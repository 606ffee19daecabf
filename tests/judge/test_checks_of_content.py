"""Personal data, text that should not be taught, licences: checks that read what the rows say."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from hasei.inputs import data as rooms
from hasei.inputs.base import Base
from hasei.judge.checks import Room, open_room, run_checks
from hasei.tasks import open_task

TASK = open_task("text_classification")


@pytest.fixture
def room(tmp_path):
    """Return a function that opens the room of some rows: a header and cells; *test* is a second file."""

    def make(rows, header=("text", "label"), test=None, licence="unknown", base=None) -> Room:
        files = [_write(tmp_path / name, header, r) for name, r in (("rows.csv", rows), ("test.csv", test)) if r]
        tables = [rooms.read(path) for path in files]
        mapping = rooms.guess(tables[0], TASK.columns, {"text": "text", "label": "label"})
        others = {"test": tables[1]} if test else {}
        shares = {"select_share": 0.0, "confirm_share": 0.0}
        data = rooms.assemble(
            tables[0], mapping, columns=TASK.columns, clean=TASK.clean, licence=licence, **others, **shares
        )
        opened = Base("toy", tmp_path, licence=base) if base else None
        return open_room(TASK, tables[0], mapping, data, base=opened, **others)

    return make


def _write(path: Path, header, rows) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def found(room, kind):
    return [finding for finding in run_checks(room, needs=("text",)) if finding.kind == kind]


PLAIN = [("where is my parcel", "delivery"), ("請求書を送ってください", "billing")]


@pytest.mark.parametrize(
    ("base", "licence", "variant", "severity", "words"),
    [("Apache-2.0", "MIT", "permissive", "note", "released freely"),
     ("Apache-2.0", "cc by 4.0", "attribution", "note", "credits its sources"),
     ("Apache-2.0", "CC-BY-SA-4.0", "share-alike", "warning", "must be released as CC-BY-SA-4.0"),
     ("Apache-2.0", "CC-BY-NC-4.0", "non-commercial", "warning", "non-commercial use only"),
     ("llama3.1", "MIT", "restricted", "warning", "limits on its use"),
     ("Apache-2.0", "unknown", "unknown", "note", "is unknown"), (None, "CC-BY-4.0", "attribution", "note", "(CC-BY-4.0)"),
     ("Apache-2.0", "CC-BY-ND-4.0", "no-derivatives", "error", "may not be released"),
     ("CC-BY-SA-4.0", "CC-BY-NC-4.0", "non-commercial", "error", "may not be released")],
)  # fmt: skip
def test_the_room_says_what_the_model_may_be_released_as(room, base, licence, variant, severity, words):
    (finding,) = found(room(PLAIN, licence=licence, base=base), "licence")
    assert (finding.variant, finding.severity) == (variant, severity)
    assert words in finding.message
    assert bool(finding.evidence["conflict"]) is (severity == "error")
    assert finding.do
