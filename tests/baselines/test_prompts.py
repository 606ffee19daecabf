"""Labels asked for by prompts alone: by features, by entailment, by the likelihood of a label; with and without examples."""

from __future__ import annotations

import pytest

from hasei.engine import ragged
from hasei.engine.activations.store import Store
from hasei.engine.derivation import Context
from hasei.engine.readings import reading_of
from hasei.ground import plugins
from hasei.ground.files import hash_folder
from hasei.inputs.base import Base
from hasei.tasks import open_task
from toys import make_judge, make_writer

LABELS, MANY, CHOICE = "text_classification", "multi_label_classification", "multiple_choice"
MADE = {"bert": None, "judge": make_judge, "writer": lambda folder: make_writer("llama", folder)}


@pytest.fixture(scope="module")
def context_of(toy_base, tmp_path_factory):
    """Return a function that gives the context of a task's toy rows over a base of a kind."""
    opened = {}

    def make(kind, name=LABELS, **more):
        task = open_task(name)
        key = kind, getattr(task, "reading", "whole")
        if key not in opened:
            folder = tmp_path_factory.mktemp("prompts")
            base = toy_base("bert") if kind == "bert" else MADE[kind](folder / kind)
            opened[key] = reading_of(task).open(Base.open(base), Store(folder / "store"))
        toy, every = task.toy(), more.pop("every", 3)
        targets = task.clean(more.pop("targets", toy.targets[::every]))[0]
        inputs, space = more.pop("inputs", toy.inputs[::every]), task.space(targets)
        return Context(
            task, space, inputs, task.encode(space, targets), task.truth(targets), [str(i) for i in inputs],
            trunks=(opened[key],), **more,
        )  # fmt: skip

    return make


def derive(name, context, **params):
    kind = "baselines" if name in plugins.names("baselines") else "methods"
    plugin = plugins.load(kind, name)
    return plugin.derive(context, plugin.Params(**params))


ASKED = [
    ("bert", LABELS, "zero_shot", {}), ("bert", MANY, "zero_shot", {}), ("judge", LABELS, "zero_shot", {}),
    ("judge", MANY, "zero_shot", {}), ("writer", LABELS, "zero_shot", {}), ("writer", MANY, "zero_shot", {}),
    ("writer", CHOICE, "zero_shot", {}), ("writer", LABELS, "few_shot", {}),
    ("writer", LABELS, "few_shot", {"chosen": "nearest"}),
    ("writer", LABELS, "few_shot", {"chosen": "clusters"}), ("writer", CHOICE, "few_shot", {}),
    ("writer", "text_generation", "few_shot", {"chosen": "clusters", "max_new_tokens": 8}),
    ("writer", "text_generation", "zero_shot", {"templates": ("Say it shortly: {}",), "max_new_tokens": 8}),
]  # fmt: skip


@pytest.mark.parametrize(("base", "task", "name", "params"), ASKED, ids=lambda v: v if isinstance(v, str) else "")
def test_what_is_asked_is_saved_loaded_back_and_derived_again_the_same(base, task, name, params, context_of, tmp_path):
    context = context_of(base, task)
    folders = []
    for place in ("one", "two"):
        made = derive(name, context, **params)
        form = plugins.load("formats", made.format)
        (tmp_path / place).mkdir()
        form.save(made.predictor, tmp_path / place, context.trunk.base)
        folders.append(hash_folder(tmp_path / place))
    assert folders[0] == folders[1]
    assert made.trainable_parameters == 0 and made.predictor.width == context.space.width
    before = made.predictor.outputs(context.inputs)
    back = form.load(tmp_path / "one", lambda: context.trunk.base)
    assert back.width == context.space.width
    assert ragged.difference(before, back.outputs(context.inputs)) <= 1e-5
    again = plugins.load("baselines", name).derive(context, made.frozen)
    assert again.frozen == made.frozen and ragged.difference(again.predictor.outputs(context.inputs), before) <= 1e-6
    assert str(context.trunk.base.folder) not in "".join(p.read_text("utf-8") for p in tmp_path.rglob("*.json"))
