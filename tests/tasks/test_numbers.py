"""Tasks whose targets are numbers: read as people type them, metrics that agree with scipy, a head solved to its optimum."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, mean_squared_error

from hasei.ground.errors import DataError
from hasei.tasks import open_task
from hasei.tasks._numbers import read_number

REGRESSION, SIMILARITY = open_task("text_regression"), open_task("similarity")
METRICS = REGRESSION.metrics
rows = st.lists(
    st.tuples(st.integers(-50, 50), st.integers(-50, 50)).map(lambda p: (p[0] / 7, p[1] / 3)), min_size=2, max_size=40
)

# ---- numbers as people type them


@pytest.mark.parametrize(("text", "number"), [
    ("3", 3.0), (" 4.50 ", 4.5), ("１２．５", 12.5), ("1,234", 1234.0), ("1,234,567.5", 1234567.5), ("81 %", 0.81),
    ("81％", 0.81),
    ("-2", -2.0), ("−2", -2.0), ("1e-3", 0.001), ('"5"', 5.0), ("+7", 7.0),
])  # fmt: skip
def test_a_number_is_read_in_any_width_with_thousands_signs_and_percent(text, number):
    assert read_number(text) == number


@pytest.mark.parametrize(
    "text", ["", "five", "inf", "-inf", "nan", "NaN", "1,23", "12,34,5", "1_000", "3 of 5", "1e999", "五"]
)
def test_what_is_no_finite_number_is_not_read_as_one(text):
    assert read_number(text) is None


@pytest.mark.parametrize("text", ["good", "inf", "nan"])
def test_a_target_that_is_text_or_infinite_is_refused_in_one_line(text):
    with pytest.raises(DataError, match="a target is no number") as error:
        REGRESSION.clean(["1", "2", text])
    assert f"'{text}'" in str(error.value) and "\n" not in str(error.value)


def test_numbers_in_other_spellings_are_unified_and_that_is_said():
    cleaned, (finding,) = REGRESSION.clean(["1", "1,000", "５０％", "2.0"])
    assert cleaned == ["1.0", "1000.0", "0.5", "2.0"]
    assert finding.kind == "number_spelling" and finding.message.startswith("2 numbers")
    assert REGRESSION.clean(cleaned) == (cleaned, [])


def test_numbers_that_are_all_the_same_teach_nothing():
    with pytest.raises(DataError, match="at least two different numbers"):
        REGRESSION.space(["2.0", "2.0"])


# ---- similarities


@pytest.mark.parametrize("targets", [["0", "1", "0.5"], ["0", "5", "2.5"], ["-1", "0.3"], ["0", "100", "50"]])
def test_every_usual_scale_is_taken(targets):
    assert len(SIMILARITY.clean(targets)[0]) == len(targets)


def test_one_similarity_off_the_scale_of_all_others_is_refused():
    with pytest.raises(DataError, match="out of its range: 55; expected 0 to 5"):
        SIMILARITY.clean(["0.5", "3", "5"] * 100 + ["55"])


@pytest.mark.parametrize(
    ("targets", "said"),
    [(["0", "4.5"] * 15 + ["55"], "55; expected 0 to 5"), (["0.1", "1"] * 15 + ["4.5"], "4.5; expected 0 to 1")],
)
def test_a_single_similarity_off_the_scale_of_a_few_others_is_refused(targets, said):
    with pytest.raises(DataError, match=f"out of its range: {said}"):
        SIMILARITY.clean(targets)


def test_a_few_cosines_below_zero_are_no_slips():
    assert len(SIMILARITY.clean(["0.2", "0.9"] * 100 + ["-0.05"])[0]) == 201


def test_similarities_on_no_usual_scale_are_refused():
    with pytest.raises(DataError, match=r"on no usual scale.*received -300 to 700"):
        SIMILARITY.clean(["-300", "700", "20"])


# ---- metrics


@given(rows)
@settings(deadline=None)
def test_every_metric_equals_scipys_or_scikit_learns(pairs):
    predicted, true = [p for p, _ in pairs], [t for _, t in pairs]
    assert METRICS["mae"].value(predicted, true) == pytest.approx(mean_absolute_error(true, predicted), abs=1e-12)
    assert METRICS["mse"].value(predicted, true) == pytest.approx(
        mean_squared_error(true, predicted), abs=1e-12, rel=1e-12
    )
    if len(set(predicted)) > 1 and len(set(true)) > 1:
        assert METRICS["pearson"].value(predicted, true) == pytest.approx(stats.pearsonr(predicted, true)[0], abs=1e-9)
        assert METRICS["spearman"].value(predicted, true) == pytest.approx(
            stats.spearmanr(predicted, true)[0], abs=1e-9
        )
    else:
        assert METRICS["pearson"].value(predicted, true) == METRICS["spearman"].value(predicted, true) == 0


@given(rows, st.integers(0, 2**31))
@settings(deadline=None)
def test_a_resample_by_weights_is_the_measure_of_the_rows_written_out(pairs, seed):
    predicted, true = (np.array(side) for side in zip(*pairs))
    drawn = np.random.default_rng(seed).integers(0, len(pairs), len(pairs))
    weights = np.bincount(drawn, minlength=len(pairs)).astype(np.float64)[None]
    for name in ("pearson", "spearman"):
        expected = METRICS[name].value(predicted[drawn], true[drawn])
        assert METRICS[name].weighted(predicted, true, weights)[0] == pytest.approx(expected, abs=1e-9)


def test_large_numbers_lose_no_correlation():
    rng = np.random.default_rng(0)
    true = rng.normal(0, 1, 500)
    predicted = true + rng.normal(0, 0.5, 500)
    far = METRICS["pearson"].value(predicted + 1e6, true * 1e-3 - 1e5)
    assert far == pytest.approx(METRICS["pearson"].value(predicted, true), abs=1e-6)


# ---- head and loss


@pytest.mark.parametrize(("count", "width"), [(200, 12), (20, 60)])
@pytest.mark.parametrize("l2", [1e-3, 0.1])
def test_the_solved_head_is_the_ridge_regression_of_scikit_learn(count, width, l2):
    rng = np.random.default_rng(1)
    x, space = rng.normal(2, 1, (count, width)), REGRESSION.space(["1", "3"])
    y = x @ rng.normal(0, 1, width) + rng.normal(0, 0.1, count)
    weight, bias = REGRESSION.solve(x, y, space, l2)
    peer = Ridge(alpha=l2 * count).fit(x, y)
    assert np.abs(weight[0] - peer.coef_).max() < 1e-4
    assert bias[0] == pytest.approx(peer.intercept_, abs=1e-3)


def test_what_is_encoded_reads_back_as_it_was_and_within_the_scale():
    space = REGRESSION.space(["1.0", "2.0", "6.0"])
    encoded = REGRESSION.encode(space, ["1.0", "2.0", "6.0"])
    assert encoded.mean() == pytest.approx(0, abs=1e-6) and encoded.std() == pytest.approx(1, abs=1e-6)
    assert REGRESSION.answers(space, encoded[:, None]).values == pytest.approx([1, 2, 6], abs=1e-5)


def test_the_loss_is_the_squared_error_of_each_row():
    outputs, targets = torch.tensor([[1.0], [2.0]]), torch.tensor([1.5, 0.0])
    assert REGRESSION.loss(outputs, targets).tolist() == [0.25, 4.0]
