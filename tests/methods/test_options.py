"""The options that gradient methods share, as a recipe has them: written, kept, refused, and used by every method."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from hasei.derive import run
from hasei.derive.recipe import Recipe, make_step, read_steps
from hasei.engine.activations.store import Store
from hasei.engine.readings import reading_of
from hasei.engine.training import Job, Plan, _Loop
from hasei.engine.trunk import Trunk
from hasei.ground import plugins
from hasei.ground.errors import NotSupported, RecipeError, Stopped
from hasei.ground.events import Watch
from hasei.inputs.base import Base
from hasei.inputs.data.dataset import Dataset, Mapping
from hasei.methods._tuning import augmented, own_loss, passes
from toys import toy_task

QUICK = {"epochs": 2, "rows_per_step": 8, "min_steps": 0, "top_layers": 2, "precision": "fp32"}
TRAINED = [m for m in plugins.names("methods") if plugins.load("methods", m).SUPPORTS.gradients]
ALL = {
    "loss": {"name": "focal", "gamma": 1.5}, "regularise": {"l1": 1e-4, "r_drop": 0.5},
    "augment": {"changes": ["synonym", "swap"], "views": 2, "synonyms": {"parcel": ["box"]}},
    "order": {"by": "loss", "start": 0.5}, "average": {"ema": 0.9},
}  # fmt: skip
BY_TASK = {
    "text_classification": ALL, "multi_label_classification": ALL,
    "similarity": {k: v for k, v in ALL.items() if k != "loss"},
    "token_classification": {k: v for k, v in ALL.items() if k != "augment"} | {"loss": "class_balanced"},
    "question_answering": {"regularise": ALL["regularise"], "order": "length", "average": 0.5},
    "multiple_choice": {"regularise": {"r_drop": 1.0, "l2_to_base": 0.1}, "order": "loss"},
    "image_classification": {"augment": ["mixup", "cutmix", "zoom"], "loss": "focal", "order": "loss"},
    "object_detection": {"average": {"ema": 0.9}, "regularise": {"l2_to_base": 0.1}, "order": "loss"},
    "text_generation": {"average": {"ema": 0.9}, "regularise": {"l1": 1e-4, "l2_to_base": 0.1}, "order": "loss"},
    "retrieval": {"augment": ["swap"], "order": "length", "average": {"ema": 0.9}, "regularise": {"l2_to_base": 0.1}},
}  # fmt: skip
METHOD = {"retrieval": "contrastive_tuning", "similarity": "cosine_tuning", "object_detection": "full_fine_tuning"}


@pytest.fixture(scope="module")
def setting(trunks):
    """Return a function: the context and the rows of a task's toy."""

    def make(name):
        task = toy_task(name)
        toy = task.toy()
        targets, _ = task.clean(toy.targets)
        units = [str(i) for i in range(len(targets))]
        data = Dataset(toy.inputs, targets, units, [f"{u}{t}" for u, t in zip(units, targets)],
                       np.array(["train"] * len(units)), np.arange(len(units)), ["toy"] * len(units),
                       mapping=Mapping({"text": "text"}), fingerprint="toy", licence="CC0-1.0")  # fmt: skip
        return run.context_of(task, task.space(targets), data, (trunks(task),)), data

    return make


def step_of(method, **params):
    known = plugins.load("methods", method).Params.model_fields
    return make_step(method, {k: v for k, v in (QUICK | params).items() if k in known})


def derived(context, method, **params):
    return run.run_step(step_of(method, **params), context).derivation


def state(derivation):
    return derivation.predictor.model.state_dict()


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("method", TRAINED)
def test_options_survive_yaml_and_can_be_hashed(method, tmp_path):
    from ruamel.yaml import YAML

    from hasei.ground.files import read_yaml

    step = step_of(method, **ALL)
    with (tmp_path / "p.yaml").open("w", encoding="utf-8") as file:
        YAML().dump({"recipe": {method: json.loads(step.params.model_dump_json())}}, file)
    (again,) = read_steps(read_yaml(tmp_path / "p.yaml")["recipe"])
    assert again == step and hash(again.params) == hash(step.params)


def test_a_label_shows_the_options_that_differ_and_of_them_only_what_does():
    step = make_step(
        "partial_fine_tuning", {"loss": "focal", "regularise": {"r_drop": 1.0}, "augment": ["swap", "deletion"]}
    )
    assert step.label == (
        "partial_fine_tuning (regularise (r_drop 1), loss (name focal), augment (changes swap + deletion))"
    )
    assert make_step("lora").label == "lora"
    many = {f"word{i}": ["x"] for i in range(1000)}
    label = make_step("lora", {"augment": {"changes": ["synonym"], "synonyms": many}}).label
    assert "992 more" in label and len(label) < 300


