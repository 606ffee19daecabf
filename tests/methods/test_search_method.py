"""A search over another method's settings, inside the train rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hasei.derive import run
from hasei.derive.recipe import make_step
from hasei.engine.derivation import Facts
from hasei.engine.splits import part
from hasei.ground import plugins
from hasei.ground.errors import NotSupported, RecipeError
from hasei.ground.events import Watch
from hasei.methods import search
from hasei.tasks import open_task
from methods.test_every_method import context_of


@pytest.fixture
def context(trunks):
    task = open_task("text_classification")
    return context_of("search", task, trunks(task))[0]


def searched(context, **params):
    return run.run_step(make_step("search", params), context).derivation


@pytest.mark.parametrize("how", ["grid", "random", "bayesian"])
def test_what_is_found_is_one_of_the_places_searched_and_is_said(context, how):
    done = searched(context, over={"l2": [1e-3, 1e-1], "layer": [1, 2]}, how=how, trials=6)
    assert done.frozen.found["l2"] in (1e-3, 1e-1) and done.frozen.found["layer"] in (1, 2)


def test_a_grid_tries_every_combination_once(context, monkeypatch):
    tried = []
    plugin = plugins.load("methods", "feature_extraction")
    own = plugin.derive
    monkeypatch.setattr(plugin, "derive", lambda c, p: (tried.append((p.l2, p.layer, len(c.inputs))), own(c, p))[1])
    searched(context, over={"l2": [1e-3, 1e-1], "layer": [1, 2, 3]}, how="grid", trials=100, prune=False)
    assert len(set(tried[:-1])) == len(tried) - 1 == 6
    assert tried[-1][2] == len(context.inputs)  # the best, from all rows
    assert all(rows < len(context.inputs) for _, _, rows in tried[:-1])


def test_a_refit_searches_nothing(context, monkeypatch):
    frozen = searched(context, trials=3).frozen
    monkeypatch.setattr(search, "_search", lambda *_: pytest.fail("searched again"))
    again = searched(context, **frozen.model_dump(mode="json"))
    assert again.frozen == frozen


def test_a_bad_setting_loses_to_a_good_one(context):
    rows = np.tile(np.arange(len(context.inputs)), 4)  # what is held is then known: it only has to be learnt
    several = replace(part(context, rows), units=[f"{i:04x}" for i in range(len(rows))])
    done = searched(several, how="grid", over={"l2": [1e3, 1e-3], "pooling": ["mean"]})
    assert done.frozen.found["l2"] == 1e-3


def test_a_search_ends_in_time_with_what_it_has(context, monkeypatch):
    import time

    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now.__setitem__(0, now[0] + 1.0) or now[0])
    done = searched(replace(context, watch=Watch(deadline=40.0)), trials=1000, how="random")
    assert done.frozen.found is not None


@pytest.mark.parametrize(("params", "says"), [
    ({"method": "search"}, "'search' can't be searched"),
    ({"method": "nonsense"}, "'nonsense' can't be searched"),
    ({"over": {"lr": [1, 2]}}, "no setting 'lr'"),
    ({"over": {"l2": {"low": 1, "high": 1}}}, "no room"),
    ({"over": {"l2": {"low": 0, "high": 1, "log": True}}}, "logarithm"),
    ({"over": {"l2": []}}, "no value to try"),
    ({"over": {"l2": [-1.0, 0.1]}}, "'l2' is wrong"),
])  # fmt: skip
def test_what_can_not_be_searched_is_refused_before_anything_runs(context, params, says):
    with pytest.raises(RecipeError, match=says):
        search.check(make_step("search", params).params, 4)


def test_a_layer_that_does_not_exist_is_refused(context):
    with pytest.raises(NotSupported, match="no layer 9"):
        search.check(make_step("search", {"over": {"layer": [1, 9]}}).params, 4)


@given(
    st.floats(1e-6, 1e3), st.floats(1.01, 1e3), st.booleans(), st.booleans(), st.one_of(st.none(), st.floats(0.05, 1.0))
)
def test_a_grid_lies_within_its_bounds_and_rises(low, factor, log, whole, step):
    step = None if step is None else step * (low * factor - low)
    values = search.Between(low=low, high=low * factor, log=log, step=step)
    found = search._grid(values, whole)
    assert found == sorted(set(found))
    assert all(low - 0.5 <= x <= low * factor + 0.5 for x in found)


def test_its_cost_grows_with_its_trials():
    facts = Facts(rows=1000, width=3, layers=4)
    few, many = (make_step("search", {"method": "lora", "over": {"rank": [1, 2]}, "trials": n}).params for n in (2, 20))
    assert search.effort(many, facts) > 5 * search.effort(few, facts) > 0
