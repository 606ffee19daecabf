"""Where there is nothing to find, nothing is adopted: however often somebody looks, whatever the labels are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from worlds import BASE, CONSTANT_SHARE, WORLDS, Judge, World, chances, right_rows

from hasei.ground.statistics import alpha_at
from hasei.ground.statistics.intervals import quantile
from hasei.judge.decision import pick
from hasei.tasks._class_metrics import METRICS

NO_GAIN = World(accuracies=(BASE,) * 11)
MODELS, CHEAP = 11, 3
SELECT, CONFIRM = NO_GAIN.select, NO_GAIN.confirm
UNITS = np.arange(CONFIRM)


def adopted(verdicts: list[str]) -> float:
    return float(np.mean([v == "adopt" for v in verdicts]))


def test_without_a_real_gain_adopt_is_said_as_seldom_as_the_level_allows_and_not_never() -> None:
    wrong = adopted([Judge().right(*world).verdict for world in NO_GAIN.drawn(seed=1)])
    # Never wrong would mean that nothing can be adopted at all: the level is 2.5 %.
    assert 0.005 <= wrong <= 0.035


def guesses(rng: np.random.Generator, shares: np.ndarray, rows: int) -> Any:
    """Answers (models, rows) of models that learnt how often each class comes, each a little differently, and no more."""
    learnt = rng.dirichlet(40 * shares, MODELS)
    return np.array([rng.choice(len(shares), rows, p=p) for p in learnt])


def judged_on_labels(answers: Any, truth: Any, metric: str, draws: int = 2000) -> str:
    """Judge models (the first always says the commonest class, the first three are cheap) on class answers."""
    measure = METRICS[metric]
    answers[0] = np.bincount(truth[:SELECT]).argmax()
    select = [measure.value(a[:SELECT], truth[:SELECT]) for a in answers]
    judge = Judge(measure, cheap=CHEAP, draws=draws)
    confirm = answers[:, SELECT:]
    return judge.answers(select, confirm, truth[SELECT:], UNITS, constant=confirm[0]).verdict


def by_chance(count: int = WORLDS) -> list[str]:
    """Verdicts where labels follow from nothing at all."""
    rng, shares, verdicts = np.random.default_rng(2), np.array([0.5, 0.3, 0.2]), []
    for _ in range(count):
        truth = rng.choice(3, SELECT + CONFIRM, p=shares)
        verdicts.append(judged_on_labels(guesses(rng, shares, SELECT + CONFIRM), truth, "accuracy"))
    return verdicts


def permuted(count: int = WORLDS) -> list[str]:
    """Verdicts where models answer 85 % of the real labels rightly, errors falling together; then labels are shuffled."""
    rng, verdicts = np.random.default_rng(3), []
    for _ in range(count):
        truth = rng.integers(0, 5, SELECT + CONFIRM)
        right = right_rows(rng, (BASE,) * MODELS, 0.5, SELECT + CONFIRM)
        answers = np.where(right, truth, (truth + rng.integers(1, 5, right.shape)) % 5)
        verdicts.append(judged_on_labels(answers, rng.permutation(truth), "accuracy"))
    return verdicts


def lopsided(count: int, metric: str) -> list[str]:
    """Verdicts where 95 % of the labels are alike and models name the rare one at random, some more often than others."""
    rng, verdicts = np.random.default_rng(4), []
    for _ in range(count):
        truth = (rng.random(SELECT + CONFIRM) >= CONSTANT_SHARE).astype(np.int64)
        rates = rng.uniform(0, 1 - CONSTANT_SHARE, MODELS)[:, None]
        answers = (rng.random((MODELS, SELECT + CONFIRM)) < rates).astype(np.int64)
        verdicts.append(judged_on_labels(answers, truth, metric, draws=400))
    return verdicts


def test_labels_that_are_pure_chance_are_not_adopted() -> None:
    assert adopted(by_chance()) <= 0.05


def test_permuted_labels_are_not_adopted() -> None:
    assert adopted(permuted()) <= 0.05


@pytest.mark.parametrize(("metric", "count"), [("accuracy", WORLDS), ("macro_f1", 500)])
def test_nineteen_of_twenty_labels_alike_are_not_adopted(metric: str, count: int) -> None:
    assert adopted(lopsided(count, metric)) <= 0.05


def test_identical_candidates_have_no_winner() -> None:
    won = 0
    for select, confirm in World(accuracies=(BASE, BASE)).drawn(seed=5):
        same = Judge().right(np.repeat(select[:1], 11, axis=0), np.repeat(confirm[:1], 11, axis=0))
        won += same.winner != 0 or same.verdict == "adopt"
    assert won == 0


def looks(seed: int, times: int, *, adaptive: bool, count: int = WORLDS) -> list[bool]:
    """Return for each world whether any of *times* looks at the same confirm rows said *adopt*; nothing is better.

    Each look brings ten new candidates; the reference stays. *adaptive*: their answers are variations (nine tenths of them
    kept) of whatever has looked best on the confirm rows so far, as if somebody read the reports and went on from there.
    Only the winner of a look is asked for confirm answers, as in a study.
    """
    rng, rho, judge = np.random.default_rng(seed), NO_GAIN.hardness, Judge()
    truth, found = np.ones(CONFIRM, np.bool_), []
    for _ in range(count):
        chance = chances(rng, (BASE,), rho, SELECT + CONFIRM)[0]
        on_select, on_confirm = chance[:SELECT], chance[SELECT:]
        scores = (rng.random((10 * times + 1, SELECT), dtype=np.float32) < on_select).mean(axis=1)
        reference = rng.random(CONFIRM) < on_confirm
        best, said = reference, False
        for look in range(times):
            tried = [scores[0], *scores[10 * look + 1 : 10 * look + 11]]
            winner = rng.random(CONFIRM) < on_confirm
            if adaptive and best is not reference:
                winner = np.where(rng.random(CONFIRM) < 0.9, best, winner)
            best = winner if winner.mean() > best.mean() else best
            if _could_be_adopted(winner, reference, look + 1) and pick(tried, list(range(11))):
                answers = np.array([reference, *[winner] * 10])
                said = said or judge.answers(tried, answers, truth, UNITS, opening=look + 1).verdict == "adopt"
        found.append(said)
    return found


def _could_be_adopted(winner: Any, reference: Any, opening: int = 1) -> bool:
    """Whether the gain reaches a point and two thirds of what its level asks of a normal mean; a quick refusal."""
    gain = winner.astype(np.float64) - reference
    least = 0.67 * quantile(alpha_at(opening)) * gain.std() / np.sqrt(len(gain))
    return bool(gain.mean() >= max(0.01 - 1e-9, least))


@pytest.mark.parametrize(("adaptive", "count"), [(False, WORLDS), (True, 500)])
def test_looking_twenty_times_at_the_same_rows_does_not_find_a_gain_that_is_not_there(
    adaptive: bool, count: int
) -> None:
    assert np.mean(looks(6, 20, adaptive=adaptive, count=count)) <= 0.05


def test_nothing_is_adopted_that_the_quick_refusal_of_the_twenty_looks_would_have_refused() -> None:
    for select, confirm in World().drawn(seed=7, count=300):
        seen = Judge().right(select, confirm)
        assert seen.verdict != "adopt" or _could_be_adopted(confirm[seen.winner], confirm[0])


def test_each_look_is_stricter_than_the_last_and_all_together_spend_five_percent() -> None:
    levels = [alpha_at(look) for look in range(1, 21)]
    assert levels == sorted(levels, reverse=True)
    assert sum(levels) < 0.05
