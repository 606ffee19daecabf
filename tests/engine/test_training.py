from __future__ import annotations

import numpy as np
import pytest
import torch

from hasei.engine.activations.store import Store
from hasei.engine.checkpoint import Checkpoint
from hasei.engine.pooled import PooledModel, linear
from hasei.engine.source import compact_embedding, text_source
from hasei.engine.training import Job, Plan, train
from hasei.engine.trunk import Trunk
from hasei.ground.errors import RunFailed, Stopped
from hasei.ground.events import DeadlineReached, Watch
from hasei.inputs.architecture import Stack
from hasei.inputs.base import Base
from toys import TEXTS

ROWS = TEXTS * 4
TARGETS = np.array([i % len(TEXTS) % 3 for i in range(len(ROWS))])


def loss(outputs, targets, *, smoothing=0.0):
    return torch.nn.functional.cross_entropy(outputs, targets, reduction="none", label_smoothing=smoothing)


@pytest.fixture
def trunk(toy_base, tmp_path):
    trunk = Trunk(Base.open(toy_base("bert")), Store(tmp_path / "store"))
    trunk.prepare(ROWS)
    return trunk


def new_model(trunk, from_layer=0):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = PooledModel(trunk.fresh(), "mean", linear(torch.randn(3, trunk.hidden) * 0.1, torch.zeros(3)))
    names = {f"trunk.{n}" for n in trunk.probe.trainable_from(from_layer)}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in names or name.startswith("head."))
    return model


def fit(trunk, model, plan, *, watch=None, checkpoint=None, seed=0, held=None):
    with text_source(trunk, ROWS, trunk.stack, None, 0) as source:
        job = Job(model, source, TARGETS, loss, plan, seed, head=frozenset(("head.weight", "head.bias")),
                  held=np.empty(0, np.int64) if held is None else held)  # fmt: skip
        return train(job, watch or Watch(), checkpoint)


def weights(model):
    return {n: p.detach().clone() for n, p in model.named_parameters()}


def same(one, other):
    return all(torch.equal(one[n], other[n]) for n in one)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_the_loss_falls(trunk, optimizer):
    rate = {"adamw": 1e-2, "sgd": 0.3}[optimizer]
    plan = Plan(epochs=12, rows_per_step=8, learning_rate=rate, head_learning_rate=rate, optimizer=optimizer)
    curve = fit(trunk, new_model(trunk), plan)
    assert curve[-1]["loss"] < 0.7 * curve[0]["loss"]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(trunk):
    plan = Plan(epochs=2, rows_per_step=8)
    runs = []
    for seed in (0, 0, 1):
        model = new_model(trunk)
        fit(trunk, model, plan, seed=seed)
        runs.append(weights(model))
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


@pytest.mark.parametrize("budget", [20, 64, 100_000])
def test_gradients_of_a_step_do_not_depend_on_how_it_is_packed(trunk, budget):
    from hasei.engine.batching import by_length

    gradients = []
    for packing in (budget, 10_000):
        model = new_model(trunk)
        with text_source(trunk, ROWS, trunk.stack, None, 0) as source:
            for micro in by_length(source.lengths, packing):
                (loss(source.outputs(model, micro), torch.from_numpy(TARGETS[micro])).sum() / len(ROWS)).backward()
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    for name, gradient in gradients[0].items():
        assert (gradient - gradients[1][name]).abs().max() <= 1e-6


@pytest.mark.parametrize("stop", [1, 5, 7])
@pytest.mark.parametrize("average", [0.0, 0.5])
def test_a_training_stopped_by_ctrl_c_and_resumed_gives_the_same_bytes(trunk, tmp_path, stop, average):
    plan = Plan(epochs=2, rows_per_step=8, average=average)
    whole = new_model(trunk)
    expected_curve = fit(trunk, whole, plan)
    model, checkpoint, calls = new_model(trunk), Checkpoint(tmp_path / "c.safetensors", "k"), []

    def cancelled():
        calls.append(1)
        return len(calls) > stop

    with pytest.raises(Stopped):
        fit(trunk, model, plan, watch=Watch(cancelled=cancelled), checkpoint=checkpoint)
    resumed = new_model(trunk)
    curve = fit(trunk, resumed, plan, checkpoint=checkpoint)
    assert same(weights(whole), weights(resumed))
    assert curve == expected_curve


