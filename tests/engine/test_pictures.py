"""Image bases of several families: their own features, replay from every stage, the native folder, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from hasei.derive import run
from hasei.derive.recipe import Recipe, make_step
from hasei.engine.activations.store import Store
from hasei.engine.picture_trunk import PictureTrunk
from hasei.engine.readings import reading_of
from hasei.engine.trunk import TOLERANCE, Trunk
from hasei.ground.errors import BaseError, DataError, NotSupported
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Dataset, Mapping
from hasei.inputs.pictures import open_picture
from hasei.tasks import open_task
from toys import IMAGE_KINDS, make_base

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # the libraries' own

TASK = open_task("image_classification")
TOY = TASK.toy()


@pytest.fixture(scope="module")
def trunks(toy_base, tmp_path_factory):
    opened = {}

    def trunk_of(kind):
        if kind not in opened:
            opened[kind] = PictureTrunk(Base.open(toy_base(kind)), Store(tmp_path_factory.mktemp("store")))
        return opened[kind]

    return trunk_of


def native_features(trunk, pictures):
    """What the native classifier's last linear layer reads, found without hasei: by a hook on it."""
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    model = AutoModelForImageClassification.from_pretrained(trunk.base.folder).eval()
    seen = []
    model.get_submodule(trunk.model.place).register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    processor = AutoImageProcessor.from_pretrained(trunk.base.folder, backend="pil")
    with torch.no_grad():
        model(**processor([open_picture(p) for p in pictures], return_tensors="pt"))
    return seen[0].numpy()


@pytest.mark.parametrize("kind", IMAGE_KINDS)
def test_features_are_what_the_native_classifier_reads_whatever_the_family(kind, trunks):
    trunk = trunks(kind)
    found = trunk.pooled(TOY.inputs, trunk.layers, "own")
    expected = native_features(trunk, TOY.inputs)
    assert found.shape == expected.shape == (len(TOY.inputs), trunk.hidden)
    assert np.abs(found - expected).max() <= 2e-3 * max(1.0, np.abs(expected).max())  # kept in 16 bits
    assert trunk.probe.refusal == ""
    assert set(trunk.probe.position) == {name for name, _ in trunk.model.named_parameters()}


@pytest.mark.parametrize("kind", IMAGE_KINDS)
def test_replay_from_every_stage_gives_the_features_and_gradients_of_the_whole_model(kind, trunks):
    from hasei.engine.activations import replay
    from hasei.engine.pooled import last_states

    trunk = trunks(kind)
    batch = trunk.corpus_of(TOY.inputs).tokens.pad(np.arange(4))
    for layer in range(1, trunk.layers):
        assert trunk._replay_error(layer) <= TOLERANCE
        if layer not in (1, trunk.layers - 1):
            continue
        model = trunk.fresh()
        stack = type(trunk.stack)(trunk.stack.path, tuple(model.get_submodule(trunk.stack.path).children()))
        names = trunk.probe.trainable_from(layer)
        parameters = dict(model.named_parameters())
        for name in names:
            parameters[name].requires_grad_(True)
        chosen = [parameters[name] for name in names]
        plain = torch.autograd.grad(last_states(model, batch).square().sum(), chosen)
        states = replay.capture(model, stack, batch, {layer})[layer]
        with replay.replaying(stack, trunk.probe, layer) as replayed:
            replayed.states = states
            again = torch.autograd.grad(last_states(model, trunk.zeros()).square().sum(), chosen)
        largest = max(float(g.abs().max()) for g in plain)
        assert max(float((a - b).abs().max()) for a, b in zip(plain, again)) <= 1e-5 * max(1.0, largest)


@pytest.mark.parametrize("kind", IMAGE_KINDS)
def test_a_study_is_told_whether_a_training_may_start_at_a_stage(kind, trunks):
    trunk = trunks(kind)
    assert trunk.run_because(0) and trunk.run_because(trunk.layers)
    assert [trunk.run_because(layer) for layer in range(1, trunk.layers)] == [""] * (trunk.layers - 1)


@pytest.mark.parametrize("kind", ["vit", "convnext", "resnet"])
def test_states_of_rows_are_kept_once_and_those_of_the_stages_too(kind, trunks):
    trunk = trunks(kind)
    states = trunk.states(TOY.inputs, 2)
    assert states is not None and states.pad(np.array([3, 1])).shape[1:] == torch.Size(trunk.shapes[2])
    for layer in range(trunk.layers + 1):
        assert trunk.pooled(TOY.inputs, layer, "own").shape == (len(TOY.inputs), trunk.widths[layer])


