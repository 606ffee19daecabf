"""Bases made detectors: what is copied stays what it was, what is new is trained; the loss is a picture's own."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from hasei.derive import run
from hasei.derive.recipe import make_step
from hasei.engine.derivation import Context
from hasei.engine.detecting import BoxSource
from hasei.engine.detectors import ANSWERS, open_detector, with_labels
from hasei.engine.ragged import difference, padded
from hasei.engine.readings import reading_of
from hasei.ground.errors import BaseError, NotSupported
from hasei.ground.events import Watch
from hasei.inputs.base import Base
from hasei.tasks import _drawn, open_task
from hasei.tasks._set_loss import set_loss

TASK = open_task("object_detection")
SIZE = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": {"height": 32, "width": 32}}


def make(folder, kind):
    """A backbone with random weights, as transformers saves one."""
    import transformers as t

    stages = {"hidden_sizes": [16, 24, 32, 48], "depths": [1, 1, 1, 1]}
    config = {
        "vit": lambda: t.ViTConfig(hidden_size=64, num_hidden_layers=3, num_attention_heads=4, intermediate_size=128,
                                   image_size=32, patch_size=8),
        "resnet": lambda: t.ResNetConfig(embedding_size=16, layer_type="basic", **stages),
        "convnext": lambda: t.ConvNextConfig(**stages),
    }[kind]()  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = t.AutoModelForImageClassification.from_config(config)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
            if kind == "vit" and isinstance(module, torch.nn.Linear):
                torch.nn.init.xavier_uniform_(module.weight)
        if kind == "vit":
            model.vit.embeddings.position_embeddings.data.normal_()
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(SIZE | {"image_processor_type": "ViTImageProcessor"}))
    return Base.open(folder)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    made = {}

    def get(kind):
        if kind not in made:
            made[kind] = make(tmp_path_factory.mktemp(kind) / kind, kind)
        return made[kind]

    return get


def context_of(base, toy, seed=0, **more):
    targets, _ = TASK.clean(toy.targets)
    space = TASK.space(targets)
    trunk = reading_of(TASK).open(base)
    units = [p.content for p in toy.inputs]
    return Context(
        TASK, space, list(toy.inputs), TASK.encode(space, targets), TASK.truth(targets), units, seed=seed, trunks=(trunk,),
        **more,
    )  # fmt: skip


def test_a_vit_in_a_yolos_sees_its_patches_as_before(base):
    from transformers import AutoModel

    plain = AutoModel.from_pretrained(base("vit").folder).eval()
    trunk = open_detector(base("vit"), 32).trunk
    pixels = torch.randn(2, 3, 32, 32)
    before, inside = plain.embeddings(pixels), trunk.embeddings(pixels)
    assert torch.equal(inside[:, : before.shape[1]], before)
    # With nothing but its own patches to look at, each layer gives what it gave.
    for old, new in zip(plain.layers, trunk.encoder.layer):
        before = old(before)
        inside = new(inside[:, : before.shape[1]])
        assert (before - inside).abs().max() < 1e-5


@pytest.mark.parametrize("kind", ["resnet", "convnext"])
def test_a_convolutional_backbone_in_a_detr_gives_its_last_stage_as_before(base, kind):
    from transformers import AutoModel

    plain = AutoModel.from_pretrained(base(kind).folder).eval()
    trunk = open_detector(base(kind), 32).trunk
    pixels = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        expected = plain(pixels).last_hidden_state
        (found, _), *_ = trunk.backbone(pixels, torch.ones(2, 32, 32))
        if kind == "convnext":  # as a backbone it has a norm of its own after each stage
            found = trunk.backbone.model.encoder(trunk.backbone.model.embeddings(pixels)).last_hidden_state
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["vit", "resnet", "convnext"])
@pytest.mark.parametrize("method", ["full_fine_tuning", "partial_fine_tuning"])
def test_what_the_base_lacks_is_trained_and_the_loss_falls(base, kind, method, tmp_path):
    toy = _drawn.rectangles(16)
    context = context_of(base(kind), toy)
    settings = {"epochs": 6, "rows_per_step": 8, "min_steps": 0, "dropout": 0.0, "precision": "fp32"}
    if method == "partial_fine_tuning":
        settings["top_layers"] = 1
    ran = run.run_step(make_step(method, settings), context).derivation
    fresh = context.trunk.opened.fresh
    assert fresh and {f"trunk.{name}" for name in fresh} <= set(ran.trained)
    assert ran.curve[-1]["loss"] < ran.curve[0]["loss"]
    if method == "partial_fine_tuning":
        kept = [n for n, _ in context.trunk.model.named_parameters() if f"trunk.{n}" not in ran.trained]
        assert any("patch" in n or "embedder" in n or "embeddings" in n for n in kept)


def test_a_derived_detector_is_a_base_whose_labels_keep_their_rows(base, tmp_path):
    toy = _drawn.rectangles(8)
    trunk = reading_of(TASK).open(base("vit"))
    model = with_labels(trunk.model, ["red", "青"], 3)
    folder = tmp_path / "detector"
    model.whole.save_pretrained(folder)
    trunk.tokenizer.save_pretrained(folder)
    again = reading_of(TASK).open(Base.open(folder))
    same = with_labels(again.model, ["red", "青"], 9, again.opened.known)
    predictor = reading_of(TASK).predictor
    assert difference(predictor(model, trunk).outputs(toy.inputs), predictor(same, again).outputs(toy.inputs)) <= 1e-4
    other = with_labels(again.model, ["new", "red"], 9, again.opened.known)
    old_last, new_last = (list(m.head["labels"].state_dict().values())[-2] for m in (model, other))
    assert torch.equal(new_last[1], old_last[0]) and torch.equal(new_last[2], old_last[2])
    assert not torch.equal(new_last[0], old_last[0])


def test_a_model_of_texts_is_no_base_for_boxes(toy_base):
    with pytest.raises(BaseError, match=r"can't be made a detector.*bert") as error:
        open_detector(Base.open(toy_base("bert")), 224)
    assert "\n" not in str(error.value)


def test_solved_heads_and_adapters_say_that_they_are_not_for_boxes():
    from hasei.ground import plugins

    for name in ("feature_extraction", "lora"):
        with pytest.raises(NotSupported, match=f"'{name}' can't be used for the task object_detection"):
            plugins.load("methods", name).SUPPORTS.refuse(name, TASK)


def outputs_and_targets(seed=0, count=5, answers=7, labels=3):
    rng = np.random.default_rng(seed)
    outputs = torch.cat([torch.randn(count, answers, labels + 1), torch.rand(count, answers, 4) * 0.5 + 0.2], -1)
    targets = []
    for i in range(count):
        boxes = rng.uniform(0.2, 0.5, (i % 4, 4))
        targets.append(np.column_stack([rng.integers(0, labels, i % 4), boxes]).astype(np.float32).reshape(-1, 5))
    found = np.empty(count, object)
    found[:] = targets
    return outputs.requires_grad_(True), found


def test_the_loss_of_a_picture_is_that_of_transformers_for_it_alone():
    from transformers.loss.loss_for_object_detection import HungarianMatcher, ImageLoss

    outputs, targets = outputs_and_targets()
    found = set_loss(outputs, padded(targets)).detach()
    theirs = ImageLoss(HungarianMatcher(1, 5, 2), 3, 0.1, ["labels", "boxes"])
    for row, (one, true) in enumerate(zip(outputs, targets)):
        told = theirs(
            {"logits": one[None, :, :-4], "pred_boxes": one[None, :, -4:]},
            [{"class_labels": torch.from_numpy(true[:, 0]).long(), "boxes": torch.from_numpy(true[:, 1:])}],
        )
        expected = (told["loss_ce"] + 5 * told["loss_bbox"] + 2 * told["loss_giou"]).detach()
        assert float(found[row]) == pytest.approx(float(expected), abs=1e-5)


def test_the_loss_of_a_picture_does_not_hang_on_the_pictures_beside_it():
    outputs, targets = outputs_and_targets(1, 8)
    together = set_loss(outputs, padded(targets))
    alone = torch.cat([set_loss(outputs[i : i + 1], padded(targets[i : i + 1])) for i in range(8)])
    assert torch.allclose(together, alone, atol=1e-6)
    (gradient,) = torch.autograd.grad(together[3], outputs)
    assert gradient[:3].abs().max() == 0 and gradient[4:].abs().max() == 0 and gradient[3].abs().max() > 0


class Still(torch.nn.Module):
    """Answers with the mean of the left half of what it is given, as the place of a box."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, batch):
        left = batch["pixel_values"][..., :16].mean((1, 2, 3)) * self.weight
        return torch.stack([left * 0, left * 0, left * 0 + 0.3, left * 0 + 0.5, left * 0 + 0.2, left * 0 + 0.2], -1)[
            :, None
        ]


