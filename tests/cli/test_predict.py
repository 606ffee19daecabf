import csv
import io
import json
import os
import signal

import pytest

from hasei.cli.answers import added_columns
from hasei.cli.predict import is_blank
from made_up import ROWS, write_rows

NEW = [("the parcel is broken", "1"), ("", "2"), ("invoice, twice", "3"), ("\u3000\u200b", "4"), ('say "parcel"', "5")]


@pytest.fixture
def new_rows(tmp_path):
    return write_rows(tmp_path / "new.csv", NEW, ("message", "id"))


def read_csv(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_every_row_comes_back_in_order_with_label_and_confidence(hasei, model, new_rows, tmp_path):
    done = hasei("predict", model, new_rows, "--out", tmp_path / "answers.csv")
    assert done.code == 0, done.err
    assert done.out == ""
    rows = read_csv((tmp_path / "answers.csv").read_text("utf-8"))
    assert [(r["message"], r["id"]) for r in rows] == NEW
    assert [r["label"] for r in rows] == ["delivery", "", "billing", "", "delivery"]
    assert [r["confidence"] == "" for r in rows] == [False, True, False, True, False]
    assert all(len(r["confidence"]) == 6 for r in rows if r["confidence"])
    assert "3 rows answered, 2 without text left blank" in done.err


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_ten_times_the_rows_take_no_more_memory(hasei, model, tmp_path, monkeypatch, suffix):
    import tracemalloc

    monkeypatch.setattr("hasei.cli.predict.BATCH_ROWS", 100)
    peaks = []
    for batches in (2, 3, 30):  # the first loads what is loaded once
        rows = [("where is my parcel, " * 50 + str(i), str(i)) for i in range(100 * batches)]
        path = write_rows(tmp_path / f"of {batches}.csv", rows, ("message", "id"))
        tracemalloc.start()
        done = hasei("predict", model, path, "--out", tmp_path / f"{batches}{suffix}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert done.code == 0, done.err
        assert f"{100 * batches:,} rows answered" in done.err
    assert peaks[2] < peaks[1] + 700_000  # the 2,700 rows more are 2.7 MB


def test_without_out_answers_go_to_stdout_and_nothing_else_does(hasei, model, new_rows):
    done = hasei("predict", model, new_rows)
    assert [r["label"] for r in read_csv(done.out)] == ["delivery", "", "billing", "", "delivery"]


def test_a_jsonl_out_gets_one_object_a_row(hasei, model, new_rows, tmp_path):
    hasei("predict", model, new_rows, "--out", tmp_path / "answers.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text("utf-8").splitlines()]
    assert list(rows[0]) == ["message", "id", "label", "confidence"]
    assert rows[1]["label"] is None
    assert 0 < rows[0]["confidence"] <= 1


def test_null_stays_null_in_jsonl_and_an_empty_text_stays_one(hasei, model, tmp_path):
    new = tmp_path / "new.jsonl"
    new.write_text('{"message": "where is my parcel", "id": null}\n{"message": null, "id": ""}\n')
    hasei("predict", model, new, "--out", tmp_path / "answers.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text("utf-8").splitlines()]
    assert [(row["message"], row["id"]) for row in rows] == [("where is my parcel", None), (None, "")]
    assert rows[0]["label"] and rows[1]["label"] is None
    assert [r["id"] for r in read_csv(hasei("predict", model, new).out)] == ["", ""]


def test_the_json_object_counts_answers_and_needs_an_out(hasei, model, new_rows, tmp_path):
    found = json.loads(hasei("predict", model, new_rows, "--out", tmp_path / "a.csv", "--json").out)
    assert (found["rows"], found["blank"], found["labels"]) == (5, 2, {"delivery": 2, "billing": 1})
    assert hasei("predict", model, new_rows, "--json").code == 2


def test_an_existing_out_is_never_overwritten(hasei, model, new_rows, tmp_path):
    (tmp_path / "answers.csv").write_text("mine")
    done = hasei("predict", model, new_rows, "--out", tmp_path / "answers.csv")
    assert done.code == 2
    assert (tmp_path / "answers.csv").read_text() == "mine"


@pytest.mark.parametrize(("encoding", "mark"), [("utf-8", False), ("utf-8-sig", True), ("cp932", False)])
def test_answers_are_utf_8_with_a_mark_only_where_the_input_had_one(hasei, model, tmp_path, encoding, mark):
    rows = [("荷物が届きません。もう三日も待っています parcel", "東京"), ("請求書の金額が違います invoice", "大阪")] * 5
    path = write_rows(tmp_path / "new.csv", rows, ("message", "支店"), encoding)
    assert hasei("predict", model, path, "--out", tmp_path / "answers.csv").code == 0
    written = (tmp_path / "answers.csv").read_bytes()
    assert written.startswith(b"\xef\xbb\xbf") is mark
    assert written.decode("utf-8-sig").splitlines()[0] == "message,支店,label,confidence"


def test_columns_that_are_there_already_are_kept_beside_the_new_ones(hasei, model, tmp_path):
    path = write_rows(tmp_path / "new.csv", [("parcel", "mine")], ("message", "Label"))
    row = read_csv(hasei("predict", model, path).out)[0]
    assert (row["Label"], row["predicted_label"]) == ("mine", "delivery")
    assert "predicted_confidence" in row
    assert added_columns(["label", "predicted_label"]) == ("predicted_2_label", "predicted_2_confidence")


def test_the_column_is_the_one_learnt_from_even_where_another_looks_likelier(hasei, model, tmp_path):
    rows = [
        ("a long and varied invoice story that goes on", "parcel"),
        ("another invoice tale of some length", "parcel"),
    ]
    path = write_rows(tmp_path / "new.csv", rows, ("text", "message"))
    done = hasei("predict", model, path)
    assert {r["label"] for r in read_csv(done.out)} == {"delivery"}
    assert "taken as" not in done.err
    named = hasei("predict", model, path, "--text", "text")
    assert {r["label"] for r in read_csv(named.out)} == {"billing"}


def test_another_column_is_guessed_and_said(hasei, model, tmp_path):
    path = write_rows(tmp_path / "new.csv", [("where is my parcel", "1"), ("an invoice", "2")], ("body", "id"))
    done = hasei("predict", model, path)
    assert "column 'body' taken as text" in done.err
    assert [r["label"] for r in read_csv(done.out)] == ["delivery", "billing"]


@pytest.mark.parametrize(
    ("content", "words"),
    [("message,id\n", "no rows"), ("message,id\nparcel,1\nbroken\n", "line 3"), ("", "is empty")],
)
def test_a_broken_file_is_refused_before_anything_is_written(hasei, model, tmp_path, content, words):
    (tmp_path / "new.csv").write_text(content)
    done = hasei("predict", model, tmp_path / "new.csv", "--out", tmp_path / "answers.csv")
    assert done.code == 2
    assert words in done.error
    assert [p.name for p in tmp_path.iterdir()] == ["new.csv"]


def test_an_absent_column_is_named_with_what_there_is(hasei, model, new_rows):
    assert "message" in hasei("predict", model, new_rows, "--text", "mesage").error


def test_what_is_no_model_is_said(hasei, new_rows, tmp_path):
    assert "no model" in hasei("predict", tmp_path, new_rows).error


def test_rows_of_several_batches_stay_in_order(hasei, model, tmp_path):
    rows = [(f"{ROWS[i % 12][0]} {i}" if i % 7 else "", str(i)) for i in range(2500)]
    path = write_rows(tmp_path / "new.csv", rows, ("message", "id"))
    found = read_csv(hasei("predict", model, path).out)
    assert [(r["message"], r["id"]) for r in found] == rows
    right = [r["label"] == ROWS[int(r["id"]) % 12][1] for r in found if r["label"]]
    assert sum(right) > 0.9 * len(right)


def test_what_looks_blank_is_blank():
    assert all(map(is_blank, ("", " ", "\u3000", "\u200b\ufeff", "\t\n")))
    assert not any(map(is_blank, ("0", "。", "🙂", "a\u200b")))


def test_ctrl_c_leaves_nothing_half_written(hasei, model, tmp_path, monkeypatch):
    from hasei.cli import predict as door

    answer = door._answer

    def pressed(*arguments):
        answer(*arguments)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(door, "BATCH_ROWS", 1000)
    path = write_rows(tmp_path / "new.csv", [("where is my parcel", str(i)) for i in range(2500)], ("message", "id"))
    monkeypatch.setattr(door, "_answer", pressed)
    done = hasei("predict", model, path, "--out", tmp_path / "answers.csv")
    assert done.code == 130
    assert "no answers were written" in done.err
    assert [p.name for p in tmp_path.iterdir()] == ["new.csv"]