def test_a_resnet_can_end_at_any_stage_and_a_vit_only_at_its_last(trunks):
    reading = reading_of(TASK)
    assert reading.ends(trunks("resnet")) == [4, 3, 2, 1]
    assert reading.ends(trunks("vit")) == [4]
    short = trunks("resnet").truncated(2)
    with torch.no_grad():
        found = short(**trunks("resnet").corpus_of(TOY.inputs).tokens.pad(np.arange(3))).last_hidden_state.numpy()
    assert np.abs(found - trunks("resnet").pooled(TOY.inputs[:3], 2, "own")).max() <= 1e-3


def derived(trunk, folder, method, **params):
    targets, _ = TASK.clean(TOY.targets)
    units = [p.content for p in TOY.inputs]
    data = Dataset(
        TOY.inputs, targets, units, units, np.array(["train"] * len(units)), np.arange(len(units)), ["toy"] * len(units),
        mapping=Mapping({"image": "image"}), fingerprint="toy", licence="CC0-1.0",
    )  # fmt: skip
    step = make_step(method, params)
    context = run.context_of(TASK, TASK.space(targets), data, (trunk,))
    return run.run(
        Recipe((trunk.base.content_hash,), TASK.name, {"fingerprint": "toy"}, (step,)), context, data, folder
    )


QUICK = {"epochs": 2, "rows_per_step": 8, "min_steps": 0}


@pytest.mark.parametrize(("kind", "method"), [
    *((kind, "feature_extraction") for kind in IMAGE_KINDS), ("convnext", "lora"), ("resnet", "partial_fine_tuning"),
    ("mobilenet_v1", "full_fine_tuning"), ("convnext", "partial_fine_tuning"), ("swin", "full_fine_tuning"),
])  # fmt: skip
def test_the_folder_is_a_native_classifier_that_answers_as_hasei_does(kind, method, trunks, tmp_path):
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    trunk = trunks(kind)
    params = {} if method == "feature_extraction" else QUICK
    model = derived(trunk, tmp_path / "m", method, **params, **({"top_layers": 2} if "partial" in method else {}))
    native = AutoModelForImageClassification.from_pretrained(model.folder).eval()
    assert type(native).__name__ == type(trunk.model.native).__name__
    assert list(native.config.id2label.values()) == ["disc", "frame", "stripes"]
    processor = AutoImageProcessor.from_pretrained(model.folder, backend="pil")
    with torch.no_grad():
        found = native(**processor([open_picture(p) for p in TOY.inputs], return_tensors="pt")).logits.numpy()
    assert np.abs(found - model.outputs(TOY.inputs)).max() <= 1e-5 * max(1.0, np.abs(found).max())
    assert str(trunk.base.folder) not in (model.folder / "config.json").read_text("utf-8")


def test_a_derived_model_is_a_base_again(trunks, tmp_path):
    model = derived(trunks("convnext"), tmp_path / "m", "feature_extraction")
    again = PictureTrunk(Base.open(model.folder), Store(tmp_path / "store"))
    assert np.allclose(again.pooled(TOY.inputs, 4, "own"), trunks("convnext").pooled(TOY.inputs, 4, "own"), atol=1e-3)
    second = derived(again, tmp_path / "n", "feature_extraction")
    assert second.predict(TOY.inputs[:3]) == second.predict(TOY.inputs[:3])


def test_training_on_kept_states_is_training_on_pictures(trunks, tmp_path, monkeypatch):
    trunk = trunks("convnext")
    still = {"dropout": 0.0, "precision": "fp32", "top_layers": 1, **QUICK}
    replayed = derived(trunk, tmp_path / "a", "partial_fine_tuning", **still)
    monkeypatch.setattr(PictureTrunk, "states", lambda *args, **kwargs: None)
    whole = derived(trunk, tmp_path / "b", "partial_fine_tuning", **still)
    largest = np.abs(whole.outputs(TOY.inputs)).max()
    assert np.abs(replayed.outputs(TOY.inputs) - whole.outputs(TOY.inputs)).max() <= 0.02 * largest


def test_where_states_can_t_be_replayed_the_whole_base_is_run_and_the_reason_said(trunks, tmp_path, monkeypatch):
    from hasei.ground.events import Watch

    said = []
    monkeypatch.setattr(PictureTrunk, "_replay_error", lambda self, layer: 1.0)
    watch = Watch(listener=lambda event: said.append(event.message))
    assert trunks("resnet").states(TOY.inputs, 2, watch) is None
    assert said == [
        "states of stage 2 can't be kept (a pass that starts there gives other features): the whole base is run instead"
    ]
    model = derived(trunks("resnet"), tmp_path / "m", "partial_fine_tuning", top_layers=2, **QUICK)
    assert np.isfinite(model.outputs(TOY.inputs)).all()


