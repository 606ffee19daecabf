"""Several heads on one trunk: solved or trained together, written, read by others, and told by ``hasei predict``."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hasei.cli import main
from hasei.derive import run
from hasei.derive.derived import open_model
from hasei.derive.recipe import Recipe, make_step
from hasei.engine.derivation import Also
from hasei.engine.multi_head import joint_loss
from hasei.engine.ragged import padded
from hasei.ground.errors import BaseError, DataError, NotSupported
from hasei.inputs.data.dataset import Dataset, Mapping
from hasei.judge.card import write_card
from hasei.tasks import open_task
from made_up import write_rows

TASK = open_task("text_classification")
TOY = TASK.toy()
JOINT = {"top_layers": 2, "epochs": 2, "rows_per_step": 8, "min_steps": 0, "precision": "fp32"}


def also(name, task, targets):
    """Another target, by text; None where a row has none."""
    task = open_task(task)
    rows = np.array([i for i, target in enumerate(targets) if target is not None], np.int64)
    given = [targets[i] for i in rows]
    space = task.space(given)
    return Also(name, task, space, rows, task.encode(space, given))


LENGTHS = [len(text) for text in TOY.inputs]
ALSO = (
    also("長さ/or so", "text_classification", ["long" if n > 27 else "short" for n in LENGTHS]),
    also("letters", "text_regression", [str(n) if i % 2 else None for i, n in enumerate(LENGTHS)]),
    also("letters!", "multi_label_classification", ['["a"]' if n % 2 else '["a", "b"]' for n in LENGTHS[:9]] + ["[]"]),
)


def data():
    units = [str(i) for i in range(len(TOY.inputs))]
    return Dataset(
        TOY.inputs, TOY.targets, units, units, np.array(["train"] * len(units)), np.arange(len(units)),
        ["toy"] * len(units), mapping=Mapping({"text": "text"}), fingerprint="toy", licence="CC0-1.0",
    )  # fmt: skip


def context_of(trunk, heads=ALSO):
    return replace(run.context_of(TASK, TASK.space(TOY.targets), data(), (trunk,)), also=heads)


@pytest.fixture(scope="module")
def trunk(trunks):
    return trunks(TASK)


def derived(context, **settings):
    return run.run_step(make_step("multi_task", settings), context).derivation


def written(trunk, folder, **settings):
    step = make_step("multi_task", settings)
    recipe = Recipe((trunk.base.content_hash,), TASK.name, {"fingerprint": "toy"}, (step,))
    return run.run(recipe, context_of(trunk), data(), folder)


@pytest.fixture(scope="module", params=[{}, JOINT], ids=["solved", "trained"])
def model(request, trunk, tmp_path_factory):
    return written(trunk, tmp_path_factory.mktemp("multi") / "model", **request.param)


def test_each_solved_head_is_what_it_would_be_alone(trunk):
    done = derived(context_of(trunk))
    outputs = done.predictor.all_outputs(TOY.inputs)
    assert [one.shape for one in outputs] == [(24, 3), (24, 2), (24, 1), (24, 2)]
    fixed = {"layer": trunk.layers, "pooling": trunk.base.pooling}
    for place, strength in enumerate(done.frozen.strengths):
        head = [also("", TASK.name, TOY.targets), *ALSO][place]
        alone = replace(
            context_of(trunk, ()), task=head.task, space=head.space, targets=head.targets,
            inputs=[TOY.inputs[i] for i in head.rows], units=[str(i) for i in head.rows],
        )  # fmt: skip
        step = make_step("feature_extraction", fixed | {"l2": strength})
        expected = run.run_step(step, alone).derivation.predictor.outputs(TOY.inputs)
        np.testing.assert_allclose(outputs[place], expected, atol=2e-4 * np.abs(expected).max())
    again = derived(context_of(trunk), **done.frozen.model_dump())
    assert np.array_equal(again.predictor.outputs(TOY.inputs), outputs[0])


def test_trained_together_all_heads_learn_and_rows_without_a_target_teach_it_nothing(trunk):
    settings = JOINT | {
        "epochs": 30,
        "learning_rate": 2e-3,
        "dropout": 0.0,
        "smoothing": 0.0,
        "head_learning_rate": 0.01,
    }
    done = derived(context_of(trunk), **settings)
    assert done.curve[-1]["loss"] < 0.7 * done.curve[0]["loss"]
    outputs = done.predictor.all_outputs(TOY.inputs)
    said = [head.task.answers(head.space, found).values for head, found in zip(ALSO, outputs[1:])]
    assert np.mean([a == ("long" if n > 27 else "short") for a, n in zip(said[0], LENGTHS)]) > 0.9
    assert TASK.answers(TASK.space(TOY.targets), outputs[0]).values == TOY.targets
    one = derived(context_of(trunk, ALSO[:1]), **settings).predictor.outputs(TOY.inputs)
    assert not np.array_equal(one, outputs[0])  # other targets change what the trunk learns


def test_the_losses_of_a_rows_heads_are_summed_each_over_its_scale():
    heads = [Also("", TASK, TASK.space(["a", "b", "c"]), np.arange(3), np.array([0, 1, 2])),
             Also("x", TASK, TASK.space(["a", "b"]), np.array([2, 0]), np.array([1, 0]))]  # fmt: skip
    outputs = torch.randn(2, 5, requires_grad=True)
    found = joint_loss(heads, [2.0, 0.5], 3)(outputs, torch.tensor([1, 2]), smoothing=0.1)
    main_ = TASK.loss(outputs[:, :3], padded(np.array([1, 2])), smoothing=0.1) / 2.0
    other = TASK.loss(outputs[1:, 3:], padded(np.array([1])), smoothing=0.1) / 0.5
    torch.testing.assert_close(found, main_ + torch.cat([torch.zeros(1), other]))
    found.sum().backward()
    assert torch.equal(outputs.grad[0, 3:], torch.zeros(2))


def test_the_folder_gives_back_every_head(model, trunk):
    again = open_model(model.folder).predictor
    assert [(o.name, o.task) for o in again.others] == [(one.name, one.task.name) for one in ALSO]
    assert [o.space for o in again.others] == [one.space for one in ALSO]
    settings = model.identity["steps"][-1]["params"]
    context = context_of(trunk)
    before = derived(context, **settings).predictor.all_outputs(TOY.inputs)
    for one, other in zip(before, again.all_outputs(TOY.inputs), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    folders = [entry["folder"] for entry in json.loads((model.folder / "heads.json").read_text("utf-8"))]
    assert folders == ["heads/長さ_or_so", "heads/letters", "heads/letters-2"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # the libraries' own
def test_sentence_transformers_and_safetensors_alone_reproduce_every_head(model):
    from sentence_transformers import SentenceTransformer

    modules = SentenceTransformer(str(model.folder), device="cpu")
    main_, *others = model.predictor.all_outputs(TOY.inputs)
    np.testing.assert_allclose(modules.encode(TOY.inputs), main_, atol=1e-5 * max(1, np.abs(main_).max()))
    features = SentenceTransformer(modules=[modules[0], modules[1]], device="cpu").encode(TOY.inputs)
    for entry, expected in zip(json.loads((model.folder / "heads.json").read_text("utf-8")), others, strict=True):
        head = load_file(model.folder / entry["folder"] / "model.safetensors")
        found = features @ head["linear.weight"].numpy().T + head["linear.bias"].numpy()
        np.testing.assert_allclose(found, expected, atol=1e-5 * max(1, np.abs(expected).max()))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # the libraries' own
def test_the_code_on_the_card_says_what_every_head_says(model, monkeypatch):
    write_card(model.folder, None, None, TASK)
    code = re.findall(r"```python\n(.*?)```", (model.folder / "README.md").read_text("utf-8"), re.S)[0]
    said = []
    monkeypatch.chdir(model.folder)
    exec(compile(code.replace('["a text"]', repr(TOY.inputs)), "card", "exec"), {"print": said.append})
    main_, *others = said
    assert main_ == [answer.value for answer in model.predict(TOY.inputs)]
    outputs = model.predictor.all_outputs(TOY.inputs)[1:]
    for (name, answers), head, found in zip(others, ALSO, outputs, strict=True):
        expected = head.task.answers(head.space, found).values
        assert name == head.name
        if head.task.target_kind == "number":
            assert answers == pytest.approx(expected, abs=1e-3)
        elif head.task.target_kind == "category":
            assert answers == expected


def test_predict_gives_a_column_for_each_head_and_nothing_for_blank_rows(model, tmp_path):
    rows = write_rows(tmp_path / "new.csv", [(TOY.inputs[0],), (" ",), (TOY.inputs[9],)], ["text"])
    assert main(["predict", str(model.folder), str(rows), "--out", str(tmp_path / "out.csv")]) == 0
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == ["text", "label", "confidence", *(head.name for head in ALSO)]
    assert [row["label"] for row in found][1] == "" and found[1]["letters"] == ""
    outputs = model.predictor.all_outputs([TOY.inputs[0], TOY.inputs[9]])[1:]
    for head, told in zip(ALSO, outputs):
        for row, value in zip((found[0], found[2]), head.task.answers(head.space, told).values):
            assert row[head.name] == (f"{value:g}" if isinstance(value, float) else str(value))
    assert [found[0]["label"], found[2]["label"]] == [a.value for a in model.predict([TOY.inputs[0], TOY.inputs[9]])]


def test_without_other_targets_it_says_how_to_give_them(trunk):
    with pytest.raises(NotSupported, match=r"multi_task needs other targets.*--also COLUMN") as caught:
        derived(context_of(trunk, ()))
    assert "\n" not in str(caught.value)


def test_another_target_that_no_row_has_is_refused(trunk):
    empty = replace(ALSO[0], name="urgency", rows=np.empty(0, np.int64), targets=np.empty(0, np.int64))
    with pytest.raises(DataError, match="no row has a target in 'urgency'"):
        derived(context_of(trunk, (empty,)))


def test_a_target_that_is_read_in_another_way_is_refused(trunk):
    spans = replace(ALSO[0], name="where", task=open_task("token_classification"))
    with pytest.raises(NotSupported, match="'where' can't have a head on the trunk of text_classification"):
        derived(context_of(trunk, (spans,)))


@pytest.mark.parametrize(("settings", "said"), [
    ({"strengths": [0.1, 0.1]}, "strengths do not fit the targets; expected 4 of them"),
    ({"top_layers": 9}, "the base has no 9 layers to train"),
])  # fmt: skip
def test_settings_that_do_not_fit_are_refused(trunk, settings, said):
    with pytest.raises(NotSupported, match=said):
        derived(context_of(trunk), **settings)


def test_a_folder_without_its_list_of_heads_or_with_a_strange_one_is_refused(trunk, tmp_path):
    model = written(trunk, tmp_path / "m")
    path = model.folder / "heads.json"
    listed = json.loads(path.read_text("utf-8"))
    listed[0]["folder"] = "../elsewhere"
    path.write_text(json.dumps(listed), "utf-8")
    with pytest.raises(BaseError, match=r"no sound 'heads.json'"):
        open_model(model.folder).outputs(TOY.inputs)
    path.unlink()
    with pytest.raises(BaseError, match=r"no sound 'heads.json'"):
        open_model(model.folder).outputs(TOY.inputs)


def test_the_command_line_names_other_columns_and_says_how_where_none_is(toy_base, tmp_path, capsys):
    rows = [
        (text, label, "urgent" if n > 27 else "", str(n)) for text, label, n in zip(TOY.inputs, TOY.targets, LENGTHS)
    ]
    rows[0] = (*rows[0][:2], "later", rows[0][3])
    path = write_rows(tmp_path / "rows.csv", rows, ["text", "label", "urgency", "size"])
    given = ["derive", "multi_task", "--data", str(path), "--base", str(toy_base("bert")), "--out"]
    assert main([*given, str(tmp_path / "m"), "--also", "urgency", "--also", "size=text_regression"]) == 0
    assert [(o.name, o.task) for o in open_model(tmp_path / "m").predictor.others] == [
        ("urgency", "text_classification"), ("size", "text_regression"),
    ]  # fmt: skip
    capsys.readouterr()
    assert main(["predict", str(tmp_path / "m"), str(path)]) == 0
    header = capsys.readouterr().out.splitlines()[0]
    assert header.endswith("predicted_label,predicted_confidence,predicted_urgency,predicted_size")
    assert main([*given, str(tmp_path / "n")]) == 2
    assert "--also COLUMN" in capsys.readouterr().err
