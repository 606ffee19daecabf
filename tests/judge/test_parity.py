import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hasei.engine.ragged import ragged
from hasei.ground.errors import DataError, RunFailed
from hasei.judge.parity import parity, refuse
from hasei.tasks import Space, open_task

LABELS = open_task("text_classification")
ABC = Space(3, ("a", "b", "c"))
NUMBERS = open_task("text_regression")
ONE = NUMBERS.space(["0", "10", "5"])


def rows(n, seed=0):
    """Outputs (n, 3) of a model that is sure of itself, and its answers."""
    found = np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)
    found[np.arange(n), np.arange(n) % 3] += 8
    return found, [ABC.names[i] for i in found.argmax(1)]


def turned(outputs, those):
    """The same outputs, with those rows answered otherwise."""
    found = outputs.copy()
    found[those] = np.roll(found[those], 1, axis=1)
    return found


def test_equal_outputs_pass_and_are_sure():
    outputs, _ = rows(20)
    found = parity(LABELS, ABC, outputs, outputs.copy(), lossless=True)
    assert found.passes and found.sure and found.agreement == 1 and found.difference == 0 and found.why_not == ()


def test_one_label_in_a_thousand_is_too_much_for_a_lossless_step_and_nothing_for_another():
    outputs, truth = rows(1000)
    after = turned(outputs, [7])
    strict = parity(LABELS, ABC, outputs, after, lossless=True)
    assert not strict.passes and "1 of 1000 rows" in strict.why_not[0] and strict.disagreeing == (7,)
    assert parity(LABELS, ABC, outputs, after, lossless=False, truth=truth).passes


def test_a_drift_of_the_outputs_that_changes_no_label_is_no_lossless_step():
    outputs, _ = rows(50)
    found = parity(LABELS, ABC, outputs, outputs * 1.01, lossless=True)
    assert not found.passes and found.agreement == 1 and "outputs differ" in found.why_not[0]
    assert parity(LABELS, ABC, outputs, outputs * (1 + 1e-6), lossless=True).passes


def test_a_loss_is_refused_only_where_it_is_surely_more_than_allowed():
    outputs, truth = rows(3000)
    four = parity(LABELS, ABC, outputs, turned(outputs, range(15, 33)), lossless=False, truth=truth)  # 0.6 points
    many = parity(LABELS, ABC, outputs, turned(outputs, range(90)), lossless=False, truth=truth)  # 3 points
    assert four.passes and not four.sure and four.change.value == pytest.approx(-0.006)
    assert not many.passes and "accuracy falls by 3.00 points" in many.why_not[0]
    assert parity(LABELS, ABC, outputs, turned(outputs, range(90)), lossless=False, truth=truth, max_loss=0.05).sure


def test_a_few_rows_are_never_sure():
    outputs, truth = rows(40)
    found = parity(LABELS, ABC, outputs, turned(outputs, [3]), lossless=False, truth=truth)
    assert found.passes and not found.sure


def test_a_step_that_repairs_as_much_as_it_breaks_costs_nothing():
    outputs, truth = rows(2000)
    wrong = turned(outputs, range(200))
    found = parity(LABELS, ABC, wrong, turned(outputs, range(150, 350)), lossless=False, truth=truth)
    assert found.passes and found.agreement == pytest.approx(0.85) and found.change.value == 0


def test_without_true_answers_the_labels_that_changed_stand_in():
    outputs, _ = rows(64)
    assert parity(LABELS, ABC, outputs, turned(outputs, [1]), lossless=False).passes
    found = parity(LABELS, ABC, outputs, turned(outputs, range(9)), lossless=False)
    assert not found.passes and found.change is None and "9 of 64" in found.why_not[0]


def test_the_same_outputs_under_labels_in_another_order_are_other_answers():
    outputs, _ = rows(12)
    found = parity(LABELS, ABC, outputs, outputs, lossless=True, said=Space(3, ("b", "a", "c")))
    assert not found.passes and found.difference == 0 and found.agreement == pytest.approx(1 / 3)


def test_numbers_agree_within_rounding_and_a_loss_is_a_share_of_the_metric():
    truth = np.linspace(0, 10, 400)
    before = (truth + np.sin(np.arange(400))).astype(np.float32)[:, None]
    assert parity(NUMBERS, ONE, before, before + 1e-5, lossless=True).passes
    assert not parity(NUMBERS, ONE, before, before + 1e-2, lossless=True).passes
    near = parity(NUMBERS, ONE, before, before + 1e-2, lossless=False, truth=list(truth), metric="mae")
    far = parity(NUMBERS, ONE, before, before * 1.5, lossless=False, truth=list(truth), metric="mae")
    assert near.passes and not far.passes and "mae falls" in far.why_not[0]


def test_ragged_outputs_are_compared_row_by_row():
    words = open_task("token_classification")
    space = words.space(words.toy().targets)
    wide = space.width
    one = ragged([np.column_stack([[0], [3], np.eye(wide)[:1] * 5]).astype(np.float32)] * 4)
    other = ragged([item.copy() for item in one])
    assert parity(words, space, one, other, lossless=True).passes
    other[2][0, 2:] = np.roll(other[2][0, 2:], 1)
    assert not parity(words, space, one, other, lossless=True).passes


def test_outputs_that_are_not_numbers_or_not_all_there_never_pass():
    outputs, truth = rows(12)
    holes = outputs.copy()
    holes[3] = np.nan
    for after in (holes, outputs[:-1], outputs[:, :2]):
        for lossless in (True, False):
            found = parity(LABELS, ABC, outputs, after, lossless=lossless, truth=truth)
            assert not found.passes and found.why_not
            json.dumps(found.to_json(), allow_nan=False)
    with pytest.raises(RunFailed):
        parity(LABELS, ABC, holes, outputs, lossless=True)


def test_no_rows_are_an_error():
    with pytest.raises(DataError):
        parity(LABELS, ABC, np.empty((0, 3)), np.empty((0, 3)), lossless=True)


def test_a_refusal_names_what_was_made_and_what_is_wrong():
    outputs, _ = rows(12)
    refuse(parity(LABELS, ABC, outputs, outputs, lossless=True), "the folder")
    with pytest.raises(RunFailed, match=r"the folder of 'x' does not answer .* 2 of 12 rows"):
        refuse(parity(LABELS, ABC, outputs, turned(outputs, [0, 1]), lossless=True), "the folder of 'x'")


@given(st.integers(2, 60), st.integers(0, 60), st.integers(0, 5))
def test_the_more_is_turned_the_less_it_agrees_and_a_lossless_step_passes_only_for_none(n, k, seed):
    outputs, truth = rows(n, seed)
    k = min(k, n)
    found = parity(LABELS, ABC, outputs, turned(outputs, range(k)), lossless=True, truth=truth)
    assert found.agreement == pytest.approx(1 - k / n) and found.passes == (k == 0)
    assert found.change.value == pytest.approx(-k / n)
