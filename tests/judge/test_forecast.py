"""Forecasts of more rows, held to account on stored curves of real sets: do 90 % intervals hold, and are they narrow?"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from hasei.ground.statistics import curve

BENCH = Path(__file__).resolve().parents[2] / "bench"


def bench(name: str) -> ModuleType:
    """Load a script of the benchmarks, where the cases are made and judged."""
    sys.path.insert(0, str(BENCH))
    try:
        spec = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCH))
    return module


@pytest.fixture(scope="module")
def judging():
    return bench("forecast_fit")


@pytest.fixture(scope="module")
def held(judging):
    """Every case judged by constants fitted to the other data sets: (cases, inside, width in points)."""
    cases = judging.read()
    inside, width = judging.held_out(cases)
    return np.array([c.rows for c in cases]), np.array([c.source for c in cases]), inside, width


def test_nine_in_ten_of_at_least_400_truths_lie_inside_intervals_at_most_four_points_wide(held):
    rows, sources, inside, width = held
    some = rows >= 800
    assert some.sum() >= 400
    assert len(set(sources[some])) >= 12
    assert 0.87 <= inside[some].mean() <= 0.93
    assert np.median(width[some]) <= 4.0


def test_at_no_size_do_the_intervals_hold_much_less_often_than_they_promise(held):
    rows, _, inside, _ = held
    for size in (400, 800, 1600, 3200, 6400):
        assert inside[rows == size].mean() >= 0.85, size


def test_half_the_sets_do_not_pay_for_the_other_half(held):
    _, sources, inside, _ = held
    shares = [inside[sources == source].mean() for source in sorted(set(sources))]
    assert np.median(shares) >= 0.87


def test_the_constants_that_ship_are_those_fitted_to_all_cases(judging):
    assert judging.fit(judging.read()) == pytest.approx((curve.SAMPLING, curve.EXTRAPOLATION), abs=0.011)
    others = curve.SAMPLING_OF_OTHERS, curve.EXTRAPOLATION_OF_OTHERS
    assert judging.fit(judging.read("macro_f1")) == pytest.approx(others, abs=0.011)


def test_macro_f1_whose_rare_classes_are_hard_to_foresee_has_wider_intervals_that_hold(judging):
    cases = judging.read("macro_f1")
    found = [c.forecast() for c in cases]
    inside = [f.pessimistic <= c.truth <= f.optimistic for c, f in zip(cases, found, strict=True)]
    assert 0.87 <= np.mean(inside) <= 0.93


@pytest.mark.parametrize(("task", "number"), [("snips screening", 1)])
def test_a_stored_curve_is_measured_again(shared, judging, task, number):
    cases = bench("forecast_cases")

    class Read:
        """Features of just the rows that are asked for."""

        def __getitem__(self, rows):
            return cases.features_of([pool.texts[i] for i in rows])

    texts = [text for text, _ in cases.rows_of(task, shared)]
    pool = cases.Pool(task, Read(), {text: i for i, text in enumerate(texts)})
    found, _ = cases.curve(pool, cases.order_of(pool, 400, number)[:400])
    stored = next(c for c in judging.read() if (c.task, c.rows, c.number) == (task, 400, number))
    assert tuple(found["sizes"]) == stored.sizes
    assert (found["answers"] == found["true"]).mean(axis=1) == pytest.approx(stored.scores, abs=0.005)
