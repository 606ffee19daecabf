"""A head moved to another domain: the gap is measured first, and where there is none nothing is done."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from test_every_method import context_of

from hasei.derive import run
from hasei.derive.recipe import make_step
from hasei.engine.domains import measure_gap
from hasei.ground.errors import DataError, NotSupported
from hasei.ground.events import Watch
from hasei.methods import domain_adaptation as method
from hasei.methods._shift import Shift
from hasei.tasks import open_task

NAME = "domain_adaptation"
TASK = open_task("text_classification")
WAYS = ("importance_weighting", "coral", "self_training")


@pytest.fixture
def context(trunks):
    return context_of(NAME, TASK, trunks(TASK))[0]


@pytest.fixture
def far(context):
    """The same with texts of another domain: each read backwards, with another end."""
    return replace(context, unlabeled=[f"{text[::-1]} {end}" for text in context.inputs for end in ("ab", "cd")])


def derived(context, **settings):
    return run.run_step(make_step(NAME, settings), context).derivation


def rows(seed, n, shift=0.0, h=8):
    return (np.random.default_rng(seed).normal(size=(n, h)) + shift).astype(np.float32)


def keys(n, name):
    return [f"{name}{i}" for i in range(n)]


def test_two_samples_of_one_domain_are_told_apart_as_rarely_as_chance_has_it():
    gaps = [measure_gap(rows(s, 60), rows(s + 1000, 60), keys(60, "a"), keys(60, "b"), 0) for s in range(8)]
    assert sum(gap.is_there for gap in gaps) <= 1
    assert all(gap.a_distance < 0.9 for gap in gaps)


def test_two_domains_that_lie_apart_are_seen_to():
    gap = measure_gap(rows(0, 100), rows(1, 100, shift=1.5), keys(100, "a"), keys(100, "b"), 0)
    assert gap.is_there and gap.a_distance > 1.5 and gap.p_value < 0.01
    assert gap.discrepancy_p == pytest.approx(0.001)


def test_rows_of_one_unit_are_no_more_witnesses_than_one():
    source, target = rows(0, 5, shift=0.0), rows(1, 5, shift=0.6)
    units = [f"a{i}" for i in range(5) for _ in range(40)], [f"b{i}" for i in range(5) for _ in range(40)]
    few = measure_gap(np.repeat(source, 40, 0), np.repeat(target, 40, 0), *units, 0)
    alone = measure_gap(source, target, keys(5, "a"), keys(5, "b"), 0)
    assert few.discrepancy_p == alone.discrepancy_p > 0.01


def test_source_rows_like_the_target_weigh_more_and_none_without_bound():
    source = np.concatenate([rows(0, 80), rows(1, 20, shift=2.0)])
    gap = measure_gap(source, rows(2, 100, shift=2.0), keys(100, "a"), keys(100, "b"), 0)
    assert gap.weights[80:].mean() > 3 * gap.weights[:80].mean()
    assert gap.weights.mean() == pytest.approx(1.0)


def shift_of(context, source, targets, target, weights=None):
    return Shift(context, source, targets, np.ones(len(source)) if weights is None else weights, target, 1e-3)


def right(head, features, targets):
    return float(((features @ head[0].T + head[1]).argmax(1) == targets).mean())


def two_classes(seed, n=200):
    """Rows (n, 8) of two classes that differ along the first direction only."""
    targets = np.arange(n) % 2
    features = rows(seed, n)
    features[:, 0] += 2.5 * targets
    return features, targets


def test_coral_undoes_a_change_of_place_and_scale(context):
    source, targets = two_classes(0)
    other, truth = two_classes(1)
    target = (other * np.linspace(0.3, 3, 8) + 4).astype(np.float32)
    shift = shift_of(replace(context, space=replace(context.space, width=2)), source, targets, target)
    assert right(shift.solve("coral"), target, truth) > right(shift.solve("none"), target, truth) + 0.1


def test_weights_decide_between_rows_that_contradict_each_other(context):
    source, targets = two_classes(0)
    both = np.concatenate([source, source])
    opposite = np.concatenate([targets, 1 - targets])
    weights = np.concatenate([np.full(200, 0.2), np.full(200, 1.8)])
    two = replace(context, space=replace(context.space, width=2))
    head = shift_of(two, both, opposite, source, weights).solve("importance_weighting")
    assert right(head, source, 1 - targets) > 0.8


def test_self_training_learns_from_the_surest_rows_of_every_answer(context):
    names = context.space.names[:2]
    two = replace(context, space=replace(context.space, width=2, names=names))
    source, targets = two_classes(0, 20)
    target, truth = two_classes(1, 400)
    target = target + np.float32(0.5)
    shift = shift_of(two, source, targets, target)
    assert right(shift.solve("self_training"), target, truth) >= right(shift.solve("none"), target, truth)


def test_where_there_is_no_gap_the_plain_head_is_given_back_and_said_so(context):
    said = []
    found = derived(replace(context, watch=Watch(listener=lambda e: said.append(e.message))))
    plain = run.run_step(make_step("feature_extraction"), context).derivation
    assert found.frozen.how == "none"
    assert np.array_equal(found.predictor.outputs(context.inputs), plain.predictor.outputs(context.inputs))
    assert any("no other domain to adapt to" in message for message in said)
    assert found.curve[0]["p_value"] > 0.05


def test_where_there_is_one_ways_are_tried_and_their_gains_told(far):
    said = []
    found = derived(replace(far, watch=Watch(listener=lambda e: said.append(e.message))))
    assert found.curve[0]["p_value"] <= 0.05
    assert {f"gain_{way}" for way in WAYS} < set(found.curve[0])
    assert any("of another domain" in message for message in said)


@pytest.mark.parametrize("how", WAYS)
def test_every_way_answers_and_its_frozen_settings_choose_nothing_any_more(far, how):
    found = derived(far, how=how)
    assert np.isfinite(found.predictor.outputs(far.inputs)).all()
    assert np.abs(found.from_store(far.inputs) - found.predictor.outputs(far.inputs)).max() < 0.1
    assert None not in found.frozen.model_dump().values()
    again = derived(far, **found.frozen.model_dump())
    assert again.frozen == found.frozen
    assert np.array_equal(again.predictor.outputs(far.inputs), found.predictor.outputs(far.inputs))


def test_labels_of_the_target_are_never_asked_for(far):
    one = derived(far, how="coral")
    two = derived(replace(far, truth=["?"] * len(far.truth)), how="coral")
    assert np.array_equal(one.predictor.outputs(far.inputs), two.predictor.outputs(far.inputs))


def test_without_rows_of_a_target_domain_it_says_so(context):
    for call in (run.run_step, lambda step, c: method.derive(c, step.params)):
        with pytest.raises(NotSupported, match="'domain_adaptation' needs rows without a target"):
            call(make_step(NAME), replace(context, unlabeled=[]))


def test_a_few_rows_are_no_domain(context):
    with pytest.raises(NotSupported, match="so few rows without a target; expected 10 different ones; received 1"):
        derived(replace(context, unlabeled=["the same text"] * 30))


def test_a_blank_row_is_named_by_its_number(context):
    with pytest.raises(DataError, match=r"number 3 is blank \(and 1 more\)"):
        derived(replace(context, unlabeled=["a", "b", "", " ", *context.inputs]))


def test_numbers_can_not_be_learnt_from_guesses(trunks):
    task = open_task("text_regression")
    context, _ = context_of(NAME, task, trunks(task))
    with pytest.raises(NotSupported, match="self_training needs answers of which a model can be more or less sure"):
        derived(context, how="self_training")


def test_a_layer_that_the_base_lacks_is_refused_before_anything_runs():
    with pytest.raises(NotSupported, match="no layer 9"):
        method.check(method.Params(layer=9), 4)