def test_a_base_without_linear_layers_has_nothing_for_lora_to_adapt(trunks, tmp_path):
    with pytest.raises(NotSupported, match="no plain linear layer"):
        derived(trunks("resnet"), tmp_path / "m", "lora", **QUICK)


def test_changes_at_random_are_seeded_by_the_step_and_the_whole_base_is_run(trunks, tmp_path, monkeypatch):
    trunk = trunks("convnext")
    monkeypatch.setattr(PictureTrunk, "states", lambda *args, **kwargs: pytest.fail("states were asked for"))
    changed = {"augment": ["rotation", "crop", "colour", "flip"], "top_layers": 1, **QUICK}
    one, two = (derived(trunk, tmp_path / name, "partial_fine_tuning", **changed) for name in "ab")
    assert np.array_equal(one.outputs(TOY.inputs), two.outputs(TOY.inputs))
    monkeypatch.undo()
    plain = derived(trunk, tmp_path / "c", "partial_fine_tuning", **(changed | {"augment": []}))
    assert not np.array_equal(one.outputs(TOY.inputs), plain.outputs(TOY.inputs))


def test_texts_are_not_changed_at_random_and_that_is_said(toy_base, tmp_path):
    task = open_task("text_classification")
    toy = task.toy()
    trunk = Trunk(Base.open(toy_base("bert")), Store(tmp_path / "store"))
    space = task.space(toy.targets)
    data = Dataset(toy.inputs, toy.targets, [str(i) for i in toy.inputs], [], np.array([]), np.array([]), [])
    context = run.context_of(task, space, data, (trunk,))
    with pytest.raises(NotSupported, match="only pictures"):
        run.run_step(make_step("full_fine_tuning", {"augment": ["flip"], **QUICK}), context)


def test_a_base_of_the_other_kind_is_refused_in_one_line_that_says_what_to_give(toy_base):
    for reading, kind, word in (
        (reading_of(TASK), "bert", "preprocessor_config.json"),
        (reading_of(open_task("text_classification")), "vit", "tokenizer"),
    ):  # fmt: skip
        with pytest.raises(BaseError, match="--base") as error:
            reading.open(Base.open(toy_base(kind)))
        assert word in str(error.value) and "\n" not in str(error.value)


def test_a_study_of_pictures_with_the_default_base_says_which_kind_it_needs(tmp_path, capsys):
    from hasei.cli import main

    folder = TOY.inputs[0].path.parents[1]
    assert main(["try", str(folder), "--task", "image_classification", "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "reads texts, and these rows are pictures" in said and "Traceback" not in said
    assert not (tmp_path / "run").exists()


def test_a_text_where_a_picture_should_be_is_refused(trunks):
    with pytest.raises(DataError, match="'hello' is no picture"):
        trunks("vit").pooled(["hello"], 4, "own")


def test_a_preprocessor_that_gives_several_sizes_or_is_damaged_is_refused(tmp_path):
    folder = make_base("convnext", tmp_path / "base")
    path = folder / "preprocessor_config.json"
    settings = json.loads(path.read_text("utf-8"))
    for change, word in (
        ({"do_resize": False}, "can't be used|several sizes"), ({"image_processor_type": "NoSuchProcessor"}, "can't be used"),
        ({"auto_map": {"AutoImageProcessor": "evil.Code"}}, "code of its own"),
    ):  # fmt: skip
        path.write_text(json.dumps(settings | change))
        with pytest.raises(BaseError, match=word) as error:
            PictureTrunk(Base.open(folder), Store(tmp_path / "store"))
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", ["no head", "cut", "no preprocessor"])
def test_a_damaged_folder_is_refused_in_one_line(damage, trunks, tmp_path):
    from safetensors.torch import load_file, save_file

    from hasei.derive.derived import open_model

    model = derived(trunks("vit"), tmp_path / "m", "feature_extraction")
    weights = model.folder / "model.safetensors"
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-9])
    elif damage == "no head":
        save_file({k: v for k, v in load_file(weights).items() if "classifier" not in k}, weights)
    else:
        (model.folder / "preprocessor_config.json").unlink()
    with pytest.raises(BaseError) as error:
        open_model(model.folder).predict(TOY.inputs[:1])
    assert "\n" not in str(error.value)
