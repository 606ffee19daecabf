"""Heads that are kept up to date row by row: equal to solving anew, in any order, for as long as one likes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hasei.engine.moments import Moments, one_hot
from hasei.engine.online import OnlineHead
from hasei.ground.errors import DataError, NotSupported

KINDS = ("discriminant", "ridge")
STREAMS = st.tuples(
    st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 5), st.integers(1, 60), st.sampled_from(KINDS),
    st.floats(0.01, 100.0), st.floats(-50.0, 50.0),
)  # fmt: skip


def stream(seed, features, width, rows, middle=0.0):
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, width, rows)
    centres = rng.normal(size=(width, features)) * 2
    return centres[classes] + rng.normal(size=(rows, features)) + middle, one_hot(classes, width)


def solved(x, y, kind, penalty, **options):
    moments = Moments.empty(x.shape[1], y.shape[1])
    moments.learn(x, y, **options)
    return moments.solve(kind, penalty)


def apart(one, other):
    """Largest difference of two heads, relative to the larger entries."""
    return max(np.abs(a - b).max() / max(1.0, np.abs(b).max()) for a, b in zip(one, other))


def direct(x, y, kind, penalty):
    """The head from the rows themselves, by the textbook."""
    if kind == "ridge":
        centred, middle = x - x.mean(0), y.mean(0)
        weight = np.linalg.solve(centred.T @ centred + penalty * np.eye(x.shape[1]), centred.T @ (y - middle)).T
        return weight, middle - weight @ x.mean(0)
    counts = y.sum(0)
    means = np.stack([x[y[:, k] == 1].mean(0) if counts[k] else np.zeros(x.shape[1]) for k in range(y.shape[1])])
    residual = x - means[y.argmax(1)]
    covariance = (residual.T @ residual + penalty * np.eye(x.shape[1])) / len(x)
    weight = np.linalg.solve(covariance, means.T).T
    with np.errstate(divide="ignore"):
        bias = np.log(counts / len(x)) - 0.5 * (weight * means).sum(1)
    seen = counts > 0
    bias[~seen] = bias[seen].min() - 20
    return weight, bias


@settings(max_examples=60, deadline=None)
@given(STREAMS)
def test_row_by_row_equals_solving_all_rows_at_once(drawn):
    seed, features, width, rows, kind, penalty, middle = drawn
    x, y = stream(seed, features, width, rows, middle)
    head = OnlineHead(Moments.empty(features, width), kind, penalty, every=17)
    for i, (row, target) in enumerate(zip(x, y), 1):
        head.learn(row, target)
        if i in (1, 2, rows // 2, rows):
            assert apart(head.head(), solved(x[:i], y[:i], kind, penalty)) <= 1e-8
    assert apart(head.head(), direct(x, y, kind, penalty)) <= 1e-8


@settings(max_examples=40, deadline=None)
@given(STREAMS)
def test_the_order_of_the_rows_and_their_parting_into_stages_change_nothing(drawn):
    seed, features, width, rows, kind, penalty, middle = drawn
    x, y = stream(seed, features, width, rows, middle)
    order = np.random.default_rng(seed).permutation(rows)
    head = OnlineHead(Moments.empty(features, width), kind, penalty)
    for part in np.array_split(order, 3):
        head.learn_many(x[part], y[part])
    assert apart(head.head(), solved(x, y, kind, penalty)) <= 1e-8


@settings(max_examples=40, deadline=None)
@given(STREAMS, st.integers(1, 10))
def test_a_row_that_is_taken_out_was_never_there(drawn, out):
    seed, features, width, rows, kind, penalty, middle = drawn
    x, y = stream(seed, features, width, rows + out, middle)
    head = OnlineHead(Moments.empty(features, width), kind, penalty)
    for row, target in zip(x, y):
        head.learn(row, target)
    for i in np.random.default_rng(seed).permutation(out):
        head.unlearn(x[rows + i], y[rows + i])
    assert apart(head.head(), solved(x[:rows], y[:rows], kind, penalty)) <= 1e-8


@settings(max_examples=30, deadline=None)
@given(STREAMS, st.floats(0.8, 0.999))
def test_what_fades_is_what_weighted_rows_give(drawn, forget):
    seed, features, width, rows, kind, penalty, middle = drawn
    x, y = stream(seed, features, width, rows, middle)
    head = OnlineHead(Moments.empty(features, width), kind, penalty, forget=forget)
    for row, target in zip(x[: rows // 2], y[: rows // 2]):
        head.learn(row, target)
    head.learn_many(x[rows // 2 :], y[rows // 2 :])
    weighted = Moments.empty(features, width)
    share = forget ** np.arange(rows - 1, -1, -1.0)
    ones = np.hstack([x, np.ones((rows, 1))])
    weighted.gram[:], weighted.moment[:] = (ones * share[:, None]).T @ ones, (ones * share[:, None]).T @ y
    assert apart(head.head(), weighted.solve(kind, penalty)) <= 1e-8


@settings(max_examples=30, deadline=None)
@given(STREAMS)
def test_a_class_that_comes_later_is_as_if_it_had_always_been_there(drawn):
    seed, features, width, rows, kind, penalty, middle = drawn
    x, y = stream(seed, features, width + 2, rows, middle)
    before = y[:, [0, *range(2, width + 1)]]
    early = before.sum(1) == 1
    head = OnlineHead(Moments.empty(features, width), kind, penalty)
    for row, target in zip(x[early], before[early]):
        head.learn(row, target)
    head.grow([0, *range(2, width + 1)], width + 2)
    for row, target in zip(x[~early], y[~early]):
        head.learn(row, target)
    assert apart(head.head(), solved(x, y, kind, penalty)) <= 1e-8


def test_a_label_that_comes_later_did_not_hold_for_any_row_before():
    x, y = stream(3, 5, 3, 40)
    signs = 2 * y - 1
    head = OnlineHead(Moments.empty(5, 2, absent=-1.0), "ridge", 0.5)
    early = y[:, 1] == 0
    head.learn_many(x[early], signs[early][:, [0, 2]])
    head.grow([0, 2], 3)
    head.learn_many(x[~early], signs[~early])
    assert apart(head.head(), direct(x, signs, "ridge", 0.5)) <= 1e-8


@pytest.mark.parametrize(("kind", "rows"), [("discriminant", 100_000), ("ridge", 20_000)])
def test_a_hundred_thousand_rows_leave_it_as_exact_as_a_hundred(kind, rows):
    x, y = stream(11, 6, 4, rows, middle=5.0)
    x[:, 0] *= 1e-3
    x[:, 1] *= 1e3
    head = OnlineHead(Moments.empty(6, 4), kind, 0.1)
    for row, target in zip(x, y):
        head.learn(row, target)
    assert apart(head.head(), solved(x, y, kind, 0.1)) <= 1e-8
    assert np.array_equal(head.moments.gram, head.moments.gram.T)


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_that_slides_over_many_rows_stays_exact(kind):
    x, y = stream(12, 5, 3, 5200)
    head = OnlineHead(Moments.empty(5, 3), kind, 0.1)
    for i, (row, target) in enumerate(zip(x, y)):
        head.learn(row, target)
        if i >= 200:
            head.unlearn(x[i - 200], y[i - 200])
    assert apart(head.head(), direct(x[-200:], y[-200:], kind, 0.1)) <= 1e-8


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_that_was_never_learnt_is_not_taken_out(kind):
    x, y = stream(1, 4, 2, 10)
    head = OnlineHead(Moments.empty(4, 2), kind, 1e-3)
    with pytest.raises(DataError, match="never learnt"):
        head.unlearn(x[0], y[0])
    head.learn(x[0], y[0])
    with pytest.raises(DataError, match="never learnt"):
        head.unlearn(x[0] + 100, y[0])
    for row, target in zip(x[1:], y[1:]):
        head.learn(row, target)
    with pytest.raises(DataError, match="never learnt"):
        head.unlearn(x[0] + 1e4, y[0])
    assert apart(head.head(), direct(x, y, kind, 1e-3)) <= 1e-8


def test_a_row_can_not_be_taken_out_where_rows_fade():
    head = OnlineHead(Moments.empty(2, 1), "ridge", 1.0, forget=0.9)
    head.learn(np.ones(2), np.ones(1))
    with pytest.raises(NotSupported, match="fade with time"):
        head.unlearn(np.ones(2), np.ones(1))


@pytest.mark.parametrize("forget", [0.0, 1.5, -1.0])
def test_a_forgetting_that_is_none_is_refused(forget):
    with pytest.raises(NotSupported, match="forget above 0"):
        OnlineHead(Moments.empty(2, 1), "ridge", 1.0, forget=forget)


def test_rows_that_do_not_fit_or_are_not_finite_are_refused_and_change_nothing():
    x, y = stream(2, 3, 2, 8)
    head = OnlineHead(Moments.empty(3, 2), "discriminant", 1.0)
    head.learn_many(x, y)
    before = head.moments.copy()
    for row, target in ((x[0, :2], y[0]), (x[0] * np.nan, y[0]), (x[0], np.array([0.5, 0.5])), (x[0], np.ones(2))):
        with pytest.raises(DataError):
            head.learn(row, target)
    with pytest.raises(DataError, match="no finite number"):
        head.learn_many(x * np.inf, y)
    with pytest.raises(DataError, match="more rows"):
        head.moments.unlearn(np.vstack([x, x]), np.vstack([y, y]))
    assert np.array_equal(head.moments.gram, before.gram)
    assert np.array_equal(head.moments.moment, before.moment)


def test_sums_of_which_other_rows_were_taken_are_said_to_be_none():
    x, y = stream(2, 3, 2, 8)
    moments = Moments.empty(3, 2)
    moments.learn(x, y)
    moments.unlearn(x[:4] * 30, y[:4])
    with pytest.raises(DataError, match="no longer those of rows"):
        moments.solve("ridge", 1e-3)
