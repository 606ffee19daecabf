"""Adapters over a base held in 4 or 8 bits: what it saves, that what ships is what was scored, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_every_method import EAGER, context_of, step_of

import toys
from hasei.derive import order, run
from hasei.derive.recipe import Recipe, read_steps
from hasei.engine import quantised, ragged
from hasei.engine.activations.store import Store
from hasei.engine.pooled import PooledModel, linear
from hasei.engine.prediction import PooledPredictor
from hasei.engine.readings import reading_of
from hasei.ground import plugins
from hasei.ground.errors import BaseError, NotSupported
from hasei.ground.events import Watch
from hasei.inputs.base import Base
from libraries import outputs_by_library
from toys import toy_task

TASK = toy_task("text_classification")
STILL = {"learning_rate": 1e-30, "head_learning_rate": 1e-30, "weight_decay": 0.0}
WAYS = [{"bits": 4}, {"bits": 4, "double": False}, {"bits": 8}]


@pytest.fixture
def trunk(trunks):
    return trunks(TASK)


def opened(base, tmp_path, task=TASK):
    return reading_of(task).open(Base.open(base), Store(tmp_path / "store"))


def derived(trunk, task=TASK, **params):
    context, data = context_of("qlora", task, trunk)
    step = step_of("qlora", **params)
    return run.run_step(step, context), step, context, data


def written(trunk, folder, task=TASK, **params):
    ran, step, context, data = derived(trunk, task, **params)
    recipe = Recipe((trunk.base.content_hash,), task.name, {"fingerprint": "toy"}, (step,))
    return ran.derivation, run.write(ran, step, recipe, context, data, folder, {}), context


def held_layers(model):
    return [module for module in model.modules() if quantised.is_held(module)]


@pytest.mark.parametrize(("params", "least", "most"), [
    (WAYS[0], 4.0, 4.2), (WAYS[1], 4.5, 4.55), (WAYS[2], 8.0, 8.1),
])  # fmt: skip
def test_a_weight_of_the_base_takes_as_many_bits_as_were_asked_for(params, least, most, tmp_path):
    import transformers as t

    (tmp_path / "wide").mkdir()
    vocabulary = toys.make_tokenizer(tmp_path / "wide")
    t.BertModel(t.BertConfig(
        vocab_size=vocabulary, hidden_size=512, num_hidden_layers=2, num_attention_heads=4, intermediate_size=1024
    )).save_pretrained(tmp_path / "wide")  # fmt: skip
    found = []
    context, _ = context_of("qlora", TASK, opened(tmp_path / "wide", tmp_path))
    context = replace(context, watch=Watch(listener=lambda event: found.append(event.message)))
    model = run.run_step(step_of("qlora", epochs=1, rank=1, **params), context).derivation.predictor.model.trunk
    layers = held_layers(model)
    assert len(layers) == 2 * 6
    for layer in layers:
        assert (
            least
            <= 8 * (quantised.bytes_of(layer)[0] - 4 * layer.out_features) / (layer.in_features * layer.out_features)
            <= most
        )
    assert any(f"held in {params['bits']} bits takes" in message for message in found)


def test_everything_but_the_layers_of_the_stack_stays_as_it_is(trunk):
    model = derived(trunk)[0].derivation.predictor.model.trunk.get_base_model()
    base = dict(trunk.model.named_parameters())
    kept = [n for n, p in model.named_parameters() if n in base and p.dtype == torch.float32]
    assert "embeddings.word_embeddings.weight" in kept and "pooler.dense.weight" in kept
    assert all(torch.equal(model.get_parameter(name), base[name]) for name in kept)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # the standard libraries' own
@pytest.mark.parametrize("params", [*WAYS, {"bits": 4, "first_layer": 2}, {"bits": 8, "dora": True}])
def test_what_is_left_answers_as_what_was_scored_here_and_by_the_library(params, trunk, tmp_path):
    derivation, model, context = written(trunk, tmp_path / "m", **params, **EAGER)
    said = derivation.predictor.outputs(context.inputs)
    assert ragged.difference(said, model.outputs(context.inputs)) <= 1e-5
    by_library = outputs_by_library(derivation.format, tmp_path / "m", trunk, TASK, context.inputs)
    assert ragged.difference(by_library, said) <= 1e-5
    assert derivation.curve[-1]["loss"] < derivation.curve[0]["loss"]
    how = json.loads((tmp_path / "m" / "quantization_config.json").read_text("utf-8"))
    assert how["load_in_4bit" if params["bits"] == 4 else "load_in_8bit"] is True


def test_put_on_the_base_as_it_is_the_adapter_gives_other_answers(trunk, tmp_path):
    derivation, _, context = written(trunk, tmp_path / "m", **EAGER)
    (tmp_path / "m" / "quantization_config.json").unlink()
    found = plugins.load("formats", "peft_adapter").load(tmp_path / "m", lambda: trunk.base).outputs(context.inputs)
    assert ragged.difference(found, derivation.predictor.outputs(context.inputs)) > 1e-3


@pytest.mark.parametrize("kind", ["gpt2", "distilbert", "llama"])
@pytest.mark.parametrize("bits", [4, 8])
def test_other_architectures_are_held_so_too(kind, bits, toy_base, tmp_path):
    trunk = opened(toy_base(kind), tmp_path)
    derivation, model, context = written(trunk, tmp_path / "m", bits=bits)
    assert held_layers(derivation.predictor.model)
    assert ragged.difference(derivation.predictor.outputs(context.inputs), model.outputs(context.inputs)) <= 1e-5


@pytest.mark.parametrize("params", WAYS)
def test_at_zero_strength_it_is_the_rounded_base_with_the_solved_head_bit_for_bit(params, trunk):
    ran, step, context, _ = derived(trunk, **params, **STILL)
    rounded = reading_of(TASK).open(run.as_held(trunk.base, step), trunk.store)
    head = ran.derivation.predictor.model.head
    plain = PooledModel(rounded.fresh(()), trunk.base.pooling, linear(head.weight.detach(), head.bias.detach()))
    expected = PooledPredictor(plain, trunk.tokenizer, trunk.base.max_tokens).outputs(context.inputs)
    assert np.array_equal(ran.derivation.predictor.outputs(context.inputs), expected)


@pytest.mark.parametrize("params", WAYS)
def test_only_the_adapter_and_the_head_are_trained(params, trunk):
    context, _ = context_of("qlora", TASK, trunk)
    step = step_of("qlora", **params, **EAGER)
    rounded = reading_of(TASK).open(run.as_held(trunk.base, step), trunk.store)
    before = {n: p.detach().clone() for n, p in rounded.model.named_parameters()}
    ran = run.run_step(step, replace(context, trunks=(rounded,)))
    assert all("lora_" in name or name.startswith("head.") for name in ran.derivation.trained)
    assert all(torch.equal(p, before[n]) for n, p in rounded.model.named_parameters())
    b = [p for n, p in ran.derivation.predictor.model.named_parameters() if "lora_B" in n]
    assert b and all(p.abs().max() > 0 for p in b)  # the gradient passes through every frozen layer


@pytest.mark.parametrize("params", WAYS)
def test_a_row_is_answered_alike_whatever_stands_beside_it_and_whatever_the_processor_has(params, trunk):
    ran, _, context, _ = derived(trunk, **params)
    predictor = ran.derivation.predictor
    together = predictor.outputs(context.inputs)
    for layer in held_layers(predictor.model):
        layer.support_avx512bf16_for_cpu = True  # where bitsandbytes would round what enters a layer, and repack it
    alone = np.concatenate([predictor.outputs([row]) for row in context.inputs])
    assert np.abs(together - alone).max() <= 1e-5


def test_kept_states_are_those_of_the_rounded_base(trunk):
    _, step, context, _ = derived(trunk)
    rounded = reading_of(TASK).open(run.as_held(trunk.base, step), trunk.store)
    one, other = (t.pooled(context.inputs, t.layers, "mean") for t in (trunk, rounded))
    assert np.abs(one - other).max() > 1e-3


def test_a_second_training_shares_the_rounded_layers_of_the_first(trunk):
    one, other = (derived(trunk, rank=rank)[0].derivation.predictor.model for rank in (2, 3))
    assert [id(layer) for layer in held_layers(one)] == [id(layer) for layer in held_layers(other)]


def test_a_run_of_it_alone_never_holds_the_base_as_it_is(toy_base):
    (trunk,) = order._trunks(TASK, read_steps({"qlora": {"bits": 8}}), [toy_base("bert")], Watch())
    assert trunk.base.quantisation.bits == 8
    assert len(held_layers(trunk.model)) == 4 * 6
    assert all(m.weight.dtype == torch.int8 for m in held_layers(trunk.model))


def test_without_bitsandbytes_it_says_what_to_install_before_a_base_is_opened(monkeypatch, trunk, toy_base):
    monkeypatch.setattr(quantised, "find_spec", lambda name: None)
    said = r"by bitsandbytes, which is not installed. Pip install 'hasei\[quantised\]', or use lora"
    with pytest.raises(NotSupported, match=said):
        derived(trunk)
    with pytest.raises(NotSupported, match=said):
        order._trunks(TASK, read_steps("qlora"), [toy_base("bert")], Watch())


def test_a_base_without_linear_layers_is_refused_with_what_is_possible(toy_base, tmp_path):
    from hasei.engine.trunk import Trunk

    trunk = opened(toy_base("bert"), tmp_path)
    for layer in trunk.stack.layers:
        for name, module in list(layer.named_modules()):
            if isinstance(module, torch.nn.Linear):
                layer.set_submodule(name, torch.nn.Identity())
    assert isinstance(trunk, Trunk)
    with pytest.raises(NotSupported, match=r"'qlora' finds no plain linear layer .*Use partial_fine_tuning"):
        derived(trunk)


def test_a_base_whose_experts_are_one_tensor_is_refused_with_what_is_possible(toy_base, tmp_path):
    with pytest.raises(NotSupported, match=r"experts of .* can't be quantised. Use lora"):
        derived(opened(toy_base("mixtral"), tmp_path))


def test_a_base_that_is_quantised_already_is_refused_with_what_is_possible(toy_base, tmp_path):
    import shutil

    folder = tmp_path / "quantised"
    shutil.copytree(toy_base("bert"), folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": {"quant_method": "gptq"}}))
    with pytest.raises(
        BaseError, match=r"is quantised already; expected weights of 16 or 32 bits.*that it was made of"
    ):
        Base.open(folder)


def test_pictures_are_refused():
    with pytest.raises(NotSupported, match="'qlora' can't be used for the task image_classification"):
        plugins.load("methods", "qlora").SUPPORTS.refuse("qlora", toy_task("image_classification"))


def test_bits_that_there_are_none_of_are_refused():
    with pytest.raises(Exception, match="bits"):
        step_of("qlora", bits=3)


@pytest.mark.parametrize("content", ["{", "[]", '{"load_in_4bit": true}', '{"load_in_2bit": true, "llm_int8_skip_modules": []}',
                                     '{"load_in_8bit": true, "llm_int8_skip_modules": [1]}'])  # fmt: skip
def test_a_damaged_description_of_the_rounding_is_refused_in_one_line(content, trunk, tmp_path):
    written(trunk, tmp_path / "m")
    (tmp_path / "m" / "quantization_config.json").write_text(content)
    with pytest.raises(BaseError, match=r"no sound 'quantization_config.json'") as error:
        plugins.load("formats", "peft_adapter").load(tmp_path / "m", lambda: trunk.base)
    assert "\n" not in str(error.value)


def test_a_study_tries_it_only_where_it_is_named():
    from hasei.engine.derivation import Facts

    plugin = plugins.load("methods", "qlora")
    assert plugin.proposals(Facts(rows=5000, width=3, layers=6)) == []
    assert "memory is short" in plugin.reason(Facts(rows=5000, width=3, layers=6))