def test_mirrored_pictures_have_their_boxes_mirrored_and_which_they_are_hangs_on_step_and_row_alone(base):
    toy = _drawn.rectangles(8)
    source = BoxSource(reading_of(TASK).open(base("vit")).tokenizer, toy.inputs).augmented(["flip"])
    model, rows = Still(), np.arange(8)

    def centres(seed, *parts, training=True):
        model.train(training)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return torch.cat([source.outputs(model, part)[:, 0, 2] for part in parts]).tolist()

    whole = centres(5, rows)
    assert whole == centres(5, rows[:3], rows[3:]) == centres(5, *np.array_split(rows, 8))
    assert whole != centres(6, rows) and {round(c, 5) for c in whole} == {0.3, 0.7}
    assert {round(c, 5) for c in centres(5, rows, training=False)} == {0.3}
    both = set()
    for seed in range(20):
        both |= {(i, round(c, 5)) for i, c in enumerate(centres(seed, rows))}
    assert len(both) == 16


def test_labels_with_sides_are_never_mirrored_nor_boxes_turned(base):
    toy = _drawn.rectangles(8)
    processor = reading_of(TASK).open(base("vit")).tokenizer
    for names in (("left hand", "x"), ("右手", "x")):
        with pytest.raises(NotSupported, match=f"the label '{names[0]}' wrong"):
            BoxSource(processor, toy.inputs, names).augmented(["flip"])
    with pytest.raises(NotSupported, match="turned or cut"):
        BoxSource(processor, toy.inputs, ("x",)).augmented(["rotation", "flip"])