def test_a_checkpoint_of_another_training_is_ignored(trunk, tmp_path):
    plan = Plan(epochs=1, rows_per_step=8)
    path = tmp_path / "c.safetensors"
    Checkpoint(path, "one").save(
        {"weight/head.bias": torch.ones(3)}, {"epoch": 1, "step": 99, "curve": [], "sums": [0, 0]}
    )
    model, other = new_model(trunk), new_model(trunk)
    fit(trunk, model, plan)
    fit(trunk, other, plan, checkpoint=Checkpoint(path, "two"))
    assert same(weights(model), weights(other))


def test_a_diverging_training_ends_as_failed_and_says_where(trunk):
    model = new_model(trunk)
    with torch.no_grad():
        model.head.weight[0, 0] = float("nan")
    with pytest.raises(RunFailed, match="epoch 1, step 1"):
        fit(trunk, model, Plan(epochs=1))


def test_the_deadline_is_respected_within_a_step(trunk):
    with pytest.raises(DeadlineReached):
        fit(trunk, new_model(trunk), Plan(epochs=500, rows_per_step=8), watch=Watch(deadline=0.0))


def test_only_what_requires_gradients_changes(trunk):
    model = new_model(trunk, from_layer=3)
    before = weights(model)
    fit(trunk, model, Plan(epochs=1, rows_per_step=8))
    changed = {n for n, p in weights(model).items() if not torch.equal(p, before[n])}
    allowed = {f"trunk.{n}" for n in trunk.probe.trainable_from(3)} | {"head.weight", "head.bias"}
    assert changed and changed <= allowed


def test_training_on_a_compact_token_table_equals_training_on_the_whole_one(trunk):
    plan = Plan(epochs=2, rows_per_step=8, learning_rate=1e-3, weight_decay=0.0)
    dense, compact = new_model(trunk, -1), new_model(trunk, -1)
    fit(trunk, dense, plan)
    table = compact.trunk.get_input_embeddings()
    with compact_embedding(compact.trunk, np.unique(trunk.corpus.tokens.ids)):
        assert table.weight.shape[0] < dense.trunk.get_input_embeddings().weight.shape[0]
        fit(trunk, compact, plan)
    for (name, one), other in zip(dense.named_parameters(), compact.parameters()):
        assert one.shape == other.shape
        assert torch.allclose(one, other, atol=2e-6), name


def test_early_stopping_keeps_the_best_held_epoch(trunk):
    held = np.arange(0, len(ROWS), 4)
    model = new_model(trunk)
    curve = fit(trunk, model, Plan(epochs=60, rows_per_step=8, learning_rate=2e-2, patience=2), held=held)
    assert len(curve) < 60
    best = min(p["held_loss"] for p in curve)
    with torch.no_grad(), text_source(trunk, ROWS, trunk.stack, None, 0) as source:
        found = float(loss(source.outputs(model, held), torch.from_numpy(TARGETS[held])).mean())
    assert found == pytest.approx(best, abs=1e-5)


def test_layer_wise_rates_move_lower_layers_less(trunk):
    model = new_model(trunk, 0)
    names = [n for n, _ in model.named_parameters()]
    depth = {n: 3 - int(n.split(".")[3]) for n in names if ".layer." in n}
    before = weights(model)
    with text_source(trunk, ROWS, trunk.stack, None, 0) as source:
        plan = Plan(epochs=1, rows_per_step=8, layer_decay=0.1, weight_decay=0.0)
        train(Job(model, source, TARGETS, loss, plan, depth=depth), Watch())
    moved = {n: float((p - before[n]).abs().mean()) for n, p in weights(model).items()}
    query = [moved[f"trunk.encoder.layer.{i}.attention.self.query.weight"] for i in range(4)]
    assert query[0] < 0.1 * query[3]


def test_bf16_trains_to_nearly_the_same_place(trunk):
    curves = [fit(trunk, new_model(trunk), Plan(epochs=3, rows_per_step=8, precision=p)) for p in ("fp32", "bf16")]
    assert curves[1][-1]["loss"] == pytest.approx(curves[0][-1]["loss"], rel=0.05)


def test_the_stack_of_a_copy_is_its_own(trunk):
    copy = trunk.fresh()
    stack = Stack(trunk.stack.path, tuple(copy.get_submodule(trunk.stack.path).children()))
    assert stack.layers[0] is not trunk.stack.layers[0]
