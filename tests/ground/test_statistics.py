"""Intervals keep their promise; the bootstrap resamples units, and nothing but units."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hasei.ground.statistics import (
    Units,
    alpha_at,
    bootstrap_mean,
    bootstrap_measure,
    effective_units,
    forecast,
    mcnemar,
    mcnemar_test,
    rows_needed,
    too_few,
    train_rows_for,
    wilson,
)  # fmt: skip


def binomial(k: int, n: int, p: float) -> float:
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


@pytest.mark.parametrize(("n", "p", "least"), [(30, 0.9, 0.92), (100, 0.9, 0.93), (400, 0.95, 0.94), (400, 0.5, 0.945)])
def test_wilson_covers_the_true_share_about_as_often_as_it_says(n: int, p: float, least: float) -> None:
    intervals = [wilson(k, n, 0.025) for k in range(n + 1)]
    covered = sum(binomial(k, n, p) for k in range(n + 1) if intervals[k].low <= p <= intervals[k].high)
    assert least <= covered <= 0.98


def test_wilson_of_a_perfect_score_still_leaves_room_for_errors() -> None:
    perfect = wilson(50, 50, 0.025)
    assert perfect.value == perfect.high == 1.0
    assert perfect.low == pytest.approx(50 / (50 + 1.959964**2), abs=1e-6)


def test_wilson_without_any_row_knows_nothing() -> None:
    nothing = wilson(0, 0, 0.025)
    assert (nothing.low, nothing.high, nothing.too_few) == (0.0, 1.0, True)


@pytest.mark.parametrize(
    ("wins", "losses", "p"), [(5, 0, 1 / 32), (6, 0, 1 / 64), (0, 6, 1.0), (0, 0, 1.0), (3, 1, 5 / 16)]
)
def test_the_exact_test_is_the_tail_of_a_fair_coin(wins: int, losses: int, p: float) -> None:
    assert mcnemar_test(wins, losses) == pytest.approx(p)


@given(
    st.integers(0, 29), st.integers(0, 29), st.integers(60, 2000), st.sampled_from([0.025, 0.05 / 6, 0.05 / 12, 1e-4])
)
@settings(max_examples=200, deadline=None)
def test_a_paired_gain_is_above_zero_exactly_where_the_exact_test_says_so(
    wins: int, losses: int, n: int, alpha: float
) -> None:
    interval = mcnemar(wins, losses, n, alpha)
    assert (interval.low > 0) == (mcnemar_test(wins, losses) < alpha)
    assert (interval.high < 0) == (mcnemar_test(losses, wins) < alpha)
    assert -1 <= interval.low <= interval.value <= interval.high <= 1


@pytest.mark.parametrize(("discordant", "wins"), [(0.005, 1.0), (0.01, 0.7), (0.02, 0.5), (0.05, 0.9)])
def test_each_bound_of_a_paired_gain_misses_no_more_often_than_it_says(discordant: float, wins: float) -> None:
    n, alpha, truth = 400, 0.025, discordant * (2 * wins - 1)
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(n, [discordant * wins, discordant * (1 - wins), 1 - discordant], size=4000)
    intervals = [mcnemar(int(b), int(c), n, alpha) for b, c, _ in drawn]
    assert np.mean([i.low > truth for i in intervals]) <= 0.03
    assert np.mean([i.high < truth for i in intervals]) <= 0.03


def test_no_discordant_pair_is_not_taken_for_proof_that_both_are_equal() -> None:
    assert mcnemar(0, 0, 100, 0.025).high > 0.03


def test_the_levels_of_all_openings_together_never_spend_more_than_five_percent() -> None:
    assert alpha_at(1) == pytest.approx(0.025)
    assert alpha_at(3) == pytest.approx(0.05 / 12)
    assert sum(alpha_at(j) for j in range(1, 10_000)) < 0.05


def skewed_units(rng: np.random.Generator) -> Units:
    units = np.repeat(np.arange(60), rng.integers(1, 5, 60))
    return Units.of(rng.exponential(size=60)[units], units)


def test_the_studentised_bootstrap_covers_a_skewed_mean_over_clusters() -> None:
    rng = np.random.default_rng(1)
    intervals = [bootstrap_mean(skewed_units(rng), 0.025, draws=400, seed=i) for i in range(400)]
    covered = np.mean([i.low <= 1.0 <= i.high for i in intervals])
    assert 0.92 <= covered <= 0.985


def test_resampling_counts_of_equal_units_is_the_same_bootstrap_as_resampling_units() -> None:
    rng = np.random.default_rng(2)
    scores = rng.choice([-1.0, 0.0, 1.0], size=400, p=[0.05, 0.84, 0.11])
    counted = bootstrap_mean(Units.of(scores, np.arange(400)), 0.025, draws=20_000)
    # Scores that differ in the tenth digit are 400 kinds of units, so here every unit is resampled by itself.
    apart = bootstrap_mean(Units.of(scores + 1e-10 * np.arange(400), np.arange(400)), 0.025, draws=20_000)
    assert counted.low == pytest.approx(apart.low, abs=1e-3)
    assert counted.high == pytest.approx(apart.high, abs=1e-3)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_the_order_of_rows_and_the_names_of_units_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, units = rng.normal(size=80).round(3), rng.integers(0, 30, 80)
    order = rng.permutation(80)
    renamed = np.array([f"unit {97 * u % 101}" for u in units])
    first = bootstrap_mean(Units.of(scores, units), 0.025, draws=200)
    assert bootstrap_mean(Units.of(scores[order], units[order]), 0.025, draws=200) == first
    assert bootstrap_mean(Units.of(scores, renamed), 0.025, draws=200).low == pytest.approx(first.low)


def test_copying_rows_within_their_units_does_not_narrow_an_interval() -> None:
    rng = np.random.default_rng(3)
    scores, units = rng.normal(size=200), rng.integers(0, 60, 200)
    once = bootstrap_mean(Units.of(scores, units), 0.025)
    five = bootstrap_mean(Units.of(np.tile(scores, 5), np.tile(units, 5)), 0.025)
    assert five.high - five.low == pytest.approx(once.high - once.low, rel=1e-6)
    alone = bootstrap_mean(Units.of(np.tile(scores, 5), np.arange(1000)), 0.025)
    assert alone.high - alone.low < 0.6 * (once.high - once.low)


def test_a_single_unit_bounds_nothing() -> None:
    single = bootstrap_mean(Units.of([1.0, 0.0, 1.0], ["a", "a", "a"]), 0.025)
    assert (single.low, single.high, single.too_few) == (-math.inf, math.inf, True)


def test_a_level_too_small_for_the_draws_never_gives_less_than_the_normal_interval() -> None:
    units = Units.of(np.random.default_rng(4).normal(size=100), np.arange(100))
    strict = bootstrap_mean(units, 1e-6, draws=100)
    assert strict.low <= strict.value - 4.75 * strict.se
    assert strict.high >= strict.value + 4.75 * strict.se


def test_the_bca_interval_of_a_mean_agrees_with_theory() -> None:
    scores = np.random.default_rng(5).normal(size=300)
    interval = bootstrap_measure(lambda rows: float(scores[rows].mean()), np.arange(300), 0.025, draws=2000)
    half = 1.96 * scores.std(ddof=1) / math.sqrt(300)
    assert interval.low == pytest.approx(interval.value - half, abs=0.2 * half)
    assert interval.high == pytest.approx(interval.value + half, abs=0.2 * half)


def test_the_bca_interval_resamples_units_whatever_the_order_of_their_rows() -> None:
    rng = np.random.default_rng(6)
    scores, units = rng.normal(size=120), np.repeat(np.arange(40), 3)
    order = rng.permutation(120)

    def bounds(s: np.ndarray, u: np.ndarray) -> tuple[float, float]:
        found = bootstrap_measure(lambda rows: float(np.median(s[rows])), u, 0.025, draws=300)
        return found.low, found.high

    assert bounds(scores[order], units[order]) == bounds(scores, units)


def test_draws_on_which_a_measure_is_undefined_are_left_out() -> None:
    def ratio(rows: np.ndarray) -> float:
        positive = (rows < 3).sum()
        return float((rows == 0).sum() / positive) if positive else math.nan

    interval = bootstrap_measure(ratio, np.arange(20), 0.025, draws=500)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1


def test_a_wider_standard_error_lengthens_both_arms() -> None:
    wide = wilson(80, 100, 0.025).widened(1.5)
    plain = wilson(80, 100, 0.025)
    assert wide.value - wide.low == pytest.approx(1.5 * (plain.value - plain.low))
    assert wide.se == pytest.approx(1.5 * plain.se)
    assert wide.value == plain.value


def test_the_rows_needed_give_the_power_they_promise() -> None:
    n, gain, sigma = 200, 0.03, 0.4
    needed = math.ceil(rows_needed(n, sigma / math.sqrt(n), gain, 0.025))
    rng = np.random.default_rng(7)
    means = rng.normal(gain, sigma / math.sqrt(needed), size=20_000)
    assert np.mean(means - 1.96 * sigma / math.sqrt(needed) > 0) == pytest.approx(0.8, abs=0.01)


def test_no_number_of_rows_shows_a_gain_that_is_not_there() -> None:
    assert rows_needed(100, 0.02, 0.0, 0.025) == math.inf


def test_units_of_equal_size_count_in_full_and_one_huge_unit_for_little() -> None:
    assert effective_units([3, 3, 3, 3]) == pytest.approx(4)
    assert effective_units([1000, *[1] * 100]) < 1.3


@pytest.mark.parametrize(
    ("units", "errors", "rarest", "few"),
    [
        (100, 10, 10, False),
        (99, 50, None, True),
        (500, 9.9, None, True),
        (500, None, 9, True),
        (500, None, None, False),
    ],
)
def test_too_few_means_a_hundred_units_ten_errors_or_ten_of_a_class(
    units: float, errors: float | None, rarest: int | None, few: bool
) -> None:
    assert too_few(units, errors, rarest) is few


def test_a_power_law_is_continued() -> None:
    sizes = np.array([200, 400, 800, 1600])
    seen = forecast(sizes, 0.95 - 2.0 * sizes**-0.5, 6400, se=0.002)
    assert seen is not None
    assert seen.value == pytest.approx(0.95 - 2.0 / 80, abs=0.005)
    assert seen.pessimistic < seen.value < seen.optimistic


def test_the_optimistic_forecast_is_seldom_passed() -> None:
    rng = np.random.default_rng(8)
    sizes, passed = np.array([250, 500, 1000]), 0
    for _ in range(200):
        limit, gain, rate = rng.uniform(0.7, 0.98), rng.uniform(0.5, 3.0), rng.uniform(0.2, 0.8)
        seen = forecast(sizes, limit - gain * sizes**-rate + rng.normal(0, 0.01, 3), 4000, se=0.01)
        assert seen is not None
        passed += limit - gain * 4000**-rate > seen.optimistic
    assert passed <= 20


def test_a_forecast_stays_within_the_range_of_the_metric_and_follows_its_direction() -> None:
    rising = forecast([100, 200], [0.90, 0.99], 10_000, bounds=(0.0, 1.0))
    assert rising is not None
    assert 0.99 < rising.value <= rising.optimistic <= 1.0
    falling = forecast([100, 200, 400], [0.9, 0.7, 0.56], 1600, direction=-1)
    assert falling is not None
    assert falling.optimistic < falling.value < 0.56


def test_a_curve_that_falls_is_taken_for_a_flat_one() -> None:
    flat = forecast([100, 200, 400], [0.80, 0.79, 0.78], 1600, se=0.01)
    assert flat is not None
    assert 0.78 <= flat.value <= 0.80


def test_one_size_says_nothing_of_more_rows() -> None:
    assert forecast([100, 100], [0.8, 0.81], 400) is None
    assert train_rows_for([100], [0.8], 0.9) is None


def test_the_train_rows_for_a_goal_are_where_the_curve_reaches_it() -> None:
    sizes = np.array([200, 400, 800, 1600])
    scores = 0.95 - 2.0 * sizes**-0.5
    rows = train_rows_for(sizes, scores, 0.925, se=0.001)
    assert rows is not None
    assert rows == pytest.approx(6400, rel=0.25)
    assert train_rows_for(sizes, scores, 0.97, se=0.001) is None
    assert train_rows_for(sizes, scores, 0.80, se=0.001) == 1600
