"""The contract of a method, checked on every method that there is and every task's toy rows."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydantic import ValidationError

import toys
from hasei.derive import run
from hasei.derive.recipe import Recipe, make_step
from hasei.engine import ragged
from hasei.engine.apart import ApartPredictor
from hasei.engine.derivation import Also
from hasei.engine.pooled import PooledModel, linear
from hasei.engine.prediction import PooledPredictor
from hasei.engine.readings import reading_of
from hasei.engine.retriever import RetrieverModel, RetrieverPredictor
from hasei.ground import lineage, plugins
from hasei.ground.errors import NotSupported, RecipeError
from hasei.ground.files import hash_folder
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Dataset, Mapping
from hasei.tasks import open_task
from libraries import outputs_by_library
from toys import toy_task

METHODS = plugins.names("methods")
TASKS = plugins.names("tasks")
TRAINED = [m for m in METHODS if plugins.load("methods", m).SUPPORTS.gradients]
SEARCHED = ("feature_extraction", "full_fine_tuning", "contrastive_tuning")
LAYERS = 2
"""Of the toy bases: one that can be trained, one below it that may stay as it is."""
QUICK = {"epochs": 2, "rows_per_step": 8, "min_steps": 0}
SMALL = {"top_layers": 1, "length": 4, "pairs": 2}
"""Of the settings that a method may have, the parts that make it slow."""
WRITTEN, WORDS = 8, 2
"""Rows and the words of each, where answers are written token by token, many times in a test."""
EAGER = {
    "learning_rate": 3e-3, "head_learning_rate": 3e-3, "dropout": 0.0, "epochs": 5, "smoothing": 0.0, "precision": "fp32",
}  # fmt: skip
GENTLE = {"learning_rate": 1e-4, "head_learning_rate": 1e-3, "labels": 1.0}
"""For what begins from a model that answers already: large steps lead away from it, and there is little to learn of it."""


@pytest.fixture(scope="module")
def toy_base(tmp_path_factory):
    """As everywhere, with fewer layers."""
    made = {}

    def make(kind):
        if kind not in made:
            with pytest.MonkeyPatch.context() as patched:
                patched.setitem(toys.SIZES, "layers", LAYERS)
                made[kind] = toys.make_base(kind, tmp_path_factory.mktemp("base") / kind)
        return made[kind]

    return make


@pytest.fixture
def trunk(request, trunks):
    """The toy base of the task of this test's ``pair``, else one that reads texts."""
    named = "pair" in request.fixturenames
    return trunks(request.getfixturevalue("pair")[1] if named else open_task("text_classification"))


def toy_data(task):
    toy = task.toy()
    written = task.target_kind == "text"
    most = WRITTEN if written else len(toy.inputs)
    inputs, targets = toy.inputs[:most], task.clean(toy.targets)[0][:most]
    if written:
        targets = [" ".join(text.split()[:WORDS]) for text in targets]
    units = [hashlib.sha256(repr(i).encode()).hexdigest() for i in inputs]
    return Dataset(
        inputs, targets, units, [f"{u}{t}" for u, t in zip(units, targets)], np.array(["train"] * len(units)),
        np.arange(len(units)), ["toy"] * len(units), mapping=Mapping({"text": "text"}), fingerprint="toy", licence="CC0-1.0",
    )  # fmt: skip


def searched_by_default(task):
    """A method that can be used for *task*, for a method that searches another's settings."""
    return next(m for m in SEARCHED if plugins.load("methods", m).SUPPORTS.admits(task))


def step_of(method, task=None, **params):
    settings = plugins.load("methods", method).Params.model_fields
    if "over" in settings:
        named = searched_by_default(task)
        own = plugins.load("methods", named).Params.model_fields
        params |= {"method": named, "trials": 2, "fixed": {k: v for k, v in QUICK.items() if k in own}}
        params["over"] = {"learning_rate": [1e-4, 1e-3]} if "learning_rate" in own else {"l2": [1e-3, 1e-2]}
    quick = QUICK | SMALL
    if (
        "then" in settings and task and searched_by_default(task) == "full_fine_tuning"
    ):  # nothing is solved: a quick one too
        quick["then"] = {"full_fine_tuning": QUICK}
    if "of" in settings and task and (named := searched_by_default(task)) != "feature_extraction":
        quick["of"] = {named: QUICK | {"dropout": 0.0}}
    if "members" in settings:  # quick ones too
        members = [next(iter(one.items())) for one in plugins.load("methods", method).Params().members]
        quick["members"] = tuple({name: step_of(name, **given).to_json()["params"]} for name, given in members)
    return make_step(method, {k: v for k, v in (quick | params).items() if k in settings})


