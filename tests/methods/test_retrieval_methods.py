"""The methods that find entries: what they solve and learn, beyond the contract of every method."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.linalg import fractional_matrix_power

from hasei.derive import run
from hasei.derive.recipe import make_step
from hasei.engine.activations.store import Store
from hasei.engine.derivation import Context, Facts
from hasei.engine.trunk import Trunk
from hasei.ground import plugins
from hasei.ground.errors import NotSupported
from hasei.inputs.base import Base
from hasei.inputs.data.corpus import Corpus
from toys import toy_task

RCA = plugins.load("methods", "relevant_component_analysis")
TUNING = plugins.load("methods", "contrastive_tuning")


@pytest.fixture(scope="module")
def context(toy_base, tmp_path_factory):
    trunk = Trunk(Base.open(toy_base("bert")), Store(tmp_path_factory.mktemp("store")))
    task = toy_task("retrieval")
    toy = task.toy()
    targets = task.clean(toy.targets)[0]
    space = task.space(targets)
    return Context(task, space, toy.inputs, task.encode(space, targets), targets, toy.inputs, trunks=(trunk,))


def answered(context, name, **params):
    return run.run_step(make_step(name, params), context).derivation


def test_the_map_is_the_inverse_square_root_of_the_shrunk_covariance():
    differences = np.random.default_rng(0).normal(size=(50, 8)) * np.arange(1, 9)
    covariance = differences.T @ differences / 50
    shrunk = covariance / (np.trace(covariance) / 8) + 0.3 * np.eye(8)
    expected = np.sqrt(1.3) * fractional_matrix_power(shrunk, -0.5)
    assert np.abs(RCA._map(RCA._parted(differences), 0.3) - expected).max() < 1e-5


def test_with_much_shrinkage_it_is_the_base_as_it_is(context):
    plain = answered(context, "cosine_search", searched="both").predictor.outputs(context.inputs)
    mapped = answered(context, "relevant_component_analysis", searched="both", shrinkage=1e4).predictor.outputs(
        context.inputs
    )
    for one, other in zip(plain, mapped):
        assert [name for name, _ in one] == [name for name, _ in other]
        assert [score for _, score in one] == pytest.approx([score for _, score in other], abs=1e-3)


def test_it_finds_what_differs_for_no_reason_and_passes_over_it():
    """Questions differ from their entries along one direction that says nothing: it is shrunk, and all are found."""
    rng = np.random.default_rng(1)
    entries = rng.normal(size=(40, 12)).astype(np.float32)
    noise = np.outer(rng.normal(0, 6, 40), np.eye(12)[0]).astype(np.float32)
    questions = entries + noise + rng.normal(0, 0.1, (40, 12)).astype(np.float32)
    weight = RCA._map(RCA._parted(questions[:30] - entries[:30]), 0.1)

    def found(asked, among):
        scores = (asked / np.linalg.norm(asked, axis=1, keepdims=True)) @ (
            among / np.linalg.norm(among, axis=1, keepdims=True)
        ).T
        return (scores.argmax(1) == np.arange(30, 40)).mean()

    assert found(questions[30:], entries) < 0.7
    assert found(questions[30:] @ weight.T, entries @ weight.T) == 1.0


def test_kept_activations_answer_as_the_model_does_but_for_16_bits(context):
    for name in ("cosine_search", "relevant_component_analysis"):
        derived = answered(context, name)
        assert derived.from_store is not None
        plain, kept = derived.predictor.outputs(context.inputs), derived.from_store(context.inputs)
        for one, other in zip(plain, kept):
            scores = dict(map(tuple, other))
            assert [scores[name] for name, _ in one] == pytest.approx([score for _, score in one], abs=2e-3)


def test_tuning_moves_questions_to_their_entries(context):
    rates = {
        "epochs": 24,
        "min_steps": 0,
        "rows_per_step": 8,
        "learning_rate": 3e-3,
        "dropout": 0.0,
        "precision": "fp32",
    }
    every = np.arange(16)
    before = context.quality(
        answered(context, "cosine_search", searched="both").predictor.outputs(context.inputs), every
    )
    tuned = answered(context, "contrastive_tuning", searched="both", **rates)
    assert context.quality(tuned.predictor.outputs(context.inputs), every) > max(0.95, before + 0.05)


@pytest.mark.parametrize("name", ["cosine_search", "relevant_component_analysis", "contrastive_tuning"])
def test_titles_that_are_not_there_can_not_be_searched(context, name):
    corpus = Corpus(("a", "b"), ("", ""), ("one", "two"))
    task = context.task.over(corpus)
    bare = replace(context, task=task, targets=task.encode(context.space, ['["a"]', '["b"]'] * 8))
    with pytest.raises(NotSupported, match="no title beside their text"):
        answered(bare, name, searched="title")
    assert answered(bare, name).predictor.part == "whole"


def test_what_is_proposed_follows_the_entries():
    plain = Facts(100, 1, 6, entries=(("whole", 10.0),))
    titled = Facts(100, 1, 6, entries=(("whole", 10.0), ("title", 1.0), ("both", 11.0)))
    assert [p.searched for p in TUNING.proposals(plain)] == ["whole"]
    assert [p.searched for p in TUNING.proposals(titled)] == ["title", "both"]
    short, long = (TUNING.effort(p, titled) for p in TUNING.proposals(titled))
    assert long > 4 * short
    search = plugins.load("baselines", "cosine_search")
    assert [len(search.proposals(facts)) for facts in (plain, titled)] == [1, 3]