@pytest.mark.parametrize("changes", [("flip",), ("flip", "colour")])
def test_a_training_with_mirrored_pictures_gives_the_same_bytes_again(base, changes):
    context = context_of(base("vit"), _drawn.rectangles(8))
    settings = {"epochs": 2, "rows_per_step": 4, "min_steps": 0, "precision": "fp32"}
    steps = [make_step("full_fine_tuning", settings | {"augment": how}) for how in (changes, changes, ())]
    found = [run.run_step(step, context).derivation.predictor.outputs(context.inputs) for step in steps]
    assert difference(found[0], found[1]) == 0 < difference(found[0], found[2])


def test_more_boxes_than_the_detector_answers_are_said(base):
    from hasei.tasks import Toy
    from hasei.tasks._boxes import Box, written

    toy = _drawn.rectangles(4)
    many = written([Box("red", (i % 20, i % 7, i % 20 + 5, i % 7 + 5)) for i in range(ANSWERS + 1)])
    said = []
    watch = Watch(listener=lambda event: said.append(event.message))
    context = context_of(base("vit"), Toy(toy.inputs, [*toy.targets[:3], many]), watch=watch)
    reading_of(TASK).begin(context, context.trunk.fresh(), 0.1)
    assert any(f"holds {ANSWERS + 1} boxes" in message for message in said)


def test_a_small_detector_learns_to_see_what_the_mean_box_can_not(base):
    train, test = _drawn.rectangles(240), _drawn.rectangles(80, seed=1)
    context = context_of(base("vit"), train)
    settings = {
        "epochs": 14, "rows_per_step": 16, "min_steps": 0, "dropout": 0.0, "smoothing": 0.0, "layer_decay": 1.0,
        "learning_rate": 1e-3, "head_learning_rate": 1e-3, "precision": "fp32",
    }  # fmt: skip
    truth = TASK.truth(test.targets)
    scores = {}
    for step in (make_step("full_fine_tuning", settings), make_step("mean_box"), make_step("common_boxes")):
        ran = run.run_step(step, context).derivation
        answers = TASK.answers(context.space, ran.predictor.outputs(test.inputs))
        scores[step.name] = TASK.metrics["map"].value(answers.values, truth)
        if ran.curve:
            assert ran.curve[-1]["loss"] < 0.6 * ran.curve[0]["loss"]

    assert scores["full_fine_tuning"] > 2 * max(scores["mean_box"], scores["common_boxes"])
