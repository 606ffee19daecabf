"""What is taken out of a model, what its folder is then, what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_every_method import context_of, step_of

import toys
from hasei.derive import run
from hasei.derive.derived import open_model
from hasei.derive.recipe import Recipe, make_step
from hasei.engine import block_costs, pruning, reconstruction
from hasei.engine.block_costs import Costs, Layout
from hasei.engine.readings import reading_of
from hasei.ground.errors import NotSupported, RecipeError
from hasei.inputs.architecture import find_stack
from hasei.inputs.base import Base
from toys import toy_task

TASK = toy_task("text_classification")
START = {"feature_extraction": {"layer": 4, "pooling": "mean", "l2": 0.01}}
"""Of all layers of the toy base."""
NOTHING = {"width": 0.0, "epochs": 0, "of": START}


@pytest.fixture
def context(trunks):
    return context_of("pruning", TASK, trunks(TASK))[0]


def derived(context, **params):
    return run.run_step(make_step("pruning", {"of": START} | params), context).derivation


def start_of(context):
    return run.run_step(make_step("feature_extraction", START["feature_extraction"]), context).derivation.predictor


def written(context, folder, steps):
    data = context_of("pruning", TASK, context.trunk)[1]
    recipe = Recipe((context.trunk.base.content_hash,), TASK.name, {"fingerprint": "toy"}, tuple(steps))
    return run.run(recipe, context, data, folder)


def opened(kind, folder, context):
    trunk = reading_of(TASK).open(Base.open(toys.make_base(kind, folder / kind)), context.trunk.store)
    return replace(context, trunks=(trunk,))


def test_with_nothing_taken_out_it_is_what_it_starts_from_bit_for_bit(context):
    found = derived(context, **NOTHING)
    assert np.array_equal(found.predictor.outputs(context.inputs), start_of(context).outputs(context.inputs))


@pytest.mark.parametrize("by", ["magnitude", "effect", "movement", "reconstruction"])
def test_a_folder_of_fewer_neurons_is_smaller_and_plain_transformers_loads_it(context, tmp_path, by):
    from transformers import AutoModel

    step = make_step("pruning", {"width": 0.5, "epochs": 0, "by": by})
    model = written(context, tmp_path / "small", [step])
    plain = AutoModel.from_pretrained(model.folder)
    assert plain.config.intermediate_size == 32
    assert plain.encoder.layer[0].intermediate.dense.weight.shape == (32, 32)
    whole = written(context, tmp_path / "whole", [make_step("pruning", NOTHING)])
    sizes = [(m.folder / "model.safetensors").stat().st_size for m in (model, whole)]
    assert sizes[0] < sizes[1] - 4 * 32 * 32 * 2


def test_what_is_left_makes_up_for_what_is_gone(context):
    start = start_of(context).outputs(context.inputs)
    apart = {}
    for by in ("magnitude", "reconstruction"):
        said = derived(context, width=0.5, epochs=0, by=by).predictor.outputs(context.inputs)
        apart[by] = float(np.square(said - start).mean())
    assert apart["reconstruction"] < apart["magnitude"]


def test_a_neuron_that_others_repeat_is_the_first_to_go_and_nothing_is_lost():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(200, 6, generator=generator)
    inputs[:, 4] = 2 * inputs[:, 1] + 1
    weight, bias = torch.randn(3, 6, generator=generator), torch.randn(3, generator=generator)
    linear = torch.nn.Linear(6, 3)
    with torch.no_grad():
        linear.weight.copy_(weight), linear.bias.copy_(bias)
    gram = reconstruction.moments(inputs)
    kept = reconstruction.eliminate(weight, gram, 1, 5)
    assert set(range(6)) - set(kept.tolist()) <= {1, 4}
    reconstruction.put(linear, gram, kept)
    found = inputs[:, kept] @ linear.weight[:, kept].T + linear.bias
    assert torch.allclose(found, inputs @ weight.T + bias, atol=0.03)


def test_heads_of_a_bert_are_zero_in_its_folder_and_left_out_when_it_runs(context, tmp_path):
    model = written(context, tmp_path / "m", [make_step("pruning", {"width": 0.0, "heads": 0.5, "epochs": 0})])
    trunk = model.predictor.model.trunk
    attention = trunk.encoder.layer[0].attention
    per_head = attention.output.dense.weight.abs().amax(0).view(4, 8).amax(1)
    assert (per_head == 0).sum() == 2
    slim = model.predictor.running.trunk.encoder.layer[0].attention
    assert slim.self.query.weight.shape == (16, 32) and slim.output.dense.weight.shape == (32, 16)
    assert attention.self.query.weight.shape == (32, 32)
    plain = type(model.predictor)(model.predictor.model, model.predictor.tokenizer, model.predictor.max_tokens)
    assert np.allclose(model.outputs(context.inputs), plain.outputs(context.inputs), atol=1e-5)


def test_heads_that_are_gone_stay_gone_in_the_next_step_of_a_chain(context, tmp_path):
    steps = [
        make_step("pruning", {"width": 0.5, "heads": 0.5, "epochs": 0, "of": START}),
        step_of("full_fine_tuning", TASK, learning_rate=1e-3, weight_decay=0.1),
    ]
    model = written(context, tmp_path / "m", steps)
    dense = model.predictor.model.trunk.encoder.layer[1].attention.output.dense.weight
    assert (dense.abs().amax(0).view(4, 8).amax(1) == 0).sum() == 2
    assert model.predictor.model.trunk.config.intermediate_size == 32


def test_it_starts_from_the_step_before_it_in_a_chain(context, tmp_path):
    steps = [step_of("full_fine_tuning", TASK), make_step("pruning", {"width": 0.0, "epochs": 0})]
    model = written(context, tmp_path / "m", steps)
    before = open_model(tmp_path / "m.step-1")
    assert np.allclose(before.outputs(context.inputs), model.outputs(context.inputs), atol=1e-5)


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_heads_are_really_gone_where_an_architecture_has_a_width_of_heads_of_its_own(context, tmp_path, kind):
    other = opened(kind, tmp_path, context)
    model = derived(other, width=0.25, heads=0.5, epochs=0).predictor.model.trunk
    assert model.config.num_attention_heads == 2 and model.config.num_key_value_heads == 1
    assert model.layers[0].self_attn.q_proj.weight.shape == (16, 32)
    assert model.layers[0].mlp.gate_proj.weight.shape == (48, 32)


def test_distilbert_can_be_pruned_too(context, tmp_path):
    model = derived(opened("distilbert", tmp_path, context), width=0.5, heads=0.25, epochs=0).predictor.model.trunk
    assert model.config.hidden_dim == 32
    assert (model.transformer.layer[0].attention.out_lin.weight.abs().amax(0).view(4, 8).amax(1) == 0).sum() == 1
    slim = pruning.without_dead_heads(model)
    assert slim is model or slim.transformer.layer[0].attention.q_lin.weight.shape == (24, 32)


def test_layers_are_taken_out_by_number_or_by_name(context):
    base = context.trunk.model
    named = derived(context, width=0.0, layers=(1, 2), epochs=0).predictor.model.trunk
    assert named.config.num_hidden_layers == 2 and len(find_stack(named)) == 2
    for new, old in enumerate((0, 3)):
        for a, b in zip(named.encoder.layer[new].parameters(), base.encoder.layer[old].parameters()):
            assert torch.equal(a, b)
    counted = derived(context, width=0.0, layers=2, epochs=0)
    assert len(counted.frozen.layers) == 2 and len(find_stack(counted.predictor.model.trunk)) == 2


@pytest.mark.parametrize("epochs", [0, 2])
@pytest.mark.parametrize("by", ["magnitude", "movement"])
def test_single_weights_stay_zero_through_the_recovery(context, by, epochs):
    given = {"width": 0.0, "by": by, "epochs": epochs, "min_steps": 0, "rows_per_step": 8}
    model = derived(context, weights="2:4", **given).predictor.model.trunk
    weight = model.encoder.layer[0].intermediate.dense.weight
    assert ((weight.view(-1, 4) != 0).sum(1) == 2).all()
    model = derived(context, weights=0.75, **given).predictor.model.trunk
    weight = model.encoder.layer[0].intermediate.dense.weight
    assert float((weight == 0).float().mean()) == pytest.approx(0.75, abs=0.01)


def test_a_recovery_brings_it_nearer_to_the_whole_model(context):
    start = start_of(context).outputs(context.inputs)
    given = {
        "width": 0.875,
        "heads": 0.5,
        "by": "magnitude",
        "labels": 0.0,
        "min_steps": 0,
        "dropout": 0.0,
        "learning_rate": 1e-5,
        "head_learning_rate": 1e-5,
    }
    apart = [
        float(np.square(derived(context, epochs=epochs, **given).predictor.outputs(context.inputs) - start).mean())
        for epochs in (0, 8)
    ]
    assert apart[1] < apart[0]


def test_a_target_of_time_chooses_what_goes_and_freezes_it(context, monkeypatch):
    costs = Costs(10, 4, 0.0, 0.01, {0.0: 0.0, 0.5: 0.004}, {0.0: 0.0, 0.5: 0.001})
    monkeypatch.setattr("hasei.methods._pruned.measure", lambda trunk, batch: costs)
    frozen = derived(context, target_ms="60%", epochs=0).frozen
    assert frozen.target_ms is None
    gone = len(frozen.layers) if frozen.layers else 0
    assert costs.row_ms(Layout(frozen.width, frozen.heads, gone)) <= 0.6 * costs.row_ms(Layout())


def test_a_target_that_no_layout_reaches_names_the_least(context):
    with pytest.raises(NotSupported, match=r"so quick on this machine.*at least .* ms a row"):
        derived(context, target_ms=1e-9, epochs=0)


def test_the_layout_that_loses_least_among_the_quick_ones_is_chosen():
    costs = Costs(10, 4, 0.01, 0.01, {0.0: 0.0, 0.5: 0.004}, {0.0: 0.0, 0.5: 0.002})
    assert costs.row_ms(Layout()) == pytest.approx(5.0)
    assert costs.row_ms(Layout(0.5, 0.5, 1)) == pytest.approx((0.01 + 3 * 0.004) * 100)

    def lost(one):
        return one.width + 3 * one.heads + 2 * one.layers

    assert block_costs.best_layout(costs, 5.0, lost) == Layout()
    assert block_costs.best_layout(costs, 3.5, lost) == Layout(0.5)
    assert block_costs.best_layout(costs, 2.7, lost) == Layout(0.5, 0.5)


def test_a_table_of_costs_is_of_this_model(context):
    costs = block_costs.measure(context.trunk.model, context.trunk.sample(context.inputs))
    assert costs.count == len(context.trunk.stack) and costs.layer > 0
    assert set(costs.width) == set(block_costs.EIGHTHS) and set(costs.heads) == {0.0, 0.25, 0.5, 0.75}


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 1.0}, {"width": -0.1}, {"heads": 1}, {"weights": 1.0}, {"weights": "4:2"}, {"weights": "half"}, {"rows": 0},
        {"layers": -1}, {"layers": (1, 1)}, {"by": "luck"}, {"target_ms": "quick"}, {"target_ms": -1.0},
        {"weights": "4:4"}, {"target_ms": "70%", "width": 0.9},
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused_in_one_line(wrong):
    with pytest.raises(RecipeError) as error:
        make_step("pruning", wrong)
    assert next(iter(wrong)) in str(error.value) and "\n" not in str(error.value)


def test_what_the_base_does_not_have_is_refused(context):
    for layers in (4, (0, 4), (0, 1, 2, 3)):
        with pytest.raises(NotSupported, match="layers can't be taken out"):
            derived(context, layers=layers)
    with pytest.raises(NotSupported, match="2:5 does not divide the 32 columns"):
        derived(context, width=0.0, weights="2:5")
    with pytest.raises(NotSupported, match=r"nothing would be left with heads 0\.9"):
        derived(context, heads=0.9)
    with pytest.raises(NotSupported, match="needs a whole model"):
        derived(context, of={"lora": {"rank": 2, "epochs": 1, "min_steps": 0}})


def test_a_mixture_of_experts_is_refused():
    model = torch.nn.ModuleDict({"experts": torch.nn.ModuleList([torch.nn.Linear(2, 2)])})
    with pytest.raises(NotSupported, match="mixture of experts"):
        pruning.refuse_experts(model)