def context_of(method, task, trunk, seed=0):
    data = toy_data(task)
    context = run.context_of(task, task.space(data.targets), data, (trunk,), seed=seed)
    needed = getattr(plugins.load("methods", method), "NEEDS", ())
    return replace(context, **{need: TOY_NEEDS[need](context) for need in needed}), data


def lengths_of(context):
    """Another target of the same rows: whether a row is a long one."""
    task = open_task("text_classification")
    sizes = [len(str(item)) for item in context.inputs]
    targets = ["long" if size > np.median(sizes) else "short" for size in sizes]
    space = task.space(targets)
    return (Also("length", task, space, np.arange(len(targets)), task.encode(space, targets)),)


TOY_NEEDS = {
    "unlabeled": lambda context: context.inputs[::-1],
    "stages": lambda context: tuple("first" if i % 2 else "second" for i in range(len(context.inputs))),
    "also": lengths_of,
}
"""What a method may say in its ``NEEDS`` that it is given beside the rows, made of the toy rows."""


@pytest.fixture(params=[(m, t) for m in METHODS for t in TASKS], ids=lambda p: f"{p[0]}-{p[1]}")
def pair(request):
    method, task = request.param
    supports, opened = plugins.load("methods", method).SUPPORTS, toy_task(task)
    if not supports.admits(opened):
        pytest.skip("not supported, and says so (tested below)")
    return method, opened


@pytest.mark.parametrize("method", METHODS)
def test_its_docstring_names_source_what_is_trained_and_an_example(method):
    doc = plugins.docstring("methods", method)
    for part in ("Source:", "Trains:", "Shapes:", "Relations:", ">>> "):
        assert part in doc, part
    assert len(plugins.summary("methods", method)) > 20


@pytest.mark.parametrize("method", METHODS)
def test_its_settings_are_frozen_strict_and_survive_yaml(method, tmp_path):
    from ruamel.yaml import YAML

    from hasei.ground.files import read_yaml

    params = plugins.load("methods", method).Params
    with (tmp_path / "p.yaml").open("w") as file:
        YAML().dump({"recipe": params().model_dump(mode="json")}, file)
    again = params.model_validate(read_yaml(tmp_path / "p.yaml")["recipe"])
    assert again == params()
    assert hash(again) == hash(params())  # a study finds its trials by them
    with pytest.raises(RecipeError, match="no setting 'nonsense'"):
        make_step(method, {"nonsense": 1})
    with pytest.raises(ValidationError):
        setattr(params(), next(iter(params.model_fields)), 1)


@pytest.mark.parametrize("method", METHODS)
def test_an_unsupported_task_gives_the_stated_error(method, trunk):
    class Speech:
        name, input_kind, target_kind = "speech", "sound", "words"

    with pytest.raises(NotSupported, match=f"'{method}' can't be used for the task speech"):
        plugins.load("methods", method).SUPPORTS.refuse(method, Speech())


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # the standard libraries' own
def test_it_keeps_the_contract(pair, trunk, tmp_path, subtests):
    method, task = pair
    step = step_of(method, task)
    context, data = context_of(method, task, trunk, seed=3)
    recipe = Recipe((trunk.base.content_hash,), task.name, {"fingerprint": "toy"}, (step,))
    ran = run.run_step(step, context)
    derivation = ran.derivation
    model = run.write(ran, step, recipe, context, data, tmp_path / "one", {"train_seconds": ran.seconds})
    said = model.outputs(context.inputs)
    with subtests.test("what is saved and loaded back answers the same"):
        assert ragged.difference(derivation.predictor.outputs(context.inputs), said) <= 1e-5
    with subtests.test("the same seed gives the same bytes"):
        again = run.run_step(step, context)
        run.write(again, step, recipe, context, data, tmp_path / "two", {"train_seconds": again.seconds})
        skip = ("README.md", lineage.FILE)
        assert hash_folder(tmp_path / "one", skip) == hash_folder(tmp_path / "two", skip)
        identities = [lineage.read(tmp_path / n)["identity_hash"] for n in ("one", "two")]
        assert identities[0] == identities[1]
    with subtests.test("only the declared parameters differ from the base"):
        only_declared_parameters_differ(derivation, as_it_holds(step, trunk, task))
    with subtests.test("lineage is complete and names no path of this machine"):
        lineage_is_complete(model, method, trunk, tmp_path)
    with subtests.test("its standard library reproduces its outputs without hasei"):
        reproduced(model, trunk, task, context.inputs, said)
    with subtests.test("a chain can go on from what it leaves, unless it says that that is no base"):
        if not getattr(plugins.load("methods", method), "LEAVES", ""):
            opened = reading_of(task).open(Base.open(model.folder))
            assert opened.layers > 0
    with subtests.test("it learns its toy rows"):
        it_learns(method, context)


