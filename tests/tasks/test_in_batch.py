"""The loss over a whole step: against the definition, with what may be no negative, and whatever the packing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hasei.engine import entries
from hasei.engine.activations.store import Store
from hasei.engine.derivation import Context
from hasei.engine.pooled import layer_dropout
from hasei.engine.readings import reading_of
from hasei.engine.retriever import RetrieverModel
from hasei.engine.training import Job, Plan, _Loop
from hasei.engine.trunk import Trunk
from hasei.ground.events import Watch
from hasei.inputs.base import Base
from hasei.tasks._in_batch import info_nce
from toys import toy_task


def unit(*shape, seed=0):
    return torch.nn.functional.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(seed)), dim=-1)


def by_hand(outputs, targets, count, temperature):
    """The definition, entry by entry."""
    losses, names = [], targets[:, :count].reshape(-1).tolist()
    vectors = outputs[:, 1:].reshape(len(names), -1)
    for i, row in enumerate(targets):
        right = set(row[count:].tolist())
        seen, scores = set(), [float(outputs[i, 0] @ vectors[i * count]) / temperature]
        for name, vector in zip(names, vectors):
            if name not in right and name not in seen:
                seen.add(name)
                scores.append(float(outputs[i, 0] @ vector) / temperature)
        losses.append(float(torch.logsumexp(torch.tensor(scores), 0)) - scores[0])
    return losses


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_loss_is_that_of_the_definition(count):
    outputs = unit(6, 1 + count, 8)
    rng = np.random.default_rng(count)
    own = rng.integers(0, 9, (6, count))
    right = np.concatenate([own[:, :1], rng.integers(0, 9, (6, 1))], axis=1)
    right[::2, 1] = -100
    targets = torch.from_numpy(np.concatenate([own, right], axis=1))
    # What is right among the mined ones of its own row may not count either.
    same = {(int(n)): unit(8, seed=int(n)) for n in own.ravel()}
    for i, row in enumerate(own):
        for k, name in enumerate(row):
            outputs[i, 1 + k] = same[int(name)]
    found = info_nce(outputs, targets, temperature=0.1)
    assert found.tolist() == pytest.approx(by_hand(outputs, targets, count, 0.1), abs=1e-5)


def test_without_shared_entries_it_is_multiple_negatives_ranking():
    outputs = unit(5, 2, 8)
    targets = torch.arange(5)[:, None].repeat(1, 2)
    expected = torch.nn.functional.cross_entropy(
        outputs[:, 0] @ outputs[:, 1].T / 0.05, torch.arange(5), reduction="none"
    )
    assert torch.allclose(info_nce(outputs, targets), expected, atol=1e-5)


def test_questions_of_one_entry_are_no_negatives_of_each_other():
    outputs = unit(2, 2, 8)
    outputs[1, 1] = outputs[0, 1]
    assert info_nce(outputs, torch.zeros(2, 2, dtype=torch.long)).tolist() == pytest.approx([0.0, 0.0], abs=1e-6)


def test_smoothing_moves_the_loss_towards_the_mean_over_all_allowed():
    outputs, targets = unit(4, 2, 8), torch.arange(4)[:, None].repeat(1, 2)
    logs = (outputs[:, 0] @ outputs[:, 1].T / 0.05).log_softmax(1)
    expected = -(0.8 * logs.diagonal() + 0.2 * logs.mean(1))
    assert torch.allclose(info_nce(outputs, targets, smoothing=0.2), expected, atol=1e-5)


@pytest.fixture(scope="module")
def context(toy_base, tmp_path_factory):
    trunk = Trunk(Base.open(toy_base("bert")), Store(tmp_path_factory.mktemp("store")))
    task = toy_task("retrieval")
    toy = task.toy()
    targets = task.clean(toy.targets)[0]
    space = task.space(targets)
    return Context(task, space, toy.inputs, task.encode(space, targets), targets, toy.inputs, trunks=(trunk,))


def step(context, sizes, *, dropout=0.0, lowest=-1, moved=None, by=0.0):
    """Gradients and loss of one optimiser step over all rows in micro-batches of *sizes*, with two mined negatives each.

    The model's parameters are first moved *by* times *moved*. It is in float64 unless layers are replayed from kept states.
    """
    trunk = context.trunk
    questions, found = entries.question_features(context, context.inputs), entries.entry_features(context, "both")
    own = entries.own_entries(context, entries.hard_negatives(context, questions, found, 2))
    model = RetrieverModel(trunk.fresh(), trunk.base.pooling)
    stack = trunk.stack.__class__(trunk.stack.path, tuple(model.trunk.get_submodule(trunk.stack.path).children()))
    for name, parameter in (model.double() if lowest < 0 else model).named_parameters():
        if moved and name in moved:
            parameter.data += by * moved[name]
        parameter.requires_grad_(lowest < 0 or any(f"layer.{k}." in name for k in range(lowest, trunk.layers)))
    gradients = {}
    with (
        entries.entry_source(context, own, "both", stack, lowest) as source,
        layer_dropout(model, stack.layers[max(0, lowest) :], dropout),
    ):
        plan = Plan(rows_per_step=16, clip=1e9, precision="fp32")
        loop = _Loop(
            Job(model, source, entries.in_batch_targets(context, own), context.task.loss, plan), np.arange(16), Watch()
        )
        loop.optimizer.register_step_pre_hook(
            lambda *_: gradients.update({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
        )
        model.train()
        loop._optimise(np.split(np.arange(16), np.cumsum(sizes)[:-1]))
    return gradients, loop.sums[0]


@pytest.mark.parametrize("parts", [2, 4, 8])
def test_one_step_is_the_same_in_any_number_of_parts_with_mined_negatives(context, parts):
    (whole, loss), (parted, other) = step(context, [16]), step(context, [16 // parts] * parts)
    assert max(float(g.abs().max()) for g in whole.values()) > 1e-3
    assert max(float((whole[name] - parted[name]).abs().max()) for name in whole) <= 1e-6
    assert loss == pytest.approx(other, abs=1e-6)


def test_parts_of_any_size_give_the_same(context):
    (whole, _), (parted, _) = step(context, [16]), step(context, [1, 7, 3, 5])
    assert max(float((whole[name] - parted[name]).abs().max()) for name in whole) <= 1e-6


def test_both_readings_of_a_part_drop_the_same_states(context):
    """With dropout a step in parts has the gradient of the very loss that it reports: the loss falls along it as it says."""
    gradients, loss = step(context, [4] * 4, dropout=0.2)
    steep = sum(float(g.square().sum()) for g in gradients.values())
    by = 0.01 / steep
    _, below = step(context, [4] * 4, dropout=0.2, moved=gradients, by=-by)
    _, above = step(context, [4] * 4, dropout=0.2, moved=gradients, by=by)
    assert (above - below) / 16 / (2 * by) == pytest.approx(steep, rel=0.05)
    assert loss != step(context, [4] * 4)[1]


def test_replayed_layers_give_the_gradients_of_the_plain_ones(context):
    """Within what 16 bits of the kept states allow."""
    (plain, _), (replayed, _) = step(context, [8, 8], lowest=-1), step(context, [8, 8], lowest=2)
    shared = [name for name in replayed if name in plain]
    assert shared
    for name in shared:
        assert float((plain[name] - replayed[name]).abs().max()) <= 0.02 * float(plain[name].abs().max()) + 1e-4, name


def test_mined_negatives_are_wrong_entries_ranked_high_and_below_the_right_one(context):
    questions, found = entries.question_features(context, context.inputs), entries.entry_features(context, "whole")
    mined = entries.hard_negatives(context, questions, found, 3)
    for question, right, negatives in zip(questions, context.targets, mined):
        scores = found @ question
        assert not set(right) & set(negatives) and len(set(negatives)) == 3
        below = sorted(
            (s for i, s in enumerate(scores) if i not in right and s <= 0.95 * scores[right[0]]), reverse=True
        )
        assert scores[negatives[: len(below)]].tolist() == pytest.approx(below[:3])


def test_entries_of_the_very_same_text_are_never_negatives(context):
    from dataclasses import replace

    from hasei.inputs.data.corpus import Corpus

    corpus = Corpus(("a", "b", "c"), ("one", "two", "three"), ("same", "same", "other"))
    task = context.task.over(corpus)
    twins = replace(context, task=task, targets=task.encode(context.space, ['["a"]'] * 16))
    assert [no.tolist() for no in entries.false_negatives(twins)] == [[0, 1]] * 16


def test_a_question_with_several_right_entries_learns_from_each(context):
    from dataclasses import replace

    targets = context.task.encode(context.space, ['["card", "parcel"]', *context.truth[1:]])
    rows = entries.one_right_each(replace(context, targets=targets))
    assert len(rows.inputs) == 17 and rows.inputs[0] == rows.inputs[1]
    assert [rows.targets[i][0] for i in (0, 1)] == [1, 0]


def test_the_reading_trains_as_a_method_does(context):
    reading = reading_of(context.task)
    assert reading.targets(context).shape == (16, 2)


@pytest.mark.parametrize("part", ["title", "whole", "both"])
def test_features_of_entries_are_those_that_the_model_finds_with_and_without_titles(context, part):
    from dataclasses import replace

    from hasei.engine.retriever import RetrieverPredictor
    from hasei.inputs.data.corpus import Corpus

    trunk = context.trunk
    for titles in (("one", "", "three"), ("", "", ""), ("one", "two", "three")):
        corpus = Corpus(("a", "b", "c"), titles, ("where is it", "荷物はどこ", "a short one"))
        model = RetrieverModel(trunk.fresh(), trunk.base.pooling)
        plain = RetrieverPredictor(model, trunk.tokenizer, trunk.base.max_tokens, corpus, part)
        found = entries.entry_features(replace(context, task=context.task.over(corpus)), part)
        assert np.abs(found - plain.vectors).max() < 1e-5
