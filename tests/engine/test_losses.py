"""Losses that a recipe names: what they compute, for which tasks they are, and code of the user's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hasei.engine import own_code
from hasei.engine.losses import Loss, loss_of, try_out
from hasei.engine.ragged import padded, ragged
from hasei.ground.errors import NotSupported, RecipeError
from hasei.ground.settings import build
from hasei.tasks import open_task

CLASSES = np.array([0] * 9 + [1] * 3 + [2])
LABELS = (np.random.default_rng(0).random((13, 4)) < 0.3).astype(np.float32)
TAGS = ragged([np.array([0, 0, 1, 0, 2][: 1 + i % 5]) for i in range(13)])
OF = {"text_classification": CLASSES, "multi_label_classification": LABELS, "token_classification": TAGS}


def outputs_for(task):
    generator = torch.Generator().manual_seed(1)
    shape = {"text_classification": (13, 3), "multi_label_classification": (13, 4), "token_classification": (13, 5, 3)}
    return torch.randn(shape[task], generator=generator, requires_grad=True)


def losses(loss, task, smoothing=0.0):
    found = loss_of(Loss.model_validate(loss), open_task(task), OF[task], "lora")
    return found(outputs_for(task), padded(OF[task]), smoothing=smoothing)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("task", OF)
@pytest.mark.parametrize(
    "loss", ["cross_entropy", {"name": "focal", "gamma": 0}, {"name": "class_balanced", "beta": 0}]
)
def test_without_its_strength_every_loss_is_that_of_the_task(loss, task, smoothing):
    own = open_task(task).loss(outputs_for(task), padded(OF[task]), smoothing=smoothing)
    assert torch.allclose(losses(loss, task, smoothing), own, atol=1e-6)


def test_the_own_loss_is_the_task_s_own_function():
    task = open_task("text_classification")
    assert loss_of(Loss(), task, CLASSES, "lora") == task.loss


def test_the_focal_loss_is_cross_entropy_times_a_power_of_what_is_missing():
    p = outputs_for("text_classification").softmax(1)[torch.arange(13), torch.from_numpy(CLASSES)]
    assert torch.allclose(losses("focal", "text_classification"), -((1 - p) ** 2) * p.log(), atol=1e-6)
    half = losses({"name": "focal", "gamma": 0.5}, "text_classification")
    assert torch.allclose(half, -((1 - p) ** 0.5) * p.log(), atol=1e-6)


@pytest.mark.parametrize("task", OF)
def test_the_focal_loss_has_a_finite_slope_where_all_is_sure(task):
    found = loss_of(Loss(name="focal", gamma=0.5), open_task(task), OF[task], "lora")
    sure = (outputs_for(task).detach() * 1e4).requires_grad_()
    found(sure, padded(OF[task]), smoothing=0.1).sum().backward()
    assert sure.grad.isfinite().all()


def test_class_balanced_weights_are_those_of_the_paper_with_a_mean_of_one_over_the_rows():
    found = losses({"name": "class_balanced", "beta": 0.9}, "text_classification") / losses(
        "own", "text_classification"
    )
    of_class = np.array([(1 - 0.9) / (1 - 0.9**n) for n in (9, 3, 1)])
    expected = of_class[CLASSES] / of_class[CLASSES].mean()
    assert np.allclose(found.detach().numpy(), expected, atol=1e-5)


def test_rare_labels_and_tags_count_more_than_common_ones():
    balanced, plain = (losses(x, "multi_label_classification") for x in ({"name": "class_balanced"}, "own"))
    many = LABELS.sum(1) >= 2
    assert (balanced / plain)[many].mean() > 1.2 * (balanced / plain)[LABELS.sum(1) == 0].mean()
    balanced, plain = (losses(x, "token_classification") for x in ({"name": "class_balanced"}, "own"))
    assert (balanced / plain)[4] > 1.2 * (balanced / plain)[0]


def test_a_class_that_no_row_has_counts_as_it_is():
    found = loss_of(Loss(name="class_balanced"), open_task("text_classification"), CLASSES, "lora")
    assert found(torch.randn(1, 6), torch.tensor([5])).isfinite().all()


@pytest.mark.parametrize(
    "task", ["text_regression", "similarity", "question_answering", "text_generation", "retrieval"]
)
@pytest.mark.parametrize("loss", ["cross_entropy", "focal", "class_balanced"])
def test_a_task_without_classes_has_no_such_loss(loss, task):
    with pytest.raises(NotSupported, match=f"loss {loss} for the task {task}, which has no classes; expected") as error:
        loss_of(Loss(name=loss), open_task(task), np.zeros(3), "lora")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name, wrong", [
    ("vocal", "did you mean 'focal'"), ("losses.py", "package.module:function"), ("/tmp/losses.py:f", "package.module:function"),
    ("../a:f", "package.module:function"), ("a.b", "package.module:function"), ("os;x:f", "package.module:function"),
])  # fmt: skip
def test_a_loss_of_another_name_or_in_a_file_is_no_loss(name, wrong):
    with pytest.raises(RecipeError, match=wrong) as error:
        build(Loss, {"name": name}, "the loss")
    assert "\n" not in str(error.value)


def test_a_loss_of_one_s_own_is_called_with_outputs_and_targets_and_known_by_the_hash_of_its_source():
    from own_options import squares

    found = losses("own_options:squares", "text_classification", 0.1)
    assert torch.equal(found, squares(outputs_for("text_classification"), torch.from_numpy(CLASSES)))
    stated = Loss(name="own_options:squares").stated()
    assert len(stated.source) == 64 and Loss().stated() == Loss()
    assert stated.stated() == stated
    with pytest.raises(RecipeError, match="is not that of this recipe; expected source 000000000000"):
        Loss(name="own_options:squares", source="0" * 64).stated()


@pytest.mark.parametrize("name, said", [
    ("no_such_package.losses:focal", "can't be imported.*No module named"),
    ("own_options:squars", "has no 'squars'. Did you mean 'squares'"), ("own_options:NUMBER", "can't be called.*received int"),
    ("math:sqrt", "source of the loss 'math:sqrt' can't be read"),
])  # fmt: skip
def test_a_name_that_leads_to_no_function_is_one_line(name, said):
    with pytest.raises(RecipeError, match=said) as error:
        own_code.find(name, "the loss")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name, said", [
    ("mean_only", r"a tensor of shape \(\)"), ("not_finite", "losses that are not finite"), ("steep", "a gradient that is not"),
    ("detached", "do not hang on the outputs"), ("broken", "ValueError: it is broken"), ("no_tensor", "no tensor but list"),
])  # fmt: skip
def test_a_wrong_loss_of_one_s_own_is_found_on_a_dry_run(name, said):
    loss = loss_of(Loss(name=f"own_options:{name}"), open_task("text_classification"), CLASSES, "lora")
    with pytest.raises(RecipeError, match=f"'own_options:{name}' can't be trained with.*{said}") as error:
        try_out(loss, outputs_for("text_classification"), torch.from_numpy(CLASSES))
    assert "\n" not in str(error.value)


def test_a_right_one_passes_the_dry_run_and_losses_of_the_package_are_not_tried():
    loss = loss_of(Loss(name="own_options:squares"), open_task("text_classification"), CLASSES, "lora")
    with torch.no_grad():
        try_out(loss, outputs_for("text_classification"), torch.from_numpy(CLASSES))
    try_out(pytest.fail, torch.zeros(1), torch.zeros(1))
