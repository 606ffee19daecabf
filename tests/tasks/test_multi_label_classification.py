"""Sets of labels: cells read in every usual form, metrics that agree with scikit-learn, heads solved to their optimum."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.preprocessing import MultiLabelBinarizer

from hasei.ground.errors import DataError
from hasei.tasks import open_task
from hasei.tasks._set_metrics import joined, parted

TASK = open_task("multi_label_classification")
sets = st.frozensets(st.sampled_from("abcde"), max_size=4)
pairs = st.lists(st.tuples(sets, sets), min_size=1, max_size=40)


@pytest.mark.parametrize(("cell", "labels"), [
    ('["pin", "arrival"]', "arrival; pin"), ("pin; arrival", "arrival; pin"), ("pin|arrival", "arrival; pin"), ("pin", "pin"),
    ("[]", "[]"), ('["pin", "pin"]', "pin"), ("pin;;arrival;", "arrival; pin"), ('["New York, NY"]', "New York, NY"),
    ("[1, 2]", "1; 2"),
])  # fmt: skip
def test_a_cell_is_a_list_or_labels_divided_by_a_semicolon_or_a_bar(cell, labels):
    assert TASK.clean([cell])[0] == [labels]


def test_spellings_of_one_label_are_unified_across_cells():
    cleaned, (finding,) = TASK.clean(["Pin; arrival", "pin", "pin; new"])
    assert cleaned == ["arrival; pin", "pin", "new; pin"]
    assert finding.kind == "label_spelling"


@pytest.mark.parametrize("cell", ['["pin"', "[pin, arrival]", '[{"a": 1}]', '["a;b"]'])
def test_a_cell_that_looks_like_a_list_and_is_none_is_refused_in_one_line(cell):
    with pytest.raises(DataError) as error:
        TASK.clean(["pin", cell])
    assert "\n" not in str(error.value) and "expected" in str(error.value)


def test_rows_that_all_have_the_same_labels_teach_nothing():
    with pytest.raises(DataError, match="rows with different labels"):
        TASK.space(["a; b", "a; b"])


def test_labels_are_zeros_and_ones_and_a_strange_one_is_refused():
    space = TASK.space(["b; a", "c", "[]"])
    assert space.names == ("a", "b", "c")
    assert TASK.encode(space, ["a; c", "[]"]).tolist() == [[1, 0, 1], [0, 0, 0]]
    assert TASK.knows(space, ["a; c", "a; new", "[]"]).tolist() == [True, False, True]
    with pytest.raises(DataError, match="'new' was not among the training rows"):
        TASK.encode(space, ["a; new"])


def test_an_answer_is_every_label_with_odds_above_one_and_its_confidence_that_of_the_whole_set():
    space = TASK.space(["b; a", "c"])
    found = TASK.answers(space, np.array([[2.0, -1.0, 0.5], [-3.0, -3.0, -3.0]]))
    assert found.values == ["a; c", "[]"]
    sigmoid = 1 / (1 + np.exp(-np.array([2.0, 1.0, 0.5])))
    assert found.confidence[0] == pytest.approx(sigmoid.prod())


@given(pairs)
@settings(deadline=None)
def test_every_metric_equals_scikit_learns(rows):
    predicted, true = [joined(p) for p, _ in rows], [joined(t) for _, t in rows]
    names = sorted({label for row in rows for side in row for label in side})
    binarizer = MultiLabelBinarizer(classes=names).fit([])
    p, t = (binarizer.transform([parted(x) for x in side]) for side in (predicted, true))
    if len(names) > 1:  # scikit-learn takes a single column for a binary task
        assert TASK.metrics["micro_f1"].value(predicted, true) == pytest.approx(
            f1_score(t, p, average="micro", zero_division=0), abs=1e-12
        )
        assert TASK.metrics["macro_f1"].value(predicted, true) == pytest.approx(
            f1_score(t, p, average="macro", zero_division=0), abs=1e-12
        )
        assert TASK.metrics["exact_match"].value(predicted, true) == pytest.approx(accuracy_score(t, p), abs=1e-12)


@given(pairs, st.integers(0, 2**31))
@settings(deadline=None)
def test_a_resample_by_weights_is_the_measure_of_the_rows_written_out(rows, seed):
    predicted, true = [joined(p) for p, _ in rows], [joined(t) for _, t in rows]
    drawn = np.random.default_rng(seed).integers(0, len(rows), len(rows))
    weights = np.bincount(drawn, minlength=len(rows)).astype(np.float64)[None]
    for name in ("micro_f1", "macro_f1"):
        expected = TASK.metrics[name].value([predicted[i] for i in drawn], [true[i] for i in drawn])
        assert TASK.metrics[name].weighted(predicted, true, weights)[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("l2", [1e-3, 1e-1])
def test_the_solved_heads_are_the_logistic_regressions_of_scikit_learn(l2):
    rng = np.random.default_rng(2)
    x = rng.normal(1, 1, (300, 10))
    y = (x @ rng.normal(0, 1, (10, 3)) + rng.normal(0, 1, (300, 3)) > 1).astype(np.float32)
    y = np.hstack([y, np.zeros((300, 1), np.float32)])
    weight, bias = TASK.solve(x, y, TASK.space(["a; b", "c; d"]), l2)
    for label in range(3):
        peer = LogisticRegression(C=1 / (300 * l2), tol=1e-8, max_iter=2000).fit(x, y[:, label])
        assert np.abs(weight[label] - peer.coef_[0]).max() < 5e-3
        assert bias[label] == pytest.approx(peer.intercept_[0], abs=2e-2)
    assert (weight[3] == 0).all() and bias[3] < -10
