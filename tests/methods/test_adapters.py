"""What is put on a base beside its weights: settings of each, what it leaves alone, and what is refused."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch
from test_every_method import EAGER, context_of, step_of

from hasei.derive import run
from hasei.engine.activations.store import Store
from hasei.engine.pooled import PooledModel, linear
from hasei.engine.prediction import PooledPredictor
from hasei.engine.readings import reading_of
from hasei.engine.sublayers import sublayers
from hasei.ground import plugins
from hasei.ground.errors import BaseError, NotSupported
from hasei.inputs.base import Base
from toys import toy_task

TASK = toy_task("text_classification")
RANGED = ("lora", "ia3", "adapter")
PROMPTS = ("prompt_tuning", "p_tuning", "prefix_tuning")
STILL = {"learning_rate": 1e-30, "head_learning_rate": 1e-30, "weight_decay": 0.0}


@pytest.fixture
def trunk(trunks):
    return trunks(TASK)


def opened(toy_base, kind, task, tmp_path):
    return reading_of(task).open(Base.open(toy_base(kind)), Store(tmp_path))


def derived(method, trunk, task=TASK, **params):
    context, _ = context_of(method, task, trunk)
    return run.run_step(step_of(method, **params), context).derivation, context


def plain(derivation, trunk, context):
    head = derivation.predictor.model.head
    model = PooledModel(trunk.fresh(), trunk.base.pooling, linear(head.weight.detach(), head.bias.detach()))
    return PooledPredictor(model, trunk.tokenizer, trunk.base.max_tokens).outputs(context.inputs)


@pytest.mark.parametrize(("method", "params"), [
    ("lora", {"dora": True}), ("lora", {"rank_stabilised": True}), ("lora", {"plus": 16.0}),
    ("adapter", {"placement": "parallel"}), ("adapter", {"size": 3, "scale": 4.0}),
])  # fmt: skip
def test_every_setting_starts_as_the_base_bit_for_bit_and_learns(trunk, method, params):
    still, context = derived(method, trunk, **params, **STILL)
    assert np.array_equal(still.predictor.outputs(context.inputs), plain(still, trunk, context))
    curve = derived(method, trunk, **params, **EAGER)[0].curve
    assert curve[-1]["loss"] < curve[0]["loss"]


def test_a_larger_rate_of_b_moves_b_further_and_leaves_the_first_step_of_a(trunk):
    moved = []
    for plus in (1.0, 16.0):
        model = derived("lora", trunk, plus=plus, epochs=1, rows_per_step=512)[0].predictor.model
        moved.append(sum(float(p.abs().sum()) for n, p in model.named_parameters() if "lora_B" in n))
    assert moved[1] > 10 * moved[0]


def test_the_rank_stabilised_scale_is_that_of_the_root(trunk):
    model = derived("lora", trunk, rank=16, scale=16.0, rank_stabilised=True)[0].predictor.model
    assert {m.scaling["default"] for m in model.modules() if isinstance(getattr(m, "scaling", 0), dict)} == {4.0}


def test_only_the_chosen_layers_get_adapters(trunk):
    for method in RANGED:
        derivation, _ = derived(method, trunk, first_layer=1, last_layer=2)
        layers = {name.split(".layer.")[1][0] for name in derivation.trained if ".layer." in name}
        assert layers == {"1", "2"}, method


def test_low_rank_adapters_merged_into_the_base_give_the_same_states(trunk):
    derivation, context = derived("lora", trunk, **EAGER)
    model = copy.deepcopy(derivation.predictor.model)  # merging writes into weights that are the base's own
    batch = trunk.tokenize(context.inputs).pad(np.arange(4), trunk.pad_id)
    with torch.no_grad():
        before = model(batch)
        model.trunk = model.trunk.merge_and_unload()
        assert (model(batch) - before).abs().max() <= 1e-5


@pytest.mark.parametrize("method", PROMPTS)
def test_a_prompt_leaves_the_base_alone_and_gives_what_peft_gives(method, trunk):
    derivation, context = derived(method, trunk, **STILL)
    model = derivation.predictor.model
    base = dict(trunk.model.named_parameters())
    assert all(torch.equal(p, base[n]) for n, p in model.trunk.peft.get_base_model().named_parameters())
    batch = trunk.tokenize(context.inputs[:1]).pad(np.arange(1), trunk.pad_id)
    batch.pop("token_type_ids", None)
    with torch.no_grad():
        states = model.trunk.peft(**batch).last_hidden_state[:, -batch["input_ids"].shape[1] :]
        expected = model.head(states.mean(1))[0].numpy()
    assert np.abs(derivation.predictor.outputs(context.inputs[:1])[0] - expected).max() <= 1e-5
    assert np.abs(expected - plain(derivation, trunk, context)[0]).max() > 1e-3


def test_rows_are_cut_where_a_prompt_needs_the_positions(trunk):
    assert derived("prompt_tuning", trunk, length=30)[0].predictor.max_tokens == 34
    with pytest.raises(
        NotSupported, match=r"leaves no positions of .* for the rows; expected a length below 64; received 60"
    ):
        derived("prompt_tuning", trunk, length=60)


@pytest.mark.parametrize("method", RANGED)
@pytest.mark.parametrize(("params", "said"), [
    ({"first_layer": 4}, "the layer range 4 to 3 does not exist in this base; expected layers within 0 to 3"),
    ({"first_layer": 2, "last_layer": 1}, "the layer range 2 to 1"), ({"last_layer": 9}, "the layer range 0 to 9"),
])  # fmt: skip
def test_a_layer_range_that_matches_nothing_is_refused(method, params, said, trunk):
    with pytest.raises(NotSupported, match=said):
        derived(method, trunk, **params)


@pytest.mark.parametrize("method", RANGED)
def test_a_base_without_linear_layers_is_refused_with_what_is_possible(method, toy_base, tmp_path):
    task = toy_task("image_classification")
    with pytest.raises(NotSupported, match=r"no plain linear layer to adapt.*Use partial_fine_tuning") as error:
        derived(method, opened(toy_base, "resnet", task, tmp_path), task)
    assert "\n" not in str(error.value)


def test_an_architecture_whose_attention_takes_no_prefix_is_refused_with_what_is_possible(toy_base, tmp_path):
    trunk = opened(toy_base, "mpnet", TASK, tmp_path)
    with pytest.raises(
        NotSupported, match=r"'prefix_tuning' is not possible for the architecture.*prompt_tuning"
    ) as error:
        derived("prefix_tuning", trunk)
    assert "\n" not in str(error.value)
    assert derived("prompt_tuning", trunk)[0].trained


@pytest.mark.parametrize("method", PROMPTS)
@pytest.mark.parametrize("task", ["image_classification", "text_generation"])
def test_prompts_are_for_texts_that_are_read(method, task, trunks):
    with pytest.raises(
        NotSupported, match=f"'{method}' can't be used for the task {task}; expected inputs of kind text"
    ):
        plugins.load("methods", method).SUPPORTS.refuse(method, toy_task(task))


def test_from_scratch_nothing_of_the_base_is_left(trunk):
    derivation, _ = derived("from_scratch", trunk)
    base = dict(trunk.model.named_parameters())
    assert not any(
        torch.equal(p, base[n]) for n, p in derivation.predictor.model.trunk.named_parameters() if p.ndim > 1
    )


def test_from_scratch_is_not_tried_unless_it_is_named_however_few_outputs_there_are():
    from hasei.engine.derivation import Facts

    plugin = plugins.load("methods", "from_scratch")
    assert plugin.proposals(Facts(rows=200_000, width=3, layers=6)) == []
    assert "name it" in plugin.reason(Facts(rows=400, width=10, layers=6))


@pytest.mark.parametrize(("kind", "last"), [
    ("bert", ["dense", "dense"]), ("distilbert", ["out_lin", "lin2"]), ("gpt2", ["c_proj", "c_proj"]), ("t5", ["o", "wo"]),
    ("llama", ["o_proj", "down_proj"]), ("modernbert", ["Wo", "Wo"]),
])  # fmt: skip
def test_the_parts_of_a_layer_are_found_whatever_they_are_called(kind, last, toy_base, tmp_path):
    trunk = opened(toy_base, kind, TASK, tmp_path)
    found = sublayers(trunk.model, trunk.stack, trunk.probing_batch())
    assert [part.last.rpartition(".")[2] for part in found[:2]] == last
    assert [(part.layer, part.kind) for part in found] == [
        (layer, kind) for layer in range(4) for kind in ("attention", "feed-forward")
    ]


def test_a_damaged_adapter_is_refused_in_one_line(trunk, tmp_path):
    form = plugins.load("formats", "bottleneck")
    derivation, _ = derived("adapter", trunk)
    (tmp_path / "m").mkdir()
    form.save(derivation.predictor, tmp_path / "m", trunk.base)
    elsewhere = {"places": [["nowhere", "nothing"]], "size": 1, "scale": 1, "placement": "serial"}
    (tmp_path / "m" / "adapter.json").write_text(json.dumps(elsewhere))
    with pytest.raises(BaseError, match="does not fit its base"):
        form.load(tmp_path / "m", lambda: trunk.base)
    (tmp_path / "m" / "adapter.json").write_text("{}")
    with pytest.raises(BaseError, match=r"no sound 'adapter.json'"):
        form.load(tmp_path / "m", lambda: trunk.base)
