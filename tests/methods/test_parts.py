"""Parts that are smaller than layers: what is trained of them, what stays, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_every_method import context_of, step_of

from hasei.derive import run
from hasei.engine.heads import solve_head
from hasei.ground.errors import NotSupported
from toys import toy_task

TASK = toy_task("text_classification")
METHOD = "partial_fine_tuning"


@pytest.fixture
def context(trunks):
    return context_of(METHOD, TASK, trunks(TASK))[0]


def derived(context, **params):
    return run.run_step(step_of(METHOD, **params), context).derivation


def changed(derivation, context):
    """Names of the trunk's parameters that differ from the base's."""
    base = dict(context.trunk.model.named_parameters())
    return {n for n, p in derivation.predictor.model.trunk.named_parameters() if not torch.equal(p, base[n])}


def solved_head(context):
    features = context.trunk.pooled(context.inputs, context.trunk.layers, context.trunk.base.pooling)
    return solve_head(context.task, context.space, features, context.targets, 0.1)


@pytest.mark.parametrize(("parameters", "said"), [("biases", "bias"), ("normalisations", "LayerNorm")])
def test_only_the_chosen_kind_of_parameters_is_trained(context, parameters, said):
    derivation = derived(context, parameters=parameters, weight_decay=0.5)
    moved = changed(derivation, context)
    assert moved and all(said in name for name in moved)
    assert all(".2." in name or ".3." in name for name in moved if ".layer." in name)


def test_of_the_token_table_only_the_rows_of_the_chosen_tokens_move(context):
    text = context.inputs[0]
    ids = context.trunk.tokenizer(text, add_special_tokens=False)["input_ids"]
    derivation = derived(context, tokens=(text,), weight_decay=0.5)
    table, base = (m.get_input_embeddings().weight for m in (derivation.predictor.model.trunk, context.trunk.model))
    moved = (table != base).any(1).nonzero().flatten().tolist()
    assert moved == sorted(set(ids))
    assert len(changed(derivation, context)) == 1
    head = derivation.predictor.model.head
    assert derivation.trainable_parameters == len(moved) * table.shape[1] + head.weight.numel() + head.bias.numel()


def test_of_the_head_only_the_rows_of_the_chosen_categories_move(context):
    weight, bias = solved_head(context)
    name = context.space.names[1]
    head = derived(context, top_layers=0, categories=(name,), weight_decay=0.5).predictor.model.head
    moved = np.flatnonzero((head.weight.detach().numpy() != weight.astype(np.float32)).any(1))
    assert moved.tolist() == [1]
    assert np.flatnonzero(head.bias.detach().numpy() != bias.astype(np.float32)).tolist() in ([], [1])


def test_with_no_layer_the_head_alone_is_trained(context):
    derivation = derived(context, top_layers=0)
    assert changed(derivation, context) == set()
    assert derivation.trained == ("head.weight", "head.bias")


def test_gradually_one_more_layer_from_the_top_is_trained_in_each_epoch(context):
    for epochs in (1, 3):  # with fewer epochs than layers several are due in one
        derivation = derived(context, top_layers=3, gradual=True, epochs=epochs, weight_decay=0.5)
        assert {name.split("layer.")[1][0] for name in changed(derivation, context) if "layer." in name} == {
            "1",
            "2",
            "3",
        }
    assert all(not p.requires_grad for p in derivation.predictor.model.parameters())


def test_a_layer_that_is_due_later_is_still_the_base_s_until_then(context):
    from hasei.engine.training import Job, Plan, train
    from hasei.ground.events import Watch

    layer = torch.nn.ModuleDict({"low": torch.nn.Linear(2, 2), "high": torch.nn.Linear(2, 1)})
    seen = []

    class Rows:
        lengths, ids = np.ones(8, np.int64), np.empty(0, np.int64)

        def outputs(self, model, rows):
            seen.append(model["low"].weight.detach().clone())
            return model["high"](model["low"](torch.ones(len(rows), 2)))

    job = Job(layer, Rows(), np.zeros(8, np.float32), lambda o, t, smoothing: o[:, 0] ** 2, Plan(epochs=3, rows_per_step=8),
              since={"low.weight": 1, "low.bias": 1})  # fmt: skip
    train(job, Watch())
    assert torch.equal(seen[0], seen[1]) and not torch.equal(seen[1], seen[2])


@pytest.mark.parametrize(("params", "said"), [
    ({"tokens": ("☃",)}, r"does not know 1 of the chosen tokens; received '☃'"),
    ({"tokens": ("",)}, "does not know 1 of the chosen tokens"),
    ({"tokens": ("[MASK]",)}, "none of the chosen tokens occurs"),
    ({"tokens": ("a",), "gradual": True}, "with tokens no layer is trained"),
    ({"categories": ("nothing",)}, "there is no category 'nothing'. Use one of: "),
    ({"top_layers": 5}, "no 5 layers to train; expected 1 to 4"),
])  # fmt: skip
def test_a_part_that_does_not_exist_is_refused_in_one_line(context, params, said):
    with pytest.raises(NotSupported, match=said) as error:
        derived(context, **params)
    assert "\n" not in str(error.value)


def test_a_base_without_biases_has_none_to_train(toy_base, tmp_path):
    from hasei.engine.activations.store import Store
    from hasei.engine.readings import reading_of
    from hasei.inputs.base import Base

    trunk = reading_of(TASK).open(Base.open(toy_base("llama")), Store(tmp_path))
    with pytest.raises(NotSupported, match="have no biases"):
        derived(context_of(METHOD, TASK, trunk)[0], parameters="biases")


def test_a_task_without_categories_has_none_to_choose(trunks):
    task = toy_task("text_regression")
    with pytest.raises(NotSupported, match="no categories to choose from"):
        derived(context_of(METHOD, task, trunks(task))[0], categories=("x",))
