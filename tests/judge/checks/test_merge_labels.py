"""Pairs of labels that nobody can tell apart: a label split at random is found, labels that differ are left alone."""

from __future__ import annotations

import numpy as np
from label_rooms import made, opinion_of, real, relabelled, sure_of

from hasei.judge.checks import merge_labels
from hasei.judge.checks.merge_labels import confusable


def opinion_with(mistaken: int, rows: int = 40, weak: int = 0):
    """Four classes of *rows* rows; *mistaken* rows of each of the first two look like the other one, *weak* like the rest."""
    labels = np.repeat(np.arange(4), rows)
    said = labels.copy()
    for own, other in ((0, 1), (1, 0)):
        said[own * rows : own * rows + mistaken] = other
    for own in range(4):
        for i in range(weak):
            said[(own + 1) * rows - 1 - i] = (2 if own < 2 else 0) + i % 2
    return opinion_of(labels, sure_of(said, 4))


def test_two_labels_told_apart_like_a_coin_are_named():
    (pair,) = confusable(opinion_with(mistaken=18))
    assert (pair.one, pair.other) == (0, 1)
    assert (len(pair.one_as_other), len(pair.other_as_one)) == (18, 18)
    assert pair.balanced == 1 - 18 / 40


def test_two_labels_mixed_up_now_and_then_are_not():
    assert confusable(opinion_with(mistaken=4)) == []


def test_a_few_rows_of_a_rare_label_say_nothing():
    assert confusable(opinion_with(mistaken=3, rows=7)) == []


def test_readers_that_confuse_everything_blame_no_pair():
    assert confusable(opinion_with(mistaken=8, weak=16)) == []


def test_the_finding_says_both_ways_and_names_the_rows(tmp_path):
    rows = [(f"{'open' if i % 2 else 'shut'} {i}", "ab"[i % 2]) for i in range(80)]
    room = made(tmp_path, rows)
    room.kept["opinion"] = opinion_of(np.arange(80) % 2, sure_of([0, 0, 1, 1] * 20, 2))
    room.kept["opinion"].probabilities[:40] = sure_of(np.arange(40) % 2, 2, 0.99)
    (finding,) = merge_labels.find(room)
    assert (finding.kind, finding.severity) == ("confusable_labels", "warning")
    assert (finding.evidence["one_as_other"], finding.evidence["other_as_one"]) == (10, 10)
    assert finding.rows == tuple(i + 2 for i in range(40, 80) if (i % 4) in (1, 2))
    assert "class 0" in finding.message and "merge" in finding.do


def test_a_real_class_split_by_a_coin_is_put_together_again(shared):
    classes = ("alarm", "balance", "book_flight", "calories", "exchange_rate", "gas")
    room = real(shared / "clinc150" / "train_small.csv", classes, 40)
    assert merge_labels.find(room) == []
    coin = np.random.default_rng(0).random(len(room.rows)) < 0.5
    targets = [f"{t} too" if t == "gas" and c else t for t, c in zip(room.rows.targets, coin, strict=True)]
    (finding,) = merge_labels.find(relabelled(room, targets))
    assert finding.evidence["labels"] == ["gas", "gas too"]