def as_it_holds(step, trunk, task):
    """The base opened again where *step* has it held in memory otherwise than *trunk*."""
    base = run.as_held(trunk.base, step)
    return trunk if base.quantisation == trunk.base.quantisation else reading_of(task).open(base, trunk.store)


def only_declared_parameters_differ(derivation, trunk):
    model = derivation.predictor.model
    base = {f"trunk.{n}": p for n, p in trunk.model.named_parameters()}
    for name, parameter in model.named_parameters():
        plain = re.sub(r"^trunk\.(base_model\.model|peft\.base_model)\.", "trunk.", name).replace(".base_layer", "")
        plain = re.sub(r"^(member-\d+|student|teacher)\.", "", plain)
        if plain in base and name not in derivation.trained:
            assert torch.equal(parameter, base[plain]), f"{name} changed although it is not declared"
    assert derivation.trainable_parameters == sum(
        p.numel() for n, p in model.named_parameters() if n in derivation.trained
    )


def lineage_is_complete(model, method, trunk, tmp_path):
    identity = model.identity
    assert identity["parents"][0]["content_hash"] == trunk.base.content_hash
    assert identity["steps"][-1]["name"] == method
    assert identity["recipe_id"] and identity["trial_id"] and identity["licence"] and identity["files"]
    assert model.record["train_seconds"] > 0
    for path in model.folder.rglob("*.json"):
        text = path.read_text("utf-8")
        assert str(trunk.base.folder) not in text and str(tmp_path) not in text, path.name
    assert lineage.differences(model.folder) == []


def reproduced(model, trunk, task, inputs, said):
    """The library's outputs are those that the model *said*."""
    found = outputs_by_library(model.identity["format"], model.folder, trunk, task, inputs)
    if getattr(task, "reading", "whole") == "causal":
        assert found == [item[0] for item in said]
        return
    expected = (
        model.predictor.logits(inputs)
        if hasattr(model.predictor, "logits") and task.name == "question_answering"
        else said
    )
    # Scores of a solved toy head reach a hundred, where two neighbours in float32 already lie 8e-6 apart.
    scores = (abs(float(x)) for row in said for _, x in row) if task.name == "multiple_choice" else ()
    assert ragged.difference(found, expected) <= 1e-5 * max(1.0, max(scores, default=1.0))


def it_learns(method, context):
    """A training's loss falls; what is solved beats a constant."""
    searches = {"over", "of"} & set(plugins.load("methods", method).Params.model_fields)
    if searches and searched_by_default(context.task) in TRAINED:
        return  # a few steps of what learns elsewhere
    if method in TRAINED:
        finished = "of" in plugins.load("methods", method).Params.model_fields
        eager = EAGER | GENTLE if finished else EAGER
        curve = run.run_step(step_of(method, context.task, **eager), context).derivation.curve
        assert curve[-1]["loss"] < curve[0]["loss"]
        return
    quality = []
    for step in (step_of(method, context.task, l2=1e-3), make_step("majority")):
        ran = run.run_step(step, context).derivation
        quality.append(context.quality(ran.predictor.outputs(context.inputs), np.arange(len(context.inputs))))
        if not ran.trainable_parameters and step.name == method:  # only asked: a base of random numbers knows nothing
            assert np.isfinite(quality[0])
            return
    assert quality[0] > quality[1]


STARTS_AS_BASE = [m for m in TRAINED if plugins.load("methods", m).SUPPORTS.starts_as_base]


@pytest.mark.parametrize("method", STARTS_AS_BASE)
def test_at_zero_strength_it_is_its_base_with_the_solved_head_bit_for_bit(method, trunks):
    supports = plugins.load("methods", method).SUPPORTS
    task = next(task for task in map(toy_task, ["text_classification", *TASKS]) if supports.admits(task))
    trunk = trunks(task)
    context, _ = context_of(method, task, trunk)
    still = {"learning_rate": 1e-30, "head_learning_rate": 1e-30, "weight_decay": 0.0, "then": "nothing"}
    ran = run.run_step(step_of(method, **still), context).derivation.predictor
    if isinstance(ran, RetrieverPredictor):  # has no head, and is compared with the base on its own entries
        plain = ran.of(RetrieverModel(trunk.fresh(), trunk.base.pooling))
        assert ragged.difference(ran.outputs(context.inputs), plain.outputs(context.inputs)) == 0
        return
    head = ran.model.head
    kind, model = (type(ran), type(ran.model)) if isinstance(ran, ApartPredictor) else (PooledPredictor, PooledModel)
    plain = model(trunk.fresh(), trunk.base.pooling, linear(head.weight.detach(), head.bias.detach()))
    expected = kind(plain, trunk.tokenizer, trunk.base.max_tokens).outputs(context.inputs)
    assert np.array_equal(ran.outputs(context.inputs), expected[:, : ran.width])  # heads may stand below the main one
