"""How rows serve: holdout, k-fold and nested give their verdicts by the same rule, and seeds show what chance does."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

import hasei
from hasei.ground.errors import RecipeError
from hasei.ground.events import Watch
from hasei.ground.statistics import Interval
from hasei.judge.study import conduct, make_config, plan
from hasei.judge.study.clock import Clock
from hasei.judge.study.crossfit import drop_the_slow

SOLVED = {"feature_extraction": {"layer": 4, "pooling": "mean"}}
"""What is left to be chosen inside each fold: the strength."""


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    from test_study import write_rows

    return write_rows(tmp_path_factory.mktemp("rows") / "rows.csv", 300)


def configured(rows, base, **asked):
    settings = {
        "data": {"path": str(rows)},
        "base": str(base),
        "recipes": (SOLVED,),
        "budget": "3m",
        **asked,
    }
    return make_config(settings)


def run(rows, base, out, **asked):
    return conduct(configured(rows, base, **asked), out, Watch())


def test_in_k_fold_every_train_and_select_row_is_scored_and_confirm_rows_are_opened_once(
    rows, toy_base, tmp_path, monkeypatch
):
    monkeypatch.setenv("HASEI_STATE", str(tmp_path / "state"))
    found = run(rows, toy_base("bert"), tmp_path / "run", scheme="kfold", folds=3).report
    roles = found["data"]["roles"]
    assert found["scheme"] == "3-fold cross-validation"
    assert found["openings"] == 1
    import pyarrow.parquet as pq

    kept = pq.read_table(tmp_path / "run" / "predictions.parquet").to_pylist()
    name = found["chosen"]["name"]
    scored = {r["row_hash"] for r in kept if r["candidate"] == name and r["role"] == "select"}
    opened = {r["row_hash"] for r in kept if r["candidate"] == name and r["role"] == "confirm"}
    assert len(scored) == roles["train"]["rows"] + roles["select"]["rows"]
    assert len(opened) == roles["confirm"]["rows"]
    assert not scored & opened


def test_holdout_can_be_asked_for_where_auto_would_cross_fit(rows, toy_base, tmp_path):
    asked, auto = (
        plan(configured(rows, toy_base("bert"), **how), Watch(), tmp_path / "work")
        for how in ({"scheme": "holdout"}, {})
    )
    assert asked["scheme"] == "holdout"
    assert auto["scheme"].startswith("nested")


def test_nested_with_a_test_file_is_refused_in_one_line(rows, toy_base, tmp_path):
    with pytest.raises(RecipeError, match="test file has no part"):
        run(rows, toy_base("bert"), tmp_path / "run", scheme="nested", data={"path": str(rows), "test": str(rows)})


def test_finalists_are_tried_under_several_seeds_and_chosen_by_their_mean(rows, toy_base, tmp_path):
    found = run(rows, toy_base("bert"), tmp_path / "run", scheme="holdout", seeds=3)
    assert found.report["scheme"] == "holdout"
    several = [c for c in found.report["candidates"] if c["seeds"]]
    assert several
    for candidate in several:
        assert len(candidate["seeds"]["scores"]) == 3
        assert candidate["seeds"]["mean"] == pytest.approx(sum(candidate["seeds"]["scores"]) / 3)
        assert candidate["seeds"]["sd"] >= 0
    assert json.dumps(found.report["seeds"]) == json.dumps([c["seeds"] for c in several])


def test_python_and_yaml_take_the_same_words(rows):
    assert make_config({"data": {"path": str(rows)}, "scheme": "kfold", "folds": 4, "seeds": 2}).folds == 4
    with pytest.raises(RecipeError, match="scheme"):
        make_config({"data": {"path": str(rows)}, "scheme": "jackknife"})
    assert hasei.study.__doc__


class Slow:
    """A candidate of which only its time is known."""

    def __init__(self, name, seconds, role="derived"):
        self.name, self.role, self.status, self.why = name, role, "done", ""
        self.trial = SimpleNamespace(train_seconds=seconds, predict_ms_per_row=0.0)


@pytest.mark.parametrize(
    ("budget", "left"),
    [
        (1000, {"majority", "head", "lora", "full"}),
        (400, {"majority", "head", "lora"}),
        (60, {"majority", "head"}),
        (1, {"majority", "head"}),
    ],
)
def test_where_trainings_are_slower_than_foreseen_the_slowest_are_left_out_and_the_study_goes_on(budget, left):
    tried = [Slow("majority", 0, "cheap truth"), Slow("head", 1), Slow("full", 50), Slow("lora", 20)]
    lab = SimpleNamespace(note=lambda *_, **__: None)
    seconds = drop_the_slow(lab, Clock(budget), tried, 71, held=100)
    assert {c.name for c in tried if c.status == "done"} == left
    assert seconds == 71 - sum(c.trial.train_seconds for c in tried if c.name not in left)
    assert all("longer than foreseen" in c.why for c in tried if c.name not in left)


def made_up(name, score, role="cheap truth", seconds=0.1, ms=0.1):
    trial = SimpleNamespace(predict_ms_per_row=ms, train_seconds=seconds)
    return SimpleNamespace(
        name=name, status="done", role=role, origin="here", needs_base=False, trial=trial, level=score,
        select=Interval(score, score - 0.02, score + 0.02, 0.01, "made up"),
    )  # fmt: skip


def test_where_a_cheap_truth_wins_one_name_alone_is_recommended(monkeypatch):
    from hasei.judge.study import confirm
    from hasei.tasks import open_task

    monkeypatch.setattr(confirm, "_charge", lambda lab, candidate: 0.0)
    lab = SimpleNamespace(metric=open_task("text_classification").metrics["accuracy"])
    best, cheaper = made_up("best", 0.850, ms=0.9), made_up("cheaper", 0.848, ms=0.01)
    derived = made_up("derived", 0.84, "derived", 10.0)
    found = confirm.choose(lab, [best, cheaper, derived])
    assert (found.winner, found.reference) == (best, best)
    derived.level = 0.95
    found = confirm.choose(lab, [best, cheaper, derived])
    assert (found.winner, found.reference) == (derived, best)
