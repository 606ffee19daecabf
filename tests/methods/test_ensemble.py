"""Members of an ensemble: methods and cheap truths, joined by probabilities, written and read as folders of their own."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax

from hasei.cli import main
from hasei.derive.derived import open_model
from hasei.derive.order import order, read_steps
from hasei.derive.recipe import make_step
from hasei.derive.run import run_step
from hasei.engine.derivation import Context, Facts
from hasei.formats._ensemble import join
from hasei.ground import plugins
from hasei.ground.errors import BaseError, NotSupported, RecipeError
from hasei.ground.settings import build
from hasei.judge.loading import snippet
from hasei.tasks import open_task

TOY = open_task("text_classification").toy()
MEMBERS = {"members": ["lexical_linear", {"feature_extraction": {"pooling": "mean"}}]}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    lines = [f"{json.dumps(text)},{label}" for text, label in zip(TOY.inputs, TOY.targets)]
    (folder / "rows.csv").write_text("\n".join(["text,label", *lines]), "utf-8")
    return folder


def test_a_cheap_truth_and_a_method_are_joined_by_their_probabilities(place, toy_base, tmp_path):
    made = order(
        read_steps({"ensemble": MEMBERS}),
        place / "rows.csv",
        task="text_classification",
        columns={},
        base=toy_base("bert"),
        out=tmp_path / "m",
    )
    again = open_model(made.folder)
    assert json.loads((made.folder / "ensemble.json").read_text("utf-8"))["formats"][0] == "lexical"
    outputs = again.outputs(TOY.inputs)
    shares = [np.exp(log_softmax(member.outputs(TOY.inputs), axis=1)) for _, member in again.predictor.members]
    np.testing.assert_allclose(outputs, np.log(np.mean(shares, 0)), atol=1e-5)
    assert main(["verify", str(made.folder)]) == 0


def test_what_can_not_be_a_member_is_refused():
    ensemble = plugins.load("methods", "ensemble")
    settings = build(ensemble.Params, {"members": ["lexical_linear", "ensemble"]}, "method 'ensemble'")
    with pytest.raises(NotSupported, match="an ensemble can't be a member of another"):
        ensemble.check(settings, 2)
    with pytest.raises(RecipeError):
        build(ensemble.Params, {"members": ["lexical_linear"]}, "method 'ensemble'")


def test_its_name_in_a_table_tells_its_members_and_their_settings():
    (step,) = read_steps(
        {"ensemble": {"members": ["lexical_linear", {"lora": {"rank": 4, "learning_rate": 0.001}}, {"lora": {}}]}}
    )
    assert step.label == "ensemble (members lexical_linear + lora (rank 4, learning_rate 0.001) + lora)"


STACKED = {"members": ["lexical_linear", {"feature_extraction": {"layer": 4, "pooling": "mean", "l2": 0.01}}],
           "join": "stacking", "folds": 3}  # fmt: skip
TASKS = ["text_classification", "multi_label_classification", "text_regression"]
CHEAP = {"text_classification": "lexical_linear", "multi_label_classification": "lexical_labels",
         "text_regression": "lexical_ridge"}  # fmt: skip


def context_of(name, trunk):
    task = open_task(name)
    toy = task.toy()
    targets, _ = task.clean(toy.targets)
    units = [str(i // 2) for i in range(len(targets))]  # two rows a unit
    space = task.space(targets)
    return Context(task, space, toy.inputs, task.encode(space, targets), task.truth(targets), units, trunks=(trunk,))


def stacked(context, **settings):
    return run_step(make_step("ensemble", STACKED | settings), context).derivation


@pytest.fixture(scope="module")
def trunk(trunks):
    return trunks(open_task("text_classification"))


def test_a_stack_learns_from_rows_that_its_members_had_not_seen(trunk, monkeypatch):
    context, seen = context_of("text_classification", trunk), []
    lexical = plugins.load("baselines", "lexical_linear")
    plain = lexical.derive

    def spy(inner, params):
        done = plain(inner, params)
        seen.append((set(inner.units), len(inner.inputs)))
        return done

    monkeypatch.setattr(lexical, "derive", spy)
    stacked(context)
    whole, *parts = seen
    assert whole == (set(context.units), len(context.inputs)) and len(parts) == 3
    for units, rows in parts:  # whole units are left out
        assert rows == 2 * len(units) < len(context.inputs)
    left = [set(context.units) - units for units, _ in parts]
    assert set.union(*left) == set(context.units) and sum(map(len, left)) == len(set(context.units))


@pytest.mark.parametrize("name", TASKS)
def test_a_stack_is_written_read_back_and_joined_by_the_code_of_its_card(name, trunk, tmp_path, monkeypatch):
    context = context_of(name, trunk)
    done = stacked(context, members=[CHEAP[name], STACKED["members"][1]])
    form = plugins.load("formats", done.format)
    (tmp_path / "m").mkdir()
    form.save(done.predictor, tmp_path / "m", trunk.base)
    again = form.load(tmp_path / "m", lambda: trunk.base)
    outputs = done.predictor.outputs(context.inputs)
    np.testing.assert_allclose(again.outputs(context.inputs), outputs, atol=1e-5)
    assert context.quality(outputs, np.arange(len(outputs))) > context.quality(0 * outputs, np.arange(len(outputs)))
    identity = {"format": "joined", "parents": [], "space": {"names": []}, "task": name}
    code, names = re.findall(r"```python\n(.*?)```", snippet(identity), re.S)[0], {"print": lambda *_: None}
    monkeypatch.chdir(tmp_path / "m")
    exec(compile(code, "card", "exec"), names)
    parts = [member.outputs(context.inputs) for _, member in again.members]
    np.testing.assert_allclose(names["join"](parts), outputs, atol=1e-5)
    (tmp_path / "m" / "stacking.safetensors").unlink()  # then it is a vote
    np.testing.assert_allclose(names["join"](parts), join(parts, again.how), atol=1e-5)
    model = dict(done.predictor.model.named_parameters())
    size = sum(parameter.numel() for n, parameter in model.items() if n in done.trained)
    lexical = done.predictor.members[0][1]
    assert "stacking.weight" in done.trained
    assert done.trainable_parameters == size + lexical.weight.size + lexical.bias.size


def test_a_stack_that_is_refitted_chooses_nothing_and_is_the_same(trunk):
    context = context_of("text_classification", trunk)
    one = stacked(context)
    assert one.frozen.l2 is not None and one.frozen.join == "stacking"
    again = stacked(context, **one.frozen.model_dump())
    assert again.frozen == one.frozen
    assert np.array_equal(one.predictor.outputs(TOY.inputs), again.predictor.outputs(TOY.inputs))


def test_a_stack_costs_as_many_times_more_as_it_has_folds():
    ensemble, facts = plugins.load("methods", "ensemble"), Facts(100, 3, 4)
    members = ["partial_fine_tuning", "lora"]
    vote, stack = (build(ensemble.Params, {"members": members, "join": j}, "x") for j in ("vote", "stacking"))
    assert ensemble.effort(stack, facts) == 5 * ensemble.effort(vote, facts) > 0


def test_rows_of_one_unit_are_too_few_for_a_stack(trunk):
    context = context_of("text_classification", trunk)
    with pytest.raises(NotSupported, match="stacking learns from rows that a member has not seen"):
        stacked(replace(context, units=["one"] * len(context.inputs)))


def test_a_stack_whose_head_does_not_fit_is_refused(trunk, tmp_path):
    from safetensors.numpy import save_file

    context = context_of("text_classification", trunk)
    form = plugins.load("formats", "joined")
    form.save(stacked(context).predictor, tmp_path, trunk.base)
    save_file(
        {"weight": np.zeros((3, 5), np.float32), "bias": np.zeros(3, np.float32)}, tmp_path / "stacking.safetensors"
    )
    with pytest.raises(BaseError, match=r"'stacking.safetensors' in .* does not fit its members"):
        form.load(tmp_path, lambda: trunk.base)
