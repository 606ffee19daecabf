"""What a plan may add to a training: averages of weights, an order of rows, and what holds weights back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from hasei.engine.activations.store import Store
from hasei.engine.averaging import Average, blend, wearing
from hasei.engine.checkpoint import Checkpoint
from hasei.engine.pacing import Order, ease_of, paced
from hasei.engine.pooled import PooledModel, layer_dropout, linear
from hasei.engine.ragged import padded, ragged
from hasei.engine.regularisers import Regularise, agreement_of
from hasei.engine.source import text_source
from hasei.engine.training import Job, Plan, _Loop, train
from hasei.engine.trunk import Trunk
from hasei.ground.errors import NotSupported, Stopped
from hasei.ground.events import Watch
from hasei.inputs.base import Base
from hasei.tasks import open_task
from toys import TEXTS

ROWS = TEXTS * 4
TARGETS = np.array([i % len(TEXTS) % 3 for i in range(len(ROWS))])
EASE = -np.arange(len(ROWS), dtype=float)
HEAD = frozenset(("head.weight", "head.bias"))
TASK = open_task("text_classification")
OPTIONS = {
    "ema": {"average": {"ema": 0.8}}, "swa": {"average": {"swa": 0.5}}, "order": {"order": "length"},
    "l1": {"regularise": {"l1": 0.1}}, "l2_to_base": {"regularise": {"l2_to_base": 10.0}},
    "r_drop": {"regularise": {"r_drop": 1.0}},
    "all": {"average": {"ema": 0.8}, "order": "length", "regularise": {"l1": 0.1, "l2_to_base": 1.0, "r_drop": 1.0}},
}  # fmt: skip


@pytest.fixture(scope="module")
def trunk(toy_base, tmp_path_factory):
    trunk = Trunk(Base.open(toy_base("bert")), Store(tmp_path_factory.mktemp("store")))
    trunk.prepare(ROWS)
    return trunk


def new_model(trunk):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = PooledModel(trunk.fresh(), "mean", linear(torch.randn(3, trunk.hidden) * 0.1, torch.zeros(3)))
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    return model


def job_of(model, source, plan, **more):
    return Job(
        model, source, TARGETS, TASK.loss, plan, head=HEAD, ease=EASE if plan.order.by != "random" else None,
        agree=agreement_of(TASK, "lora"), **more,
    )  # fmt: skip


def fit(trunk, plan, *, watch=None, checkpoint=None, **more):
    model = new_model(trunk)
    with text_source(trunk, ROWS, trunk.stack, None, 0) as source, layer_dropout(model, trunk_layers(model), 0.1):
        curve = train(job_of(model, source, plan, **more), watch or Watch(), checkpoint)
    return model, curve


def trunk_layers(model):
    return list(model.trunk.encoder.layer)


def weights(model):
    return {n: p.detach().clone() for n, p in model.named_parameters()}


def same(one, other):
    return all(torch.equal(one[n], other[n]) for n in one)


def stopped(after):
    calls = []
    return Watch(cancelled=lambda: calls.append(1) or len(calls) > after)


@pytest.mark.parametrize("option", OPTIONS)
def test_a_training_stopped_twice_and_resumed_gives_the_same_bytes(trunk, tmp_path, option):
    plan = Plan(epochs=2, rows_per_step=8, **OPTIONS[option])
    whole, expected = fit(trunk, plan)
    checkpoint = Checkpoint(tmp_path / "c.safetensors", "k")
    for after in (3, 4):
        with pytest.raises(Stopped):
            fit(trunk, plan, watch=stopped(after), checkpoint=checkpoint)
    resumed, curve = fit(trunk, plan, checkpoint=checkpoint)
    assert same(weights(whole), weights(resumed))
    assert curve == expected


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_changes_what_is_left_and_works_in_bf16(trunk, option):
    plain, _ = fit(trunk, Plan(epochs=2, rows_per_step=8))
    options = {"rows_per_step": 8, "learning_rate": 3e-3} | OPTIONS[option]
    changed, _ = fit(trunk, Plan(epochs=2, rows_per_step=8, **OPTIONS[option]))
    assert not same(weights(plain), weights(changed))
    _, curve = fit(trunk, Plan(epochs=4, precision="bf16", **options))
    assert curve[-1]["loss"] < curve[0]["loss"]


@pytest.mark.parametrize("option", ["ema", "l1", "l2_to_base", "r_drop"])
def test_gradients_and_what_draws_the_weights_do_not_depend_on_how_a_step_is_packed(trunk, option):
    plan = Plan(rows_per_step=16, clip=1e9, optimizer="sgd", **OPTIONS[option])
    moved = []
    for parts in (1, 2, 8):
        model = new_model(trunk).double()
        with text_source(trunk, ROWS, trunk.stack, None, 0) as source:
            _Loop(job_of(model, source, plan), np.arange(16), Watch())._optimise(np.array_split(np.arange(16), parts))
        moved.append(weights(model))
    assert max(float((moved[0][n] - other[n]).abs().max()) for other in moved[1:] for n in other) <= 1e-6
    assert max(float((moved[0][n] - p).abs().max()) for n, p in weights(new_model(trunk)).items()) > 1e-5


def test_swa_is_the_mean_of_the_last_weights_and_ema_the_weighted_one():
    seen = [{"w": torch.tensor([float(i)])} for i in (3.0, 1.0, 4.0, 1.0, 5.0)]
    for average, expected in (
        (Average(swa=0.5), np.mean([4.0, 1.0, 5.0])),
        (Average(ema=0.7), np.average([3.0, 1.0, 4.0, 1.0, 5.0], weights=0.7 ** np.arange(5)[::-1])),
    ):
        mean = {}
        for step, weight in enumerate(seen, 1):
            if share := average.share(step, 5):
                blend(mean, weight, share)
        assert mean["w"].item() == pytest.approx(expected, rel=1e-6)


def test_an_average_of_both_kinds_is_refused_and_a_number_is_a_share_of_steps():
    with pytest.raises(ValidationError, match="either swa or ema"):
        Average(swa=0.5, ema=0.5)
    assert Plan(average=0.5).average == Average(swa=0.5)
    assert Average().share(1, 5) == 0


def test_early_stopping_looks_at_the_averaged_weights_that_it_leaves(trunk):
    held = np.arange(0, len(ROWS), 4)
    plan = Plan(epochs=6, rows_per_step=8, learning_rate=1e-2, patience=6, average={"ema": 0.9})
    model, curve = fit(trunk, plan, held=held)
    with torch.no_grad(), text_source(trunk, ROWS, trunk.stack, None, 0) as source:
        found = float(TASK.loss(source.outputs(model, held), torch.from_numpy(TARGETS[held])).mean())
    assert found == pytest.approx(min(p["held_loss"] for p in curve), abs=1e-5)


def test_weights_worn_for_a_moment_are_taken_off_again():
    own, mean = {"a": torch.ones(2), "b": torch.ones(1)}, {"a": torch.zeros(2)}
    with wearing(own, mean):
        assert own["a"].sum() == 0 and own["b"].sum() == 1
    assert own["a"].sum() == 2


def test_l1_leaves_exact_zeros_in_matrices_and_none_in_biases(trunk):
    model, _ = fit(trunk, Plan(epochs=6, rows_per_step=8, learning_rate=3e-3, regularise={"l1": 0.5}))
    plain, _ = fit(trunk, Plan(epochs=6, rows_per_step=8, learning_rate=3e-3))
    name = "trunk.encoder.layer.3.output.dense.weight"
    assert (weights(model)[name] == 0).float().mean() > 0.1 and not (weights(plain)[name] == 0).any()
    norm = "trunk.encoder.layer.3.output.LayerNorm.weight"
    assert (weights(model)[norm] - 1).abs().max() < 0.2


def test_l2_to_the_base_keeps_weights_near_where_they_began_and_leaves_the_head_free(trunk):
    before = weights(new_model(trunk))
    far, near = (
        weights(fit(trunk, Plan(epochs=3, rows_per_step=8, learning_rate=1e-3, regularise={"l2_to_base": x}))[0])
        for x in (0.0, 1000.0)
    )  # at 1e-3, a strength of 1000 goes the whole way back after every step
    trunk_names = [n for n in before if n not in HEAD]
    assert max(float((far[n] - before[n]).abs().max()) for n in trunk_names) > 5e-3
    assert max(float((near[n] - before[n]).abs().max()) for n in trunk_names) < 2e-3
    assert float((near["head.weight"] - before["head.weight"]).abs().max()) > 1e-3


@pytest.mark.parametrize("task, shape, targets", [
    ("text_classification", (6, 3), np.array([0, 1, 2, 0, 1, 2])),
    ("multi_label_classification", (6, 3), np.eye(3, dtype=np.float32).repeat(2, 0)),
    ("text_regression", (6, 1), np.arange(6, dtype=np.float32)),
    ("token_classification", (6, 4, 3), ragged([np.array([0, 1, 2, 0][: 1 + i % 4]) for i in range(6)])),
    ("question_answering", (6, 4, 2), ragged([np.ones((1 + i % 4, 3), np.float32) for i in range(6)])),
    ("multiple_choice", (6, 4, 1), ragged([np.ones((1 + i % 4, 2), np.float32) for i in range(6)])),
])  # fmt: skip
def test_two_passes_agree_where_they_are_equal_and_padding_never_counts(task, shape, targets):
    agree = agreement_of(open_task(task), "lora")
    generator = torch.Generator().manual_seed(0)
    one, other = (torch.randn(shape, generator=generator) for _ in range(2))
    marks = padded(targets)
    assert torch.allclose(agree(one, one, marks), torch.zeros(6), atol=1e-6)
    apart = agree(one, other, marks)
    assert apart.shape == (6,) and (apart >= 0).all() and apart.max() > 0.01
    assert torch.allclose(apart, agree(other, one, marks), atol=1e-5)
    if len(shape) == 3:
        beyond = (marks if marks.ndim == 2 else marks[..., 0]) < 0
        again = agree(one.masked_fill(beyond[..., None], 9.0), other, marks)
        assert torch.allclose(apart, again, atol=1e-5)


def test_the_divergence_is_that_of_torch():
    p, q = torch.randn(5, 4), torch.randn(5, 4)
    one, other = p.log_softmax(1), q.log_softmax(1)
    kl = torch.nn.functional.kl_div
    both = kl(one, other, log_target=True, reduction="none") + kl(other, one, log_target=True, reduction="none")
    assert torch.allclose(agreement_of(TASK, "lora")(p, q, None), both.sum(1) / 2, atol=1e-6)


@pytest.mark.parametrize("task", ["text_generation", "object_detection", "retrieval"])
def test_outputs_that_are_no_distributions_can_t_be_compared(task):
    with pytest.raises(NotSupported, match=f"two passes of the task {task}") as error:
        agreement_of(open_task(task), "lora")
    assert "\n" not in str(error.value)


def epochs_of(order, count=100, rows=10, epochs=8):
    total = epochs * count // rows
    lengths, ease = np.full(count, 5), -np.arange(count, dtype=float)
    for epoch in range(epochs):
        yield paced(order, ease, lengths, rows, epoch * count // rows, total, np.random.default_rng([0, epoch]))


def test_easy_rows_come_first_and_more_and_more_of_the_others_until_all_are_in():
    order = Order(by="loss", start=0.2, until=0.5)
    epochs = list(epochs_of(order))
    assert all(epoch is not None for epoch in epochs[:4]) and epochs[4:] == [None] * 4
    hardest = [max(int(np.concatenate(step).max()) for step in epoch) for epoch in epochs[:4]]
    assert hardest == sorted(hardest) and np.concatenate(epochs[0][0]).max() < 20 < hardest[-1]
    assert all(len(epoch) == 10 and all(len(np.unique(np.concatenate(s))) == 10 for s in epoch) for epoch in epochs[:4])
    again = list(epochs_of(order))
    for one, two in zip(epochs[:4], again):
        assert all(np.array_equal(np.concatenate(a), np.concatenate(b)) for a, b in zip(one, two))


def test_a_paced_step_is_never_smaller_than_a_step():
    (epoch,) = epochs_of(Order(by="loss", start=0.01, until=1.0), count=30, rows=20, epochs=1)
    assert [len(np.concatenate(step)) for step in epoch] == [20] * math.ceil(30 / 20)
    epoch = paced(Order(by="loss"), -np.arange(5.0), np.full(5, 3), 20, 0, 4, np.random.default_rng(0))
    assert [len(np.concatenate(step)) for step in epoch] == [5]


@pytest.mark.parametrize("by", ["length", "loss", "confidence"])
def test_rows_are_ordered_by_what_the_solved_head_says_of_them(trunk, by):
    model = new_model(trunk)
    with text_source(trunk, ROWS, trunk.stack, None, 0) as source:

        def loss(outputs, rows):
            return TASK.loss(outputs, torch.from_numpy(TARGETS[rows]))

        ease = ease_of(Order(by=by), source, model, "lora", loss, lambda o: np.exp(o).max(1) / np.exp(o).sum(1))
        with torch.no_grad():
            outputs = source.outputs(model, np.arange(len(ROWS)))
        expected = {
            "length": -source.lengths, "loss": -loss(outputs, np.arange(len(ROWS))).numpy(),
            "confidence": outputs.softmax(1).max(1).values.numpy(),
        }  # fmt: skip
    assert np.allclose(ease, expected[by], atol=1e-5)


def test_rows_that_are_all_equally_long_have_no_order_by_length(trunk):
    class Source:
        lengths = np.full(4, 7)

    with pytest.raises(NotSupported, match=r"equally long\. Order them by loss"):
        ease_of(Order(by="length"), Source(), None, "lora", None, None)

    class Together(Source):
        together = True

    with pytest.raises(NotSupported, match="reads rows together"):
        ease_of(Order(by="loss"), Together(), None, "lora", None, None)
    assert ease_of(Order(), Source(), None, "lora", None, None) is None


def test_a_word_is_what_rows_are_ordered_by():
    assert Plan(order="loss").order == Order(by="loss")
    with pytest.raises(ValidationError, match="confidence"):
        Plan(order="difficulty")
    assert Plan().regularise == Regularise()


LATER = "trunk.encoder.layer.0.output.dense.weight"


def test_what_is_not_trained_yet_is_not_drawn_to_zero(trunk):
    before = weights(new_model(trunk))[LATER]
    plan = Plan(epochs=1, rows_per_step=8, regularise={"l1": 1.0})
    model, _ = fit(trunk, plan, since={LATER: 1})
    assert torch.equal(weights(model)[LATER], before)


def test_of_a_parameter_of_which_only_rows_are_trained_the_others_are_not_drawn_to_zero(trunk):
    before = weights(new_model(trunk))[LATER]
    rows = torch.zeros(len(before), dtype=torch.bool)
    rows[:3] = True
    model, _ = fit(trunk, Plan(epochs=1, rows_per_step=8, regularise={"l1": 1.0}), only={LATER: rows})
    after = weights(model)[LATER]
    assert torch.equal(after[3:], before[3:]) and not torch.equal(after[:3], before[:3])


def test_the_moving_mean_of_what_is_trained_later_begins_at_the_base(trunk):
    before = weights(new_model(trunk))[LATER]
    fast = {"epochs": 2, "rows_per_step": 8, "learning_rate": 1e-2}
    last = weights(fit(trunk, Plan(**fast), since={LATER: 1})[0])[LATER]
    mean = weights(fit(trunk, Plan(average={"ema": 0.99}, **fast), since={LATER: 1})[0])[LATER]
    assert (
        0 < (mean - before).norm() < 0.5 * (last - before).norm()
    )  # an epoch of its steps still had the base's weights
