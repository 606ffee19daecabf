"""What to change first: the gravest evidence speaks, with its figure, and only where it is sure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hasei.ground.statistics import Forecast, Interval
from hasei.inputs.data.dataset import Finding
from hasei.judge.evidence import Facts, change_first, facts_from

FLAT = Forecast(0.71, 0.73, 0.69)
RISING = Forecast(0.82, 0.90, 0.76)
POOR = Facts(value=0.70, goal=0.90, rows=4000, later=FLAT, layer=6, layers=6)


def noise(low, high):
    return Interval((low + high) / 2, low, high, 0.0, "confident learning")


def test_where_labels_and_base_are_well_and_the_curve_is_flat_it_is_the_task():
    change = change_first(POOR)
    assert change.first == "task" and "71.0 %" in change.sentence


def test_a_base_that_can_not_read_the_text_comes_before_all_else():
    change = change_first(replace(POOR, unknown=0.302, language="Japanese", noise=noise(0.2, 0.3), later=RISING))
    assert change.first == "base"
    assert "30.2 %" in change.sentence and "Japanese" in change.sentence


def test_a_base_without_words_of_the_script_is_named_even_if_it_knows_the_letters():
    change = change_first(replace(POOR, foreign=True, language="Korean"))
    assert change.first == "base" and "Korean" in change.sentence


def test_labels_that_both_readers_reject_are_looked_at_first():
    rejected = Finding("label_noise", "warning", "", variant="unclear", evidence={"surest_rejected": {"value": 0.88}})
    change = change_first(facts_from([rejected], POOR))
    assert change.first == "labels" and "88.0 %" in change.sentence


def test_labels_that_are_surely_wrong_come_before_more_rows():
    change = change_first(replace(POOR, noise=noise(0.11, 0.19), later=RISING))
    assert change.first == "labels" and "11.0 % to 19.0 %" in change.sentence


@pytest.mark.parametrize("few", [noise(0.0, 0.3), noise(0.04, 0.06), None])
def test_labels_that_may_be_right_are_not_blamed(few):
    assert change_first(replace(POOR, noise=few)).first == "task"


def test_a_few_wrong_labels_are_not_blamed_for_many_wrong_answers():
    assert change_first(replace(POOR, value=0.40, noise=noise(0.06, 0.10))).first == "task"
    assert change_first(replace(POOR, value=0.85, noise=noise(0.06, 0.10))).first == "labels"


def test_a_curve_that_still_rises_asks_for_rows_where_they_can_reach_the_goal():
    change = change_first(replace(POOR, later=RISING))
    assert change.first == "rows"
    for figure in ("70.0 %", "4,000", "82.0 %", "76.0 % to 90.0 %"):
        assert figure in change.sentence
    assert change_first(replace(POOR, later=RISING, goal=0.95)).first == "task"
    assert change_first(replace(POOR, later=RISING, goal=None)).first == "rows"


def test_a_base_whose_lower_layers_serve_best_was_made_for_something_else():
    change = change_first(replace(POOR, layer=2))
    assert change.first == "base" and "layer 2 of 6" in change.sentence
    assert change_first(replace(POOR, layer=4)).first == "task"


def test_with_nothing_known_it_still_says_a_whole_sentence():
    change = change_first(Facts(value=0.3))
    assert change.first == "task" and "30.0 %" in change.sentence and change.sentence.endswith(".")


def test_findings_of_the_data_room_are_read_as_facts():
    rate = {"value": 0.12, "low": 0.09, "high": 0.15}
    fit = {"unknown": 0.3, "scripts": {"KANA": 0.6, "HAN": 0.4}, "foreign": ["KANA", "HAN"]}
    findings = [
        Finding("label_noise", "warning", "", evidence={"rate": rate}),
        Finding("label_noise", "warning", "", variant="unclear", evidence={"surest_rejected": rate}),
        Finding("base_fit", "warning", "", evidence=fit),
        Finding("base_fit", "warning", "", variant="rows"),
        Finding("duplicate", "note", ""),
    ]
    facts = facts_from(findings, POOR)
    assert facts.noise is not None and (facts.noise.low, facts.noise.high) == (0.09, 0.15)
    assert (facts.unknown, facts.language, facts.foreign) == (0.3, "Japanese", True)
    assert facts_from([], POOR) == POOR
