"""Different labels for one text: what the reader of rows can't see is said here, and nothing is said twice."""

from __future__ import annotations

from label_rooms import made

from hasei.judge.checks import conflicts

ROWS = [(f"where is parcel {i}", "delivery") for i in range(20)] + [(f"pay invoice {i}", "billing") for i in range(20)]


def test_rows_without_contradiction_give_nothing(tmp_path):
    assert conflicts.find(made(tmp_path, ROWS, test=[("new parcel", "delivery"), ("a bill", "billing")])) == []


def test_texts_that_differ_in_punctuation_only_are_compared(tmp_path):
    room = made(tmp_path, [*ROWS, ("Top up gone?", "delivery"), ("top-up, gone", "billing"), ("topping", "billing")])
    (finding,) = conflicts.find(room)
    assert (finding.kind, finding.variant, finding.rows) == ("conflict", "near", (42, 43))


def test_japanese_punctuation_counts_as_punctuation(tmp_path):
    room = made(tmp_path, [*ROWS, ("請求書を、再発行。", "billing"), ("請求書を再発行", "delivery")])
    (finding,) = conflicts.find(room)
    assert finding.rows == (42, 43)


def test_what_the_reader_of_rows_said_of_the_data_file_is_not_said_again(tmp_path):
    room = made(tmp_path, [*ROWS, ("Top up gone", "delivery"), ("top up gone", "billing"), ("top up gone!", "billing")])
    assert [f.rows for f in room.data.findings if f.kind == "conflict"] == [(42, 43)]
    assert conflicts.find(room) == []


def test_a_text_labelled_otherwise_in_the_test_file_is_named_in_both_files(tmp_path):
    room = made(tmp_path, [*ROWS, ("top up gone", "delivery")], test=[("Top up gone", "billing"), ("ok", "delivery")])
    assert {f.file: (f.variant, f.rows) for f in conflicts.find(room)} == {
        "data.csv": ("files", (42,)),
        "test.csv": ("files", (2,)),
    }


def test_the_test_file_contradicting_itself_bounds_what_can_be_reached(tmp_path):
    test = [("top up gone", "billing"), ("top up gone", "delivery"), ("ok", "billing")]
    (finding,) = conflicts.find(made(tmp_path, ROWS, test=test))
    assert (finding.file, finding.variant, finding.rows) == ("test.csv", "test", (2, 3))
    assert "no model can be right" in finding.message


def test_texts_of_signs_alone_are_not_all_the_same(tmp_path):
    assert conflicts.find(made(tmp_path, [*ROWS, ("???", "billing"), ("!!!", "delivery")])) == []
