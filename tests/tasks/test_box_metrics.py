"""Mean average precision: pycocotools' own figure on whole sets, and the same of any resample from matches made once."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hasei.judge.evaluation import compare, score
from hasei.tasks import _box_metrics as metrics
from hasei.tasks._box_metrics import METRICS, coco_eval
from hasei.tasks._boxes import Box, parsed, written


def pictures(seed, count=40, labels=("cat", "dog", "犬")):
    """True boxes, and answers that are near, off, doubled, missing or of another label, no two with one score."""
    rng = np.random.default_rng(seed)
    truths, answers = [], []
    for _ in range(count):
        true, said = [], []
        for _ in range(rng.integers(0, 5)):
            x, y, w, h = rng.uniform(5, 60, 4)
            label = str(rng.choice(labels))
            true.append(Box(label, (x, y, x + w, y + h)))
            for _ in range(rng.integers(0, 3)):
                a, b, c, d = np.array([x, y, x + w, y + h]) + rng.normal(0, 4, 4)
                other = label if rng.random() < 0.8 else str(rng.choice(labels))
                said.append(Box(other, (a, b, max(c, a + 1), max(d, b + 1)), float(rng.random())))
        truths.append(written(true))
        answers.append(written(said))
    return answers, truths


def by_pycocotools(answers, truths):
    boxes = [[parsed(text) for text in side] for side in (answers, truths)]
    labels = sorted({box.label for side in boxes for picture in side for box in picture})
    evaluation = coco_eval(*boxes, labels)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.evaluate()
        evaluation.accumulate()
    precision = evaluation.eval["precision"]
    return {
        name: float(part[part > -1].mean())
        for name, part in (("map", precision), ("map_50", precision[0]), ("map_75", precision[5]))
    }


@pytest.mark.parametrize("seed", range(4))
def test_on_whole_sets_it_is_the_figure_of_pycocotools(seed):
    answers, truths = pictures(seed)
    expected = by_pycocotools(answers, truths)
    assert 0.05 < expected["map"] < expected["map_50"] < 0.95
    for name, metric in METRICS.items():
        assert metric.value(answers, truths) == pytest.approx(expected[name], abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_a_resample_by_weights_is_pycocotools_on_the_repeated_pictures(seed):
    answers, truths = pictures(seed, 20)
    weights = np.random.default_rng(seed).multinomial(20, np.full(20, 1 / 20), size=6).astype(float)
    for name, metric in METRICS.items():
        found = metric.weighted(answers, truths, weights)
        for draw, times in zip(found, weights):
            rows = np.repeat(np.arange(20), times.astype(int))
            again = by_pycocotools([answers[i] for i in rows], [truths[i] for i in rows])
            assert draw == pytest.approx(again[name], abs=1e-12)


def test_matches_are_made_once_a_picture_however_often_it_is_resampled(monkeypatch):
    answers, truths = pictures(7, 30)
    calls = []
    plain = metrics.coco_eval
    monkeypatch.setattr(metrics, "coco_eval", lambda *args: calls.append(1) or plain(*args))
    metrics._matched.cache_clear()
    interval = score(METRICS["map"], answers, truths, [str(i) for i in range(30)], draws=300)
    assert len(calls) <= 2 and interval.low < interval.value < interval.high


def test_it_prints_nothing(capsys):
    METRICS["map"].value(*pictures(1))
    assert capsys.readouterr().out == ""


def test_pictures_without_any_box_are_right_when_nothing_is_answered():
    some = written([Box("a", (0, 0, 5, 5), 0.5)])
    assert METRICS["map"].value(["[]", "[]"], ["[]", "[]"]) == 1.0
    assert METRICS["map"].value(["[]", some], ["[]", "[]"]) == 0.0
    true = written([Box("a", (0, 0, 5, 5))])
    assert METRICS["map"].weighted([some, "[]"], [true, "[]"], np.array([[0.0, 2.0], [1.0, 1.0]])) == pytest.approx(
        [1, 1]
    )


def test_answers_without_a_true_box_of_their_label_cost_that_label_nothing_but_are_no_hit():
    true = written([Box("a", (0, 0, 9, 9))])
    right = Box("a", (0, 0, 9, 9), 0.9)
    assert METRICS["map"].value([written([right, Box("b", (0, 0, 9, 9), 0.99)])], [true]) == pytest.approx(1)
    assert METRICS["map"].value([written([Box("b", (0, 0, 9, 9), 0.99)])], [true]) == 0


def test_the_better_of_two_detectors_gains_for_sure_and_by_how_much_it_gains_is_the_difference():
    truths = [written([Box("a", (10.0 + i % 20, 10, 40, 40))]) for i in range(400)]
    near = [written([Box("a", (10.0 + i % 20, 11, 40, 41), 0.5 + i / 1000)]) for i in range(400)]
    far = [written([Box("a", (0, 0, 25, 25), 0.5 + i / 1000)]) for i in range(400)]
    units = [str(i) for i in range(400)]
    gain = compare(METRICS["map"], near, far, truths, units, draws=300)
    both = [METRICS["map"].value(said, truths) for said in (near, far)]
    assert gain.value == pytest.approx(both[0] - both[1]) and gain.low > 0 and not gain.too_few
    assert compare(METRICS["map"], near, near, truths, units, draws=100).value == 0


def test_how_near_an_answer_is_is_the_measure_of_its_picture_alone():
    answers, truths = pictures(3, 25)
    alone = [METRICS["map"].value([a], [t]) for a, t in zip(answers, truths)]
    assert METRICS["map"].nearness(answers, truths) == pytest.approx(alone, abs=1e-12)


@given(st.integers(0, 10_000), st.permutations(range(12)))
@settings(max_examples=30, deadline=None)
def test_neither_the_order_of_rows_nor_equal_scores_change_anything(seed, order):
    answers, truths = pictures(seed, 12)
    tied = [written([Box(b.label, b.corners, round(b.score, 1)) for b in parsed(text)]) for text in answers]
    mixed = METRICS["map"].value([tied[i] for i in order], [truths[i] for i in order])
    assert mixed == pytest.approx(METRICS["map"].value(tied, truths), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_boxes_are_best_said_from_the_score_of_the_highest_f1(seed):
    answers, truths = pictures(seed, 20)
    point = metrics.operating_point(answers, truths)

    def counts(least):
        kept = [written([b for b in parsed(text) if b.score >= least]) for text in answers]
        found = metrics.matches(kept, truths)
        return (
            sum(m.hits[0].sum() for m in found),
            sum(m.hits.shape[1] for m in found),
            sum(m.known.sum() for m in found),
        )

    scores = sorted({b.score for text in answers for b in parsed(text)})
    best = max(2 * right / (said + known) for right, said, known in map(counts, scores))
    right, said, known = counts(point["score"])
    assert point["f1"] == pytest.approx(best) == pytest.approx(2 * right / (said + known))
    assert (point["precision"], point["recall"]) == pytest.approx((right / said, right / known))
    assert metrics.operating_point(["[]"], truths[:1]) == {}
