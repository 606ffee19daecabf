"""Labels that look wrong: planted slips are found, clean rows are left alone, and the estimate holds what was planted."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_rooms import flipped, made, opinion_of, real, relabelled, sure_of

from hasei.judge.checks import label_noise
from hasei.judge.checks._opinion import LEAST_ROWS, agreed, log_softmax, temperature
from hasei.judge.checks._suspects import noise_rate, suspects

INTENTS = ("alarm", "balance", "book_flight", "calories", "change_accent", "exchange_rate", "gas", "insurance")


@pytest.fixture(scope="module")
def intents(shared):
    return real(shared / "clinc150" / "train_small.csv", INTENTS, 40)


def with_slips(rows: int, wrong: int, width: int = 4):
    """An opinion that is sure of the true class of each row; the first *wrong* labels are the next class."""
    true = np.arange(rows) % width
    labels = true.copy()
    labels[:wrong] = (labels[:wrong] + 1) % width
    return opinion_of(labels, sure_of(true, width, 0.97))


def test_slips_planted_in_a_sure_opinion_are_the_suspects_and_nothing_else_is():
    assert set(suspects(with_slips(400, 20)).tolist()) == set(range(20))
    assert len(suspects(with_slips(400, 0))) == 0


def test_the_most_suspect_label_comes_first():
    found = with_slips(200, 3)
    for row, own in ((0, 0.02), (1, 0.001), (2, 0.01)):
        chances = np.full(4, 0.0)
        chances[row % 4], chances[(row + 1) % 4] = 1 - own, own
        found.probabilities[row] = chances
    assert suspects(found).tolist() == [1, 2, 0]


@pytest.mark.parametrize("wrong", [0, 10, 40, 80])
def test_the_estimated_share_of_wrong_labels_holds_the_planted_one(wrong):
    rate = noise_rate(with_slips(400, wrong))
    assert rate.low <= wrong / 400 <= rate.high
    assert rate.low <= rate.value <= rate.high


def test_copies_of_a_row_do_not_make_the_estimate_surer():
    once = with_slips(200, 10)
    units = [str(i) for i in range(200)] * 4
    copied = opinion_of(np.tile(once.labels, 4), np.tile(once.probabilities, (4, 1)), units)
    assert noise_rate(copied).high == pytest.approx(noise_rate(once).high, abs=1e-9)
    assert noise_rate(copied).low == pytest.approx(noise_rate(once).low, abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.2, 5))
def test_a_reader_that_speaks_louder_is_turned_down_by_as_much(seed, factor):
    rng = np.random.default_rng(seed)
    outputs, labels = rng.normal(size=(80, 3)), rng.integers(3, size=80)
    outputs[np.arange(80), labels] += 1.0
    quiet, loud = temperature(outputs, labels), temperature(factor * outputs, labels)
    before, after = log_softmax(outputs, quiet), log_softmax(factor * outputs, loud)
    assert np.allclose(np.exp(before), np.exp(after), atol=0.01)


def test_readers_that_fail_apart_agree_on_what_one_alone_gets_wrong():
    labels = np.arange(120) % 3
    one, other = (np.where(np.eye(3)[labels] > 0, 2.0, 0.0) for _ in range(2))
    one[:10], other[10:20] = np.roll(one[:10], 1, axis=1), np.roll(other[10:20], 1, axis=1)
    other[:10] *= 3
    one[10:20] *= 3
    assert (agreed([one, other], labels).argmax(1) == labels).all()


def test_on_real_rows_most_planted_slips_are_found_and_few_others_are_blamed(intents):
    planted = blamed = hit = 0
    for seed in range(3):
        room, wrong = flipped(intents, 0.05, seed)
        (finding,) = label_noise.find(room)
        planted, blamed, hit = planted + len(wrong), blamed + len(finding.rows), hit + len(wrong & set(finding.rows))
        rate = finding.evidence["rate"]
        assert rate["low"] <= 0.05 <= rate["high"]
    assert hit >= 0.67 * planted  # 40 rows a class; with 500 it is nine of ten
    assert hit >= 0.9 * blamed


def test_on_real_rows_whose_labels_are_right_hardly_a_label_is_blamed(intents):
    assert sum(len(finding.rows) for finding in label_noise.find(intents)) <= 0.01 * len(intents.rows)


def test_a_finding_names_line_label_and_the_likelier_one_but_never_the_text(intents):
    room, _wrong = flipped(intents, 0.1, seed=1)
    (finding,) = label_noise.find(room)
    first = finding.evidence["suspects"][0]
    assert set(first) == {"line", "label", "rather"}
    assert first["label"] != first["rather"] and first["rather"] in INTENTS
    assert all(entry["line"] in finding.rows for entry in finding.evidence["suspects"])
    said = json.dumps(finding.to_json())
    assert not [text for text in room.rows.texts() if text in said]


def test_labels_thrown_at_random_are_not_called_slips_but_questioned_as_a_whole(intents):
    mixed = relabelled(intents, np.random.default_rng(0).permutation(intents.rows.targets).tolist())
    (finding,) = label_noise.find(mixed)
    assert (finding.severity, finding.variant) == ("warning", "unclear")
    assert "rate" not in finding.evidence


def test_rows_that_a_study_keeps_closed_are_not_judged(intents):
    room, wrong = flipped(intents, 0.1, seed=2)
    half = np.arange(0, len(room.rows), 2)
    room.seen, features = half, intents.seen_features[half]
    room.__dict__["seen_features"] = features
    (finding,) = label_noise.find(room)
    assert set(finding.rows) <= {int(room.rows.lines[i]) for i in half}
    assert set(finding.rows) & wrong


def test_too_few_rows_and_classes_met_a_few_times_give_no_opinion(tmp_path):
    few = made(tmp_path, [(f"word {i}", "ab"[i % 2]) for i in range(LEAST_ROWS - 1)])
    assert label_noise.find(few) == []
    rare = made(tmp_path, [(f"word {i}", f"class {i // 4}") for i in range(120)])
    rare.__dict__["held_out"] = np.zeros((120, 30), np.float32)
    assert label_noise.find(rare) == []


def test_a_slip_in_the_test_file_is_told_apart_from_one_in_the_data_file(tmp_path):
    rows = [(f"{'parcel late' if i % 2 else 'invoice wrong'} number {i}", "ab"[i % 2]) for i in range(120)]
    test = [(f"{'parcel late' if i % 2 else 'invoice wrong'} case {i}", "ab"[i % 2]) for i in range(60)]
    rows[7], test[4] = (rows[7][0], "a"), (test[4][0], "b")
    room = made(tmp_path, rows, test=test)
    true = ["late" in text for text in room.rows.texts()]
    room.__dict__["held_out"] = np.where(np.array(true)[:, None] == np.array([False, True]), 3.0, -3.0)
    assert {f.file: f.rows for f in label_noise.find(room)} == {"data.csv": (9,), "test.csv": (6,)}
