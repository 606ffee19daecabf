"""The contract of a task, checked on every task that there is: found by its file, no list to edit."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from hasei.derive.derived import space_from_json, space_to_json
from hasei.engine.activations.store import Store
from hasei.engine.derivation import Context
from hasei.engine.readings import reading_of
from hasei.engine.training import Job, Plan, _Loop
from hasei.ground import plugins
from hasei.ground.errors import DataError
from hasei.ground.events import Watch
from hasei.inputs.base import Base
from hasei.methods._tuning import HEAD_L2
from toys import toy_kind, toy_task

TASKS = plugins.names("tasks")


@pytest.fixture(scope="module")
def trunks(toy_base, tmp_path_factory):
    """Return a function that opens the toy base of a task, once for all tasks that read the same way."""
    opened = {}

    def trunk_for(task):
        key = toy_kind(task), getattr(task, "reading", "whole")
        if key not in opened:
            base = Base.open(toy_base(key[0]))
            opened[key] = reading_of(task).open(base, Store(tmp_path_factory.mktemp("store")))
        return opened[key]

    return trunk_for


@pytest.fixture(params=TASKS)
def task(request):
    return toy_task(request.param)


def toy(task):
    found = task.toy()
    targets, _ = task.clean(found.targets)
    return found.inputs, targets, task.space(targets)


def test_its_name_is_its_file_and_its_docstring_names_source_shapes_relations_and_an_example(task):
    assert task.name in TASKS
    doc = plugins.docstring("tasks", task.name)
    for part in ("Source:", "Shapes:", "Relations:", ">>> "):
        assert part in doc, part
    assert len(plugins.summary("tasks", task.name)) > 20


def test_its_example_runs(task):
    import doctest

    assert doctest.testmod(plugins.load("tasks", task.name)).failed == 0


def test_it_reads_at_least_one_column_and_answers_one(task):
    kinds = [column.kind for column in task.columns]
    assert kinds.count("target") == 1 and kinds.count("input") >= 1
    assert len({column.name for column in task.columns}) == len(kinds)
    assert all(hint == hint.lower() for column in task.columns for hint in column.hints)


def test_its_toy_rows_are_a_dozen_or_more_and_have_as_many_texts_as_it_reads(task):
    inputs, targets, _ = toy(task)
    read = sum(column.kind == "input" for column in task.columns)
    assert len(inputs) == len(targets) >= 12
    assert all(isinstance(row, str) if read == 1 else len(row) == read for row in inputs)
    japanese = any(any(ord(sign) > 0x3000 for sign in "".join(row)) for row in inputs)
    assert japanese or task.input_kind != "text", "no Japanese among them"


def test_cleaning_twice_changes_nothing_more(task):
    _, targets, _ = toy(task)
    assert task.clean(targets) == (targets, [])


def test_its_space_survives_json(task):
    *_, space = toy(task)
    assert space_from_json(json.loads(json.dumps(space_to_json(space)))) == space


def test_rows_that_are_all_alike_teach_nothing_and_that_is_one_line(task):
    _, targets, _ = toy(task)
    with pytest.raises(DataError) as error:
        task.space(targets[:1] * 5)
    assert "expected" in str(error.value) and "\n" not in str(error.value)


def test_the_truth_answered_is_the_best_that_every_metric_knows(task):
    _, targets, space = toy(task)
    truth = task.truth(targets)
    worse = truth[1:] + truth[:1]
    assert task.knows(space, targets).all()
    assert task.default_metric in task.metrics
    for name, metric in task.metrics.items():
        assert metric.name == name
        best = metric.value(truth, truth)
        assert best == pytest.approx(metric.bounds[1] if metric.direction == 1 else metric.bounds[0], abs=1e-12)
        assert metric.direction * (best - metric.value(worse, truth)) > 0
        if metric.rowwise is not None:
            assert float(np.mean(metric.rowwise(worse, truth))) == pytest.approx(metric.value(worse, truth), abs=1e-12)
        if metric.weighted is not None:
            every = metric.weighted(worse, truth, np.ones((1, len(truth))))
            assert every[0] == pytest.approx(metric.value(worse, truth), abs=1e-12)


def test_every_metric_is_the_same_for_rows_in_any_order(task):
    _, targets, _ = toy(task)
    truth = task.truth(targets)
    said, order = truth[2:] + truth[:2], np.random.default_rng(0).permutation(len(truth))
    for metric in task.metrics.values():
        mixed = metric.value([said[i] for i in order], [truth[i] for i in order])
        assert mixed == pytest.approx(metric.value(said, truth), abs=1e-12)


def test_a_head_solved_on_features_that_tell_everything_answers_the_truth(task):
    _, targets, space = toy(task)
    encoded = task.encode(space, targets)
    if getattr(task, "reading", "whole") != "whole":
        pytest.skip("its head sits on places inside a row: see the tests of its reading")
    features = np.random.default_rng(0).normal(0, 1, (len(targets), 4 * len(targets))).astype(np.float32)
    weight, bias = task.solve(features, encoded, space, 1e-6)
    assert weight.shape == (space.width, features.shape[1]) and bias.shape == (space.width,)
    answers = task.answers(space, features @ weight.T + bias)
    metric = task.metrics[task.default_metric]
    assert metric.direction * metric.value(answers.values, task.truth(targets)) > 0.98
    sure = answers.confidence[np.isfinite(answers.confidence)]
    assert ((sure >= 0) & (sure <= 1)).all()


def test_its_loss_is_one_number_a_row_and_least_where_the_outputs_are_right(task):
    _, targets, space = toy(task)
    encoded = task.encode(space, targets)
    if getattr(task, "reading", "whole") != "whole":
        pytest.skip("its head sits on places inside a row: see the tests of its reading")
    features = np.eye(len(targets), dtype=np.float32)
    weight, bias = task.solve(features, encoded, space, 1e-6)
    right = torch.from_numpy((features @ weight.T + bias).astype(np.float32))
    loss = task.loss(right, torch.from_numpy(encoded))
    assert loss.shape == (len(targets),) and loss.dtype == torch.float32
    assert loss.mean() < task.loss(torch.zeros_like(right), torch.from_numpy(encoded)).mean()


def test_outputs_of_no_rows_are_no_answers(task):
    *_, space = toy(task)
    assert task.answers(space, np.zeros((0, space.width), np.float32)).values == []


@pytest.mark.parametrize("parts", [2, 4, 8])
def test_accumulated_gradients_are_those_of_the_whole_step_on_ragged_lengths(task, trunks, parts):
    inputs, targets, space = toy(task)
    trunk = trunks(task)
    whole, parted = (gradients(task, trunk, inputs[:16], targets[:16], space, n) for n in (1, parts))
    assert max(float(gradient.abs().max()) for gradient in whole.values()) > 1e-3
    assert max(float((whole[name] - parted[name]).abs().max()) for name in whole) <= 1e-6


def gradients(task, trunk, inputs, targets, space, parts):
    """The gradients of one optimiser step over all *inputs*, from a solved head on, in so many micro-batches.

    The model is in float64, so that only the way of accumulating can make a difference, not the order of sums in float32.
    """
    reading = reading_of(task)
    units = [str(i) for i in range(len(inputs))]
    context = Context(task, space, inputs, task.encode(space, targets), task.truth(targets), units, trunks=(trunk,))
    model = reading.begin(context, trunk.fresh(), HEAD_L2)
    for parameter in model.double().parameters():
        parameter.requires_grad_(True)
    found = {}
    with reading.source(context, trunk.stack, -1) as source:
        assert task.input_kind != "text" or len(set(source.lengths.tolist())) > 3
        job = Job(
            model, source, reading.targets(context), task.loss, Plan(rows_per_step=16, clip=1e9, precision="fp32")
        )
        loop = _Loop(job, np.arange(len(inputs)), Watch())
        loop.optimizer.register_step_pre_hook(
            lambda *_: found.update({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
        )
        loop._optimise(np.array_split(np.arange(len(inputs)), parts))
    return found
