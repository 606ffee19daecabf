"""Counts of labels: a class too small to learn or to judge, one class nearly everywhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from label_rooms import made

from hasei.judge.checks import classes
from hasei.judge.checks._classes import LEAST_TO_LEARN, class_findings


def findings(counts: dict[tuple[str, str], int], *, all_judged: bool = False):
    """What is found in rows of (label, role), so many of each; line i + 2 is row i."""
    rows = [key for key, count in counts.items() for _ in range(count)]
    targets, roles = [label for label, _ in rows], [role for _, role in rows]
    lines = range(2, len(rows) + 2)
    return class_findings(targets, roles, lines, ["a.csv"] * len(rows), all_judged=all_judged)


def test_even_classes_with_enough_rows_give_nothing():
    assert findings({("a", "train"): 60, ("b", "train"): 40, ("a", "confirm"): 15, ("b", "confirm"): 10}) == []


def test_a_class_with_hardly_a_row_to_learn_from_is_named_with_its_rows():
    found = findings({("a", "train"): 50, ("b", "train"): 50, ("rare", "train"): 2, ("rare", "select"): 1},
                     all_judged=True)  # fmt: skip
    (finding,) = found
    assert (finding.kind, finding.variant, finding.severity) == ("small_class", "learn", "warning")
    assert finding.rows == (102, 103, 104) and finding.file == "a.csv"
    assert finding.evidence["classes"] == {"rare": 3} and "rare" in finding.message


def test_a_class_that_is_only_to_be_judged_has_nothing_to_learn_from():
    found = findings({("a", "train"): 50, ("b", "train"): 50, ("a", "confirm"): 10, ("b", "confirm"): 10,
                      ("new", "confirm"): 12})  # fmt: skip
    assert [(f.variant, f.evidence["classes"]) for f in found] == [("learn", {"new": 0})]


def test_a_class_with_few_confirm_rows_is_a_note_unless_every_row_is_judged():
    counts = {("a", "train"): 50, ("b", "train"): 50, ("a", "confirm"): 30, ("b", "confirm"): 9}
    (finding,) = findings(counts)
    assert (finding.variant, finding.severity, finding.evidence["classes"]) == ("judge", "note", {"b": 9})
    assert findings(counts, all_judged=True) == []


def test_a_constant_answer_that_looks_good_is_warned_of_with_its_accuracy():
    (finding,) = findings(
        {("ham", "train"): 97, ("spam", "train"): 13, ("ham", "confirm"): 20, ("spam", "confirm"): 10}
    )
    assert (finding.kind, finding.severity) == ("imbalance", "note")
    assert "88.2 %" in finding.message and "macro_f1" in finding.do
    (finding,) = findings({("ham", "train"): 97, ("spam", "train"): 7}, all_judged=True)[:1]
    assert (finding.severity, finding.evidence["constant_accuracy"]) == ("warning", 0.9327)


def test_half_the_rows_in_one_of_many_classes_is_imbalance_but_in_one_of_two_it_is_not():
    many = {("a", "train"): 60, **{(name, "train"): 12 for name in "bcde"}}
    assert [f.kind for f in findings(many, all_judged=True)] == ["imbalance"]
    assert findings({("a", "train"): 60, ("b", "train"): 48}, all_judged=True) == []


def test_a_label_of_a_hundred_letters_does_not_fill_the_screen():
    (finding,) = findings({("a", "train"): 50, ("b", "train"): 50, ("x" * 100, "train"): 1}, all_judged=True)
    assert "x" * 41 not in finding.message and "…" in finding.message
    assert list(finding.evidence["classes"]) == ["x" * 100]


def test_lists_as_labels_are_said_to_be_no_classes():
    counts = {('["a", "b"]', "train"): 50, ('["a"]', "train"): 50, ("[]", "train"): 20}
    (finding,) = findings(counts, all_judged=True)
    assert (finding.kind, finding.severity) == ("label_list", "warning")
    assert "120 of 120" in finding.message and "3 in all" in finding.message
    assert findings({("[a]", "train"): 50, ("b", "train"): 60}, all_judged=True) == []


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["train", "select", "confirm", ""]))))
def test_every_class_with_too_few_rows_is_named_and_the_order_of_rows_changes_nothing(rows):
    def found(rows):
        targets, roles = [label for label, _ in rows], [role for _, role in rows]
        return class_findings(targets, roles, list(range(len(rows))), ["f"] * len(rows), all_judged=False)

    named = {name for f in found(rows) if f.variant == "learn" for name in f.evidence["classes"]}
    known = {label for label, role in rows if role}
    if len(known) == 1:
        assert [f.severity for f in found(rows)] == ["error"]
        return
    learnt = {name: sum(label == name and role in ("train", "select") for label, role in rows) for name in known}
    assert named == {name for name, count in learnt.items() if count < LEAST_TO_LEARN}
    assert [f.message for f in found(rows)] == [f.message for f in found(rows[::-1])]


def test_a_room_of_few_rows_is_judged_by_all_of_them(tmp_path):
    rows = [(f"parcel {i}", "a") for i in range(12)] + [(f"invoice {i}", "b") for i in range(12)]
    assert classes.find(made(tmp_path, rows)) == []


def test_with_a_test_file_its_rows_are_what_a_class_is_judged_by(tmp_path):
    rows = [(f"parcel {i}", "a") for i in range(12)] + [(f"invoice {i}", "b") for i in range(12)]
    test = [(f"late {i}", "a") for i in range(12)] + [("bill", "b")]
    (finding,) = classes.find(made(tmp_path, rows, test=test))
    assert (finding.variant, finding.evidence["classes"]) == ("judge", {"b": 1})


def test_one_label_everywhere_is_an_error():
    (found,) = class_findings(["a"] * 9, ["train"] * 9, list(range(2, 11)), ["rows.csv"] * 9, all_judged=True)
    assert (found.kind, found.severity) == ("imbalance", "error")
    assert "nothing to tell apart" in found.message
