"""Models in fewer bits: what is saved, that what ships is what was scored, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_every_method import context_of, step_of

import toys
from hasei.derive import run
from hasei.derive.recipe import Recipe, make_step
from hasei.engine import ragged, rounding, rounding_aware
from hasei.engine.activations.store import Store
from hasei.engine.readings import reading_of
from hasei.ground.errors import BaseError, NotSupported, UserError
from hasei.ground.events import Watch
from hasei.inputs.base import Base
from libraries import outputs_by_library
from toys import toy_task

WRITES = {"full_fine_tuning": {"epochs": 1, "min_steps": 0}}


def written(trunk, task, folder, **params):
    context, data = context_of("quantization", task, trunk)
    step = make_step("quantization", params)
    ran = run.run_step(step, context)
    recipe = Recipe((trunk.base.content_hash,), task.name, {"fingerprint": "toy"}, (step,))
    return run.write(ran, step, recipe, context, data, folder, {"train_seconds": ran.seconds}), ran.derivation, context


def weights(folder):
    return (folder / "model.safetensors").stat().st_size


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # the standard libraries' own
@pytest.mark.parametrize("kind", ["bf16", "fp16"])
@pytest.mark.parametrize("name", ["text_classification", "token_classification", "image_classification"])
def test_in_16_bits_the_file_is_half_as_large_and_the_library_gives_the_same_answers(name, kind, trunks, tmp_path):
    task = toy_task(name)
    trunk = trunks(task)
    model, derivation, context = written(trunk, task, tmp_path / "m", bits=16, kind=kind)
    assert (
        0.5 <= weights(tmp_path / "m") / sum(4 * p.numel() for p in derivation.predictor.model.trunk.parameters()) < 0.8
    )
    said = derivation.predictor.outputs(context.inputs)
    assert ragged.difference(said, model.outputs(context.inputs)) <= 1e-5
    by_library = outputs_by_library(derivation.format, tmp_path / "m", trunk, task, context.inputs)
    assert ragged.difference(by_library, said) <= 1e-5
    about = json.loads((tmp_path / "m" / rounding.FILE).read_text("utf-8"))
    assert (about["bits"], about["kind"]) == (16, kind) and about["share"] > 0.9
    assert about == {**about, **rounding.held(tmp_path / "m")}


def test_rounding_leaves_the_base_as_it_is_and_the_head_whole(trunks, tmp_path):
    task = toy_task("text_classification")
    trunk = trunks(task)
    before = {n: p.clone() for n, p in trunk.model.named_parameters()}
    _, derivation, _ = written(trunk, task, tmp_path / "m")
    assert all(torch.equal(p, before[n]) for n, p in trunk.model.named_parameters())
    model = derivation.predictor.model
    assert all(torch.equal(p, p.bfloat16().float()) for p in model.trunk.parameters())
    assert not torch.equal(model.head.weight, model.head.weight.bfloat16().float())


@pytest.mark.parametrize("name", ["text_generation", "language_modelling"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_language_model_in_4_bits_answers_as_it_was_scored_here_and_by_the_library(name, trunks, tmp_path):
    task = toy_task(name)
    trunk = trunks(task)
    model, derivation, context = written(trunk, task, tmp_path / "m", bits=4, of=WRITES)
    said = derivation.predictor.outputs(context.inputs)
    assert ragged.difference(said, model.outputs(context.inputs)) <= 1e-5
    found = outputs_by_library(derivation.format, tmp_path / "m", trunk, task, context.inputs)
    if name == "text_generation":
        assert found == [item[0] for item in said]
    else:
        assert ragged.difference(found, said) <= 1e-5
    about = json.loads((tmp_path / "m" / rounding.FILE).read_text("utf-8"))
    assert about["bits"] == 4 and 0 < about["share"] < 1
    assert any("embed_tokens" in whole for whole in about["whole"])
    assert not any("q_proj" in whole for whole in about["whole"])
    with pytest.raises(BaseError, match="quantised already"):
        Base.open(tmp_path / "m")


def test_the_same_seed_gives_the_same_4_bits(trunks, tmp_path):
    task = toy_task("text_generation")
    for name in ("one", "two"):
        written(trunks(task), task, tmp_path / name, bits=4, of=WRITES)
    assert (tmp_path / "one" / "model.safetensors").read_bytes() == (
        tmp_path / "two" / "model.safetensors"
    ).read_bytes()


def test_a_configuration_that_asks_for_another_rounding_is_refused(trunks, tmp_path):
    task = toy_task("text_generation")
    model, _, _ = written(trunks(task), task, tmp_path / "m", bits=4, of=WRITES)
    config = json.loads((model.folder / "config.json").read_text("utf-8"))
    config["quantization_config"]["quant_method"] = "gptq"
    (model.folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(BaseError, match="quantised already"):
        Base.open(model.folder, rounded=True)


def test_4_bits_are_refused_for_what_is_no_language_model(trunks):
    context, _ = context_of("quantization", toy_task("text_classification"), trunks(toy_task("text_classification")))
    with pytest.raises(NotSupported, match=r"only a language model is kept in 4 bits.*8 or 16"):
        run.run_step(make_step("quantization", {"bits": 4}), context)


def test_a_model_in_16_bits_is_refused_as_quantised_already(trunks, tmp_path):
    task = toy_task("text_classification")
    written(trunks(task), task, tmp_path / "m")
    opened = reading_of(task).open(Base.open(tmp_path / "m"), Store(tmp_path / "store"))
    context, _ = context_of("quantization", task, opened)
    with pytest.raises(NotSupported, match="'m' is quantised already"):
        run.run_step(make_step("quantization", {}), context)


def test_it_rounds_the_model_that_the_step_before_left(trunks, tmp_path):
    task = toy_task("text_classification")
    context, data = context_of("feature_extraction", task, trunks(task))
    step = step_of("feature_extraction", task)
    recipe = Recipe((trunks(task).base.content_hash,), task.name, {"fingerprint": "toy"}, (step,))
    before = run.write(run.run_step(step, context), step, recipe, context, data, tmp_path / "before", {})
    opened = reading_of(task).open(Base.open(tmp_path / "before"), Store(tmp_path / "store"))
    context, _ = context_of("quantization", task, opened)
    done = run.run_step(make_step("quantization", {}), context).derivation
    said, expected = done.predictor.outputs(context.inputs), before.outputs(context.inputs)
    assert 0 < np.abs(said - expected).max() < 0.05 * np.abs(expected).max()
    assert done.frozen.of is None


@pytest.mark.parametrize("of", ["lora", "quantization", "ensemble"])
def test_what_is_no_whole_model_is_refused_in_one_line(of, trunks):
    task = toy_task("text_classification")
    context, _ = context_of("quantization", task, trunks(task))
    quick = {"lora": {"epochs": 1, "min_steps": 0}}.get(of, {})
    with pytest.raises(NotSupported, match=r"'quantization' can't"):
        run.run_step(make_step("quantization", {"of": {of: quick}}), context)


def test_numbers_that_fp16_does_not_reach_are_refused():
    layer = torch.nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight[0, 0] = 1e5
    with pytest.raises(NotSupported, match=r"100,000.*kind: bf16"):
        rounding.rounded(layer, "fp16")
    assert float(rounding.rounded(layer, "bf16").weight[0, 0]) == pytest.approx(1e5, rel=0.01)


def test_ties_stay_ties(tmp_path):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(toys.make_writer("qwen3", tmp_path / "w"))
    found = rounding.rounded(model, "bf16")
    assert found.get_output_embeddings().weight is found.get_input_embeddings().weight


@pytest.fixture
def onnx():
    pytest.importorskip("onnxruntime")
    return pytest.importorskip("onnx")


def by_onnxruntime(folder, inputs):
    """Outputs by the engine and the tokenizer alone, a row at a time."""
    import onnxruntime
    from transformers import AutoTokenizer

    session, tokenizer = onnxruntime.InferenceSession(folder / "model.onnx"), AutoTokenizer.from_pretrained(folder)
    names = [one.name for one in session.get_inputs()]
    rows = [tokenizer(text, return_tensors="np") for text in inputs]
    return np.concatenate([session.run(None, {name: row[name] for name in names})[0] for row in rows])


def test_how_many_rows_are_answered_as_before_is_said(trunks):
    events = []
    context, _ = context_of("quantization", toy_task("text_classification"), trunks(toy_task("text_classification")))
    run.run_step(make_step("quantization", {}), replace(context, watch=Watch(listener=events.append)))
    said = [event.message for event in events if event.stage == "finding"]
    rows = len(context.inputs)
    assert any(one.startswith(f"100.0% of {rows} train rows are answered as before; outputs differ by") for one in said)


@pytest.mark.parametrize("params", [{"activations": "dynamic"}, {"activations": "static"}, {"aware_epochs": 1}])
def test_in_8_bits_it_answers_nearly_as_before_and_says_what_is_whole(params, onnx, trunks, tmp_path):
    task = toy_task("text_classification")
    trunk = trunks(task)
    model, derivation, context = written(trunk, task, tmp_path / "m", bits=8, **params)
    said = derivation.predictor.outputs(context.inputs)
    assert ragged.difference(said, model.outputs(context.inputs)) <= 1e-5
    before = run.run_step(step_of("feature_extraction", task), context).derivation.predictor.outputs(context.inputs)
    assert 0 < np.abs(said - before).max() < 0.3 * np.abs(before).max()
    alone = np.concatenate([model.outputs([text]) for text in context.inputs])
    assert ragged.difference(by_onnxruntime(tmp_path / "m", context.inputs), alone) <= 1e-5
    about = json.loads((tmp_path / "m" / rounding.FILE).read_text("utf-8"))
    assert about["bits"] == 8 and about["share"] > 0.5 and about["left"] == list(derivation.frozen.whole)
    with pytest.raises(BaseError, match="quantised already"):
        Base.open(tmp_path / "m")


@pytest.mark.parametrize(
    "params", [{}, {"activations": "static"}, {"engine": "openvino"}, {"engine": "openvino", "activations": "static"}]
)
def test_words_are_answered_in_8_bits_too(params, onnx, trunks, tmp_path):
    pytest.importorskip(params.get("engine", "onnxruntime"))
    task = toy_task("token_classification")
    model, derivation, context = written(trunks(task), task, tmp_path / "m", bits=8, **params)
    said = derivation.predictor.outputs(context.inputs)
    assert ragged.difference(said, model.outputs(context.inputs)) <= 1e-5
    before = run.run_step(step_of("feature_extraction", task), context).derivation.predictor.outputs(context.inputs)
    assert 0 < ragged.difference(said, before) < 0.3 * max(float(np.abs(row).max()) for row in before)
    assert 0.3 < json.loads((tmp_path / "m" / rounding.FILE).read_text("utf-8"))["share"] <= 1


def test_layers_that_are_named_stay_whole_and_are_said_to(onnx, trunks, tmp_path):
    task = toy_task("text_classification")
    name = "encoder.layer.0.output.dense"
    model, derivation, _ = written(trunks(task), task, tmp_path / "m", bits=8, whole=[name])
    about = json.loads((model.folder / rounding.FILE).read_text("utf-8"))
    _, less, _ = written(trunks(task), task, tmp_path / "n", bits=8, whole=[])
    assert about["left"] == [name] and derivation.frozen.whole == (name,) and less.frozen.whole == ()
    assert about["share"] < json.loads((tmp_path / "n" / rounding.FILE).read_text("utf-8"))["share"]


@pytest.mark.parametrize(("params", "said"), [
    ({"bits": 8, "activations": "static", "calibration_rows": 0}, r"can't be calibrated on no rows.*1 or more"),
    ({"bits": 8, "whole": ["nonsense"]}, r"no linear layer 'nonsense'"),
    ({"bits": 16, "aware_epochs": 1}, r"'aware_epochs' is a setting of 8 bits"),
    ({"bits": 4, "activations": "static"}, r"'activations' is a setting of 8 bits"),
])  # fmt: skip
def test_settings_that_do_not_go_together_are_refused(params, said, onnx, trunks):
    task = toy_task("text_classification")
    context, _ = context_of("quantization", task, trunks(task))
    with pytest.raises(UserError, match=said):
        run.run_step(make_step("quantization", params), context)


@pytest.mark.parametrize(
    ("name", "can"), [("image_classification", "set bits: 16"), ("text_generation", "set bits: 16, or 4")]
)
def test_8_bits_are_refused_where_the_format_has_none_and_it_says_which_it_has(name, can, onnx, trunks):
    task = toy_task(name)
    context, _ = context_of("quantization", task, trunks(task))
    of = WRITES if name == "text_generation" else None
    with pytest.raises(NotSupported, match=f"can't be kept in 8 bits.*[Ss]{can[1:]}"):
        run.run_step(make_step("quantization", {"bits": 8, "of": of}), context)


@pytest.mark.parametrize(
    ("params", "package", "extra"), [({"bits": 8}, "onnxruntime", "onnx"), ({"bits": 4}, "bitsandbytes", "quantised")]
)
def test_a_package_that_is_missing_is_named_with_what_installs_it(params, package, extra, trunks, monkeypatch):
    import importlib
    import importlib.util

    found, imported = importlib.util.find_spec, importlib.import_module

    def find(name, *rest):
        return None if name == package else found(name, *rest)

    def no(name, *rest):
        if name == package:
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr("hasei.engine.quantised.find_spec", find)
    monkeypatch.setattr(importlib, "import_module", no)
    task = toy_task("text_classification")
    context, _ = context_of("quantization", task, trunks(task))
    with pytest.raises(NotSupported, match=rf"hasei\[{extra}\]"):
        run.run_step(make_step("quantization", params), context)


def test_the_layer_that_rounding_harms_most_is_left_whole():
    torch.manual_seed(0)
    trunk = torch.nn.Sequential(*(torch.nn.Linear(16, 16) for _ in range(4)))
    with torch.no_grad():
        trunk[2].weight[:, 0] *= 1000  # one input far larger than all others: the others are rounded away
        trunk[1].weight[0] *= 0.01
    x = torch.randn(32, 16)

    def answer():
        with torch.no_grad():
            return trunk(x).numpy()

    sizes = {str(i): 256 for i in range(4)}
    whole, (before, after) = rounding_aware.sensitive(trunk, answer, sizes, 256, 1e-3)
    assert len(whole) == 1 and after < before
    assert rounding_aware.sensitive(trunk, answer, sizes, 256, 10.0)[0] == ()


def test_a_rounded_layer_passes_the_gradient_as_if_it_were_none():
    layer, x = torch.nn.Linear(8, 4), torch.randn(3, 8, requires_grad=True)
    holder = torch.nn.Sequential(layer)
    plain = layer(x)
    with rounding_aware.rounding(holder, ["0"]):
        found = holder(x)
    assert 0 < (found - plain).abs().max() < 0.2
    found.sum().backward()
    assert layer.weight.grad is not None and x.grad is not None and float(x.grad.abs().min()) > 0
    assert torch.equal(layer(x), plain)
