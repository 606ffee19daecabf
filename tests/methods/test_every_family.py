"""Every method on every family of text bases: derived, written, loaded back with the same answers, or refused in one line."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from test_every_method import TOY_NEEDS, step_of, toy_data

from hasei.derive import run
from hasei.derive.recipe import Recipe
from hasei.engine.activations.store import Store
from hasei.engine.ragged import finite
from hasei.engine.trunk import Trunk
from hasei.ground import plugins
from hasei.ground.errors import NotSupported
from hasei.inputs.base import Base
from hasei.tasks import open_task
from toy_families import REPLAYED, RUN

TASK = open_task("text_classification")
METHODS = [name for name in plugins.names("methods") if plugins.load("methods", name).SUPPORTS.admits(TASK)]
ONCE = {"epochs": 1, "min_steps": 0, "rows_per_step": 16}
SOME = 12


def few_rows():
    data = toy_data(TASK)
    return data.take(list(range(SOME)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # the libraries' own
@pytest.mark.parametrize("kind", (*REPLAYED, *RUN))
def test_every_method_derives_from_a_family_what_answers_alike_when_loaded(kind, toy_base, tmp_path, subtests):
    trunk, data = Trunk(Base.open(toy_base(kind)), Store(tmp_path / "store")), few_rows()
    plain = run.context_of(TASK, TASK.space(data.targets), data, (trunk,))
    refused = {}
    for method in METHODS:
        with subtests.test(method=method):
            needed = getattr(plugins.load("methods", method), "NEEDS", ())
            context = replace(plain, **{need: TOY_NEEDS[need](plain) for need in needed})
            step = step_of(method, TASK, **ONCE)
            recipe = Recipe((trunk.base.content_hash,), TASK.name, {"fingerprint": "toy"}, (step,))
            before = {name: p.detach().clone() for name, p in trunk.model.named_parameters()}
            try:
                ran = run.run_step(step, context)
            except NotSupported as error:
                refused[method] = str(error)
                continue
            # write() loads the folder back and raises where it does not answer as the model in memory did.
            model = run.write(ran, step, recipe, context, data, tmp_path / method, {})
            assert finite(model.outputs(data.inputs))
            assert all(torch.equal(before[name], p) for name, p in trunk.model.named_parameters())
    for said in refused.values():
        assert kind in said or "base" in said or "layer" in said, said
    assert "feature_extraction" not in refused and "full_fine_tuning" not in refused
