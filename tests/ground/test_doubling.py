"""The forecast of twice and four times the rows: what it promises, on the curves that it was fitted to and on any other."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hasei.ground.statistics.doubling import ahead

CASES = Path(__file__).resolve().parents[2] / "bench" / "forecast_cases.csv"
SHARE = st.floats(0.01, 0.99)


def test_on_the_stored_curves_the_interval_holds_about_as_often_as_it_promises():
    inside = []
    for case in csv.DictReader(CASES.read_text("utf-8").splitlines()):
        shares = tuple(float(case[f"s{j}"]) for j in (1, 2, 3, 4))
        rows, learnt = float(case["rows"]), float(case["n4"])
        found = ahead(shares, int(learnt), rows, float(case["times"]) * rows / learnt)
        assert found is not None
        inside.append(found.low <= float(case["truth"]) <= found.high)
    assert len(inside) >= 250
    assert 0.87 <= np.mean(inside) <= 0.95


@given(st.tuples(SHARE, SHARE, SHARE, SHARE), st.integers(100, 100_000))
def test_bounds_lie_in_order_and_within_the_range_and_more_rows_never_forecast_less(shares, scored):
    two, four = (ahead(shares, 1000, scored, times) for times in (2, 4))
    for found in (two, four):
        assert 0 <= found.low <= found.value <= found.high <= 1
    assert four.value >= two.value - 1e-12


@given(st.tuples(SHARE, SHARE, SHARE, SHARE), st.integers(100, 10_000))
def test_more_scored_rows_never_widen_the_interval_of_a_flat_curve(shares, scored):
    flat = (shares[3],) * 4
    few, many = ahead(flat, 1000, scored, 2), ahead(flat, 1000, 4 * scored, 2)
    assert many.high - many.low <= few.high - few.low + 1e-9


def test_too_few_scored_rows_forecast_nothing():
    assert ahead((0.5, 0.6, 0.7, 0.8), 1000, 99, 2) is None
