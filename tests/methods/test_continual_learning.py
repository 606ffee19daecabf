"""Stages learnt one after the other: what each way promises, the curve, and streams that are none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_every_method import toy_data

from hasei.derive import run
from hasei.derive.recipe import Recipe, make_step
from hasei.derive.run import run_step
from hasei.engine import ragged
from hasei.engine.exemplars import drawn, herded
from hasei.engine.pooled import PooledModel, linear
from hasei.engine.prediction import PooledPredictor
from hasei.ground.errors import DataError, NotSupported, RecipeError
from hasei.ground.events import Watch
from hasei.methods import continual_learning as method
from hasei.methods._solved import features_of, targets_of
from hasei.methods._stages import Record, Stage
from hasei.tasks import open_task

TASK = open_task("text_classification")
TRAINED = ("naive", "replay", "ewc", "lwf")
QUICK = {"epochs": 2, "rows_per_step": 8, "replay_per_class": 2, "precision": "fp32"}


def context_of(task, trunk):
    """Toy rows, the first half of them in one stage and the rest in another."""
    data = toy_data(task)
    half = len(data.targets) // 2
    context = run.context_of(task, task.space(data.targets), data, (trunk,))
    return replace(context, stages=("one",) * half + ("two",) * (len(data.targets) - half)), data


def written(context, data, folder, trunk, step):
    recipe = Recipe((trunk.base.content_hash,), context.task.name, {"fingerprint": "toy"}, (step,))
    return run.run(recipe, context, data, folder)


@pytest.fixture
def trunk(trunks):
    return trunks(TASK)


@pytest.fixture
def context(trunk):
    """Toy rows, a stage for each class: class-incremental."""
    found, _ = context_of(TASK, trunk)
    return replace(found, stages=tuple(found.truth))


def step(how, **settings):
    return make_step("continual_learning", {"how": how, **QUICK, **settings})


def derived(context, how, **settings):
    return run_step(step(how, **settings), context).derivation


@pytest.mark.parametrize("how", [*TRAINED, "adapters"])
@pytest.mark.parametrize("name", ["text_classification", "multi_label_classification", "text_regression"])
def test_every_way_gives_a_folder_that_answers_as_in_memory_and_changes_only_what_it_declares(
    how, name, trunk, tmp_path
):
    task = open_task(name)
    if how == "adapters" and name != "text_classification":
        pytest.skip("refused, and tested below")
    context, data = context_of(task, trunk)
    if how == "adapters":
        context = replace(context, stages=tuple(context.truth))
        derivation = derived(context, how)
    else:
        model = written(context, data, tmp_path / "m", trunk, step(how))
        derivation = derived(context, how)
        assert ragged.difference(derivation.predictor.outputs(context.inputs), model.outputs(context.inputs)) <= 1e-5
    model = derivation.predictor.model
    base = {f"trunk.{n}": p for n, p in trunk.model.named_parameters()}
    moved = {n for n, p in model.named_parameters() if n in base and not torch.equal(p, base[n])}
    assert moved <= set(derivation.trained)
    assert bool(moved) == (how in TRAINED)
    assert derivation.trainable_parameters == sum(
        p.numel() for n, p in model.named_parameters() if n in derivation.trained
    )
    assert derivation.curve[-1]["stage"] == len(set(context.stages))
    assert all(isinstance(v, float) and np.isfinite(v) for p in derivation.curve for v in p.values())


@pytest.mark.parametrize("how", [*TRAINED, "solved", "adapters"])
def test_the_same_seed_gives_the_same_outputs(how, context):
    one, two = (derived(context, how).predictor.outputs(context.inputs) for _ in range(2))
    assert np.array_equal(one, two)


@pytest.mark.parametrize("how", TRAINED)
def test_at_zero_strength_each_way_is_its_base_with_solved_heads_bit_for_bit(how, context, trunk):
    still = {"learning_rate": 1e-30, "head_learning_rate": 1e-30, "weight_decay": 0.0}
    ran = derived(context, how, **still).predictor
    head = ran.model.head
    plain = PooledModel(trunk.fresh(), trunk.base.pooling, linear(head.weight.detach(), head.bias.detach()))
    expected = PooledPredictor(plain, trunk.tokenizer, trunk.base.max_tokens).outputs(context.inputs)
    assert np.array_equal(ran.outputs(context.inputs), expected)
    assert (np.abs(head.weight.detach().numpy()).sum(1) > 0).all()


def test_what_is_solved_over_stages_is_what_is_solved_from_all_rows_at_once(context):
    from hasei.engine.moments import Moments

    features = features_of(context, context.trunk.layers, "mean")
    targets = targets_of(context)
    whole = Moments.empty(features.shape[1], 3)
    whole.learn(features, targets)
    derivation = derived(context, "solved", l2=10.0, sharpness=1.0)
    penalty = 10.0
    weight, bias = whole.solve("discriminant", penalty)
    parts = Moments.empty(features.shape[1], 3)
    for stage in method.stages_of(context, 0.1):
        parts.learn(features[stage.fit], targets[stage.fit])
        parts.learn(features[stage.held], targets[stage.held])
    for one, other in zip(parts.solve("discriminant", penalty), (weight, bias)):
        assert np.abs(one - other).max() <= 1e-8 * np.abs(other).max()
    head = derivation.predictor.model.head
    assert np.allclose(head.weight.detach().numpy(), weight, rtol=1e-5, atol=1e-5 * np.abs(weight).max())


def test_the_order_of_the_stages_does_not_change_what_is_solved(context):
    settings = {"l2": 10.0, "sharpness": 1.0, "held": 0.0}
    turned = np.arange(len(context.inputs))[::-1]
    other = replace(
        context, inputs=[context.inputs[i] for i in turned], targets=context.targets[turned],
        truth=[context.truth[i] for i in turned], units=[context.units[i] for i in turned],
        stages=tuple(context.stages[i] for i in turned),
    )  # fmt: skip
    one, two = (derived(c, "solved", **settings).predictor for c in (context, other))
    assert np.allclose(one.outputs(context.inputs), two.outputs(context.inputs), atol=1e-4)


def test_without_anything_kept_the_first_stages_are_forgotten_and_with_rows_less_so(context):
    hard = {
        "epochs": 15,
        "learning_rate": 5e-3,
        "head_learning_rate": 5e-2,
        "smoothing": 0.0,
        "held": 0.0,
        "dropout": 0.0,
    }
    first = np.flatnonzero([s == context.stages[0] for s in context.stages])
    known = {}
    for how in ("naive", "replay"):
        outputs = derived(context, how, replay_per_class=6, **hard).predictor.outputs(context.inputs)
        known[how] = context.quality(outputs[first], first)
    assert known["naive"] < known["replay"]


@pytest.mark.parametrize(("how", "strength"), [("ewc", 1e6), ("lwf", 1e3)])
def test_a_strong_guard_keeps_the_weights_or_the_answers_of_before(how, strength, context):
    hard = {
        "epochs": 4,
        "learning_rate": 2e-3,
        "head_learning_rate": 2e-3,
        "smoothing": 0.0,
        "held": 0.0,
        "dropout": 0.0,
    }
    naive = derived(context, "naive", **hard).predictor.outputs(context.inputs)
    guarded = derived(context, how, strength=strength, **hard).predictor.outputs(context.inputs)
    still = {"learning_rate": 1e-30, "head_learning_rate": 1e-30, "weight_decay": 0.0}
    before = derived(context, "naive", **(hard | still)).predictor.outputs(context.inputs)
    first = [i for i, s in enumerate(context.stages) if s == context.stages[0]]

    def moved(outputs):
        return float(np.abs(outputs[first, :1] - before[first, :1]).mean())

    assert moved(guarded) < moved(naive)


def test_the_curve_tells_the_average_and_what_was_forgotten():
    stages = [Stage(name, np.arange(2), np.array([i])) for i, name in enumerate("abc")]

    class Scores:
        def quality(self, outputs, rows):
            return float(outputs[0])

    record = Record(Scores(), stages)
    for seen in ([0.9], [0.7, 0.8], [0.8, 0.5, 1.0]):
        record.note(lambda rows, seen=seen: [seen[rows[0]]])
    assert [round(p["average"], 9) for p in record.curve] == [0.9, 0.75, round(2.3 / 3, 9)]
    assert [round(p["forgetting"], 9) for p in record.curve] == [0.0, 0.2, 0.2]
    assert record.curve[2]["stage_2"] == 0.5


def test_held_rows_are_never_trained_on_and_held_0_gives_no_curve(context):
    stages = method.stages_of(context, 0.25)
    assert all(len(s.held) and not set(s.fit) & set(s.held) for s in stages)
    assert sorted(np.concatenate([s.rows for s in stages])) == list(range(len(context.inputs)))
    assert derived(context, "solved", held=0.0).curve == ()


def test_settings_are_frozen_with_every_choice_made(context):
    frozen = derived(context, "ewc").frozen
    assert frozen.strength and frozen.precision == "fp32" and frozen.min_steps == 0
    solved = derived(context, "solved").frozen
    assert solved.l2 and solved.sharpness
    again = method.derive(context, solved)
    assert again.frozen == solved


def test_herding_comes_nearer_to_the_mean_than_chance_and_rows_are_kept_once():
    rows = np.random.default_rng(0).normal(size=(60, 8)) + 3
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    chosen = herded(rows, 5)
    assert len(set(chosen.tolist())) == 5
    errors = [np.linalg.norm(unit[drawn(60, 5, seed)].mean(0) - unit.mean(0)) for seed in range(20)]
    assert np.linalg.norm(unit[chosen].mean(0) - unit.mean(0)) < min(errors)
    assert len(herded(rows[:3], 5)) == 3
    assert np.array_equal(drawn(60, 5, 1), drawn(60, 5, 1))


@pytest.mark.parametrize("keep", ["herding", "random"])
def test_so_many_rows_of_each_class_are_kept_also_where_classes_come_back(keep, trunk, monkeypatch):
    from hasei.methods import _sequence

    context, _ = context_of(TASK, trunk)
    context = replace(context, stages=("one", "two", "three") * 8)
    seen = []
    inner = _sequence.Sequence._remember
    monkeypatch.setattr(_sequence.Sequence, "_remember", lambda self, *a: (inner(self, *a), seen.append(self.kept))[0])
    derived(context, "replay", replay_per_class=3, keep=keep, held=0.0)
    for kept in seen:
        assert len(set(kept.tolist())) == len(kept)
        assert np.bincount(context.targets[kept]).max() <= 3
    assert (np.bincount(context.targets[seen[-1]]) == 3).all()


# Bad input.


def test_rows_without_stages_are_told_how_to_name_them(context):
    with pytest.raises(DataError, match=r"name no stages; expected a column .* Name it \(--stage COLUMN"):
        derived(replace(context, stages=()), "solved")


def test_a_single_stage_is_told_what_stages_are_for(context):
    with pytest.raises(DataError, match=r"all rows are of the one stage 'x'; expected two stages or more: months"):
        derived(replace(context, stages=("x",) * len(context.inputs)), "solved")


def test_a_row_without_a_stage_is_refused(context):
    with pytest.raises(DataError, match="not every row has a stage; expected 24; received 3"):
        derived(replace(context, stages=("a", "b", "c")), "solved")


def test_more_rows_to_keep_than_there_are_is_refused(context):
    with pytest.raises(RecipeError, match=r"replay_per_class 9 would keep more .* at most 8 of each of 3 classes"):
        derived(context, "replay", replay_per_class=9)


def test_a_class_without_rows_is_said_and_never_answered(context):
    said = []
    watch = Watch(listener=said.append)
    names = (*context.space.names, "never")
    wide = replace(context, space=replace(context.space, width=4, names=names), watch=watch)
    for how in ("solved", "adapters", "replay"):
        answers = derived(wide, how).predictor.outputs(context.inputs).argmax(1)
        assert 3 not in answers
    assert any("never answered, such as 'never'" in str(event) for event in said)


def test_classes_that_come_back_have_no_head_of_a_stage(trunk):
    context, _ = context_of(TASK, trunk)
    with pytest.raises(NotSupported, match="comes in the stages 'one' and 'two'"):
        derived(context, "adapters")
    numbers, _ = context_of(open_task("text_regression"), trunk)
    with pytest.raises(NotSupported, match="can't be told by stage"):
        derived(numbers, "adapters")


def test_more_layers_than_the_base_has_are_refused(context):
    with pytest.raises(NotSupported, match="no 9 layers"):
        derived(context, "naive", top_layers=9)