@pytest.mark.parametrize("params, said", [
    ({"regularize": {"l1": 1}}, "no setting 'regularize'. Did you mean 'regularise'"),
    ({"regularise": {"rdrop": 1}}, "no setting 'regularise.rdrop'. Did you mean 'r_drop'"),
    ({"average": {"ewa": 0.5}}, "no setting 'average.ewa'. Did you mean"),
    ({"order": "easy"}, "'order.by' is wrong"), ({"augment": ["shuffle"]}, "'augment.changes.0"), ({"loss": "vocal"}, "'focal'"),
    ({"regularise": {"l1": True}}, "'regularise.l1' is wrong; expected a number"), ({"loss": 3}, "'loss' is wrong"),
])  # fmt: skip
def test_an_unknown_option_is_one_line_with_a_hint(params, said):
    with pytest.raises(RecipeError, match=said.replace(".", r"\.")) as error:
        make_step("partial_fine_tuning", params)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("task", BY_TASK)
def test_the_options_of_a_task_work_together_and_give_the_same_bytes_again(setting, task):
    context, _ = setting(task)
    method = METHOD.get(task, "partial_fine_tuning")
    one, two, plain = (derived(context, method, **options) for options in (BY_TASK[task], BY_TASK[task], {}))
    assert same(state(one), state(two)) and not same(state(one), state(plain))
    again = derived(context, method, **json.loads(one.frozen.model_dump_json()))
    assert same(state(one), state(again)), "the frozen settings give something else"


@pytest.mark.parametrize("task", ["text_classification", "image_classification"])
def test_a_derivation_with_options_that_is_stopped_and_resumed_gives_the_same_bytes(setting, task, tmp_path):
    context, _ = setting(task)
    whole = derived(context, "partial_fine_tuning", **BY_TASK[task])
    for _ in range(2):
        calls = []
        watch = Watch(cancelled=lambda: calls.append(1) or len(calls) > 2)  # noqa: B023
        stopped = replace(context, scratch=tmp_path, watch=watch)
        with pytest.raises(Stopped):
            derived(stopped, "partial_fine_tuning", **BY_TASK[task])
    assert list(tmp_path.iterdir())
    resumed = derived(replace(context, scratch=tmp_path), "partial_fine_tuning", **BY_TASK[task])
    assert same(state(whole), state(resumed)) and whole.curve == resumed.curve


