"""The rows behind the figures: the same rows whoever asks, cut short, and counted in full."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hasei.judge import examples

LABELS = st.sampled_from(["a", "b", "c"])
ROWS = st.lists(st.tuples(LABELS, LABELS, LABELS), min_size=1, max_size=60)


@given(ROWS)
def test_confusions_add_up_to_the_rows(rows):
    truth, said = [r[0] for r in rows], [r[1] for r in rows]
    found = examples.confusion(truth, said)
    assert found is not None
    assert sum(map(sum, found["counts"])) == len(rows)
    wrong = sum(t != a for t, a in zip(truth, said))
    assert sum(pair["count"] for pair in examples.confused(truth, said)) == wrong


@given(ROWS)
def test_gained_and_lost_rows_are_those_on_which_exactly_one_is_right(rows):
    truth, winner, other = (list(column) for column in zip(*rows))
    texts = [f"text {i}" for i in range(len(rows))]
    found = examples.gained_and_lost(texts, truth, winner, other, ["f.csv"] * len(rows), range(len(rows)))
    assert found["gained_count"] == sum(w == t != o for t, w, o in rows)
    assert found["lost_count"] == sum(o == t != w for t, w, o in rows)
    assert all(e["winner"] == e["truth"] != e["other"] for e in found["gained"])


def test_which_examples_are_shown_does_not_depend_on_the_order_of_rows():
    texts = [f"text {i}" for i in range(50)]
    one = examples.gained_and_lost(texts, ["a"] * 50, ["a"] * 50, ["b"] * 50, ["f"] * 50, range(50))
    other = examples.gained_and_lost(texts[::-1], ["a"] * 50, ["a"] * 50, ["b"] * 50, ["f"] * 50, range(49, -1, -1))
    assert one["gained"] == other["gained"]


def test_long_texts_are_cut_and_many_labels_give_no_matrix():
    assert len(examples.cut("x" * 1000)) == 240
    assert examples.confusion([str(i) for i in range(40)], ["0"] * 40) is None
