"""How much of its own skill a base has left after a derivation."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from hasei.derive import run
from hasei.derive.recipe import make_step
from hasei.engine.derivation import Derivation
from hasei.judge.forgetting import general_texts, retained
from methods.test_every_method import context_of
from toys import toy_task


def derived(trunks, task_name, method, **params):
    task = toy_task(task_name)
    trunk = trunks(task)
    context, _ = context_of(method, task, trunk)
    quick = {"epochs": 2, "rows_per_step": 8, "min_steps": 0} if method != "feature_extraction" else {}
    return trunk, run.run_step(make_step(method, quick | params), context).derivation


def test_general_texts_are_of_two_languages_and_each_stands_once():
    texts = general_texts()
    assert len(set(texts)) == len(texts) > 60
    assert sum(text.isascii() for text in texts) > 40 and sum(not text.isascii() for text in texts) > 15


def test_a_base_that_is_left_as_it_is_has_lost_nothing(trunks):
    assert retained(*derived(trunks, "text_classification", "feature_extraction")) == 1.0


@pytest.mark.parametrize("task", ["text_classification", "token_classification", "similarity", "text_generation"])
def test_a_gentle_training_keeps_more_than_a_violent_one(task, trunks):
    gentle = retained(*derived(trunks, task, "full_fine_tuning", learning_rate=1e-7, head_learning_rate=1e-7, clip=1e9))
    violent = retained(*derived(trunks, task, "full_fine_tuning", learning_rate=0.1, epochs=4))
    assert gentle == pytest.approx(1.0, abs=2e-3)
    assert violent < 0.9


def test_features_that_are_only_turned_are_nothing_lost(trunks):
    trunk, done = derived(trunks, "text_classification", "full_fine_tuning", learning_rate=1e-30)
    with torch.no_grad():
        for parameter in done.predictor.model.trunk.encoder.layer[-1].output.LayerNorm.parameters():
            parameter.mul_(-3.0)
    assert retained(trunk, done) == pytest.approx(1.0, abs=1e-5)


def test_texts_of_the_user_are_measured_instead(trunks):
    trunk, done = derived(trunks, "text_classification", "full_fine_tuning", learning_rate=0.01)
    own = [f"my own text number {i} about {word}" for i, word in enumerate(["rain", "snow", "sun", "wind"])]
    assert retained(trunk, done, own) != retained(trunk, done)


def test_what_has_no_trunk_of_its_own_is_not_said(trunks):
    trunk, done = derived(trunks, "text_classification", "full_fine_tuning")
    other = dataclasses.replace(done, predictor=object())
    assert isinstance(other, Derivation) and retained(trunk, other) is None


def test_of_pictures_it_is_not_said(trunks):
    assert retained(*derived(trunks, "image_classification", "full_fine_tuning")) is None
    assert retained(*derived(trunks, "object_detection", "full_fine_tuning")) is None