@pytest.mark.parametrize("options", [
    {"loss": "focal"}, {"loss": "class_balanced"}, {"loss": "own_options:squares"}, {"augment": ["swap"]},
    {"augment": ["mixup"]}, {"augment": ["cutmix"]},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("parts", [2, 8])
def test_gradients_of_a_step_do_not_depend_on_how_it_is_packed(setting, options, parts):
    picture = {"mixup", "cutmix"} & set(options.get("augment", ()))
    context, _ = setting("image_classification" if picture else "text_classification")
    params = step_of("full_fine_tuning", **options).params
    whole, parted = (gradients(context, params, n) for n in (1, parts))
    assert max(float(g.abs().max()) for g in whole.values()) > 1e-3
    assert max(float((whole[n] - parted[n]).abs().max()) for n in whole) <= 1e-6


def gradients(context, params, parts):
    from hasei.engine.rewriting import with_views

    rows, reading = with_views(context, "full_fine_tuning", params.augment), reading_of(context.task)
    model = reading.begin(context, context.trunk.fresh(), 0.1)
    for parameter in model.double().parameters():
        parameter.requires_grad_(True)
    found, count = {}, min(16, len(rows.inputs))
    chosen = np.arange(len(rows.inputs))[-count:]
    with reading.source(rows, context.trunk.stack, -1) as plain:
        source = augmented(plain, "full_fine_tuning", params.augment)
        pad = getattr(getattr(source, "pixels", None), "pad", None)
        if pad is not None:
            source.pixels.pad = lambda rows: {k: v.double() for k, v in pad(rows).items()}
        try:
            loss = own_loss(context, "full_fine_tuning", params)
            loop = _Loop(Job(model, source, reading.targets(rows), loss, Plan(clip=1e9)), chosen, Watch())
            loop.optimizer.register_step_pre_hook(
                lambda *_: found.update({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})
            )
            loop._optimise(np.array_split(chosen, parts))
        finally:
            if pad is not None:
                del source.pixels.pad
    return found


def test_views_have_kept_states_of_their_own_and_the_base_is_run_no_more(toy_base, tmp_path, setting, monkeypatch):
    context, _ = setting("text_classification")
    trunk = Trunk(Base.open(toy_base("bert")), Store(tmp_path / "store"))
    trunk.prepare(context.inputs)
    seen = []
    from hasei.engine import trunk as module

    states = module.Trunk.states

    def noted(self, inputs, *args):
        seen.append((len(inputs), states(self, inputs, *args)))
        return seen[-1][1]

    monkeypatch.setattr(module.Trunk, "states", noted)
    derived(replace(context, trunks=(trunk,)), "partial_fine_tuning", augment={"changes": ["swap"], "views": 2})
    (count, kept), *more = seen
    assert count == 3 * len(context.inputs) and kept is not None and not more
    assert len(trunk.corpus.row_of) == len(context.inputs)


def test_views_of_held_rows_are_neither_trained_on_nor_held(setting, monkeypatch):
    from hasei.methods import _tuning

    jobs, train = [], _tuning.train
    monkeypatch.setattr(_tuning, "train", lambda job, *args: jobs.append(job) or train(job, *args))
    context, _ = setting("text_classification")
    derived(context, "partial_fine_tuning", patience=1, augment={"changes": ["swap"], "views": 2})
    (job,), count = jobs, len(context.inputs)
    assert job.held.max() < count and len(job.held)
    assert not set(job.fit % count) & set(job.held) and len(job.fit) == 3 * (count - len(job.held))


def test_a_loss_of_one_s_own_is_in_the_lineage_by_name_and_hash_of_its_source(setting, tmp_path):
    context, data = setting("text_classification")
    step = step_of("partial_fine_tuning", loss="own_options:squares", augment={
        "changes": ["back_translation"], "translator": "own_options:shout"})  # fmt: skip
    recipe = Recipe((context.trunk.base.content_hash,), context.task.name, {"fingerprint": "toy"}, (step,))
    model = run.run(recipe, context, data, tmp_path / "m")
    params = model.identity["steps"][-1]["params"]
    assert params["loss"]["name"] == "own_options:squares" and len(params["loss"]["source"]) == 64
    assert params["augment"]["translator"] == "own_options:shout" and len(params["augment"]["source"]) == 64


@pytest.mark.parametrize("task, method, options, said", [
    ("text_regression", "partial_fine_tuning", {"loss": "focal"}, "has no classes"),
    ("retrieval", "contrastive_tuning", {"loss": "focal"}, "has a loss of its own"),
    ("text_classification", "contrastive_tuning", {"loss": "focal"}, "has a loss of its own; received focal"),
    ("text_classification", "contrastive_tuning", {"regularise": {"r_drop": 1}}, "has a loss of its own; received r_drop"),
    ("text_classification", "contrastive_tuning", {"augment": ["flip"]}, "can change only pictures by flip"),
    ("text_generation", "lora", {"regularise": {"r_drop": 1}}, "can't compare two passes"),
    ("text_classification", "lora", {"regularise": {"r_drop": 1}, "dropout": 0}, "expected dropout above 0 with r_drop"),
    ("text_classification", "lora", {"regularise": {"l2_to_base": 1}}, "leaves the base as it is"),
    ("text_classification", "lora", {"augment": ["mixup"]}, "can change only pictures by mixup"),
    ("similarity", "cosine_tuning", {"augment": ["mixup"]}, "can change only pictures by mixup"),
    ("retrieval", "contrastive_tuning", {"augment": ["mixup"]}, "can change only pictures by mixup"),
    ("token_classification", "lora", {"augment": ["swap"]}, "can't change the texts of the task token_classification"),
    ("image_classification", "lora", {"augment": ["swap"]}, "can change only texts so"),
    ("object_detection", "full_fine_tuning", {"augment": ["mixup"]}, "boxes do not follow"),
    ("image_classification", "lora", {"order": "length"}, "all are equally long"),
    ("text_regression", "lora", {"order": "confidence"}, "knows no confidence"),
    ("text_classification", "lora", {"loss": "own_options:not_finite"}, "can't be trained with"),
    ("text_classification", "lora", {"loss": "no_such_package:f"}, "can't be imported"),
])  # fmt: skip
def test_an_option_that_can_t_be_is_refused_in_one_line(setting, task, method, options, said):
    context, _ = setting(task)
    with pytest.raises((NotSupported, RecipeError), match=said) as error:
        derived(context, method, **options)
    assert "\n" not in str(error.value) and error.value.exit_code == 2


@pytest.mark.parametrize("changes", [["swap"], ["flip"]])
def test_a_method_that_makes_no_views_refuses_changes_and_does_not_pass_over_them(setting, changes):
    from hasei.methods import _tuning

    context, _ = setting("text_classification")
    params, part = step_of("partial_fine_tuning", augment=changes).params, _tuning.top_layers(context.trunk, 2)
    reading = reading_of(context.task)
    model = reading.begin(context, part.trunk, 0.1)
    with (
        reading.source(context, part.stack, -1) as source,
        pytest.raises(NotSupported, match="'mine' can't change rows"),
    ):
        _tuning.train_part(context, "mine", model, part, params, source, context.targets)


def test_pairs_of_one_class_may_be_of_views_and_the_head_is_solved_on_the_rows(setting):
    context, _ = setting("text_classification")
    options = {"augment": ["swap"], "average": {"ema": 0.9}, "order": "length", "patience": 1}
    one, two, plain = (derived(context, "contrastive_tuning", **o) for o in (options, options, {"patience": 1}))
    assert same(state(one), state(two)) and not same(state(one), state(plain))


def test_a_study_plans_for_views_and_second_passes():
    from hasei.engine.derivation import Facts

    facts = Facts(10_000, 32, 4)
    plain, views, twice = (passes(step_of("lora", **o).params, facts, 0.5) for o in (
        {}, {"augment": {"changes": ["swap"], "views": 2}}, {"regularise": {"r_drop": 1}}))  # fmt: skip
    assert views == pytest.approx(3 * plain) and 1.8 * plain < twice < 2 * plain
