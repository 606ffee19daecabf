"""A small model answers where it is sure, a large one the rest: the threshold, the scale of the outputs, the folder."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax

from hasei.derive.derived import open_model
from hasei.derive.order import order, read_steps
from hasei.derive.recipe import make_step
from hasei.derive.run import run_step
from hasei.engine.cascading import NEVER, by_loss, by_share, log_shares, temperature_of
from hasei.engine.derivation import Context, Facts
from hasei.formats._cascaded import CascadePredictor
from hasei.ground import plugins
from hasei.ground.errors import BaseError, NotSupported, RecipeError
from hasei.judge.loading import snippet
from hasei.judge.loading_several import parts_in
from hasei.tasks import open_task

TASK = open_task("text_classification")
TOY = TASK.toy()
SPACE = TASK.space(TOY.targets)
HALF = {"student": "lexical_linear", "of": "naive_bayes", "share": 0.5, "held": 0.4}


class Told:
    """A predictor that says what it was told to say of each row, and remembers of which rows it was asked."""

    width = 2

    def __init__(self, said):
        self.said, self.rows = said, []

    def outputs(self, inputs, watch=None):
        self.rows += inputs
        return np.array([self.said[i] for i in inputs], np.float32).reshape(len(inputs), 2)


@pytest.fixture
def context(trunks):
    return Context(TASK, SPACE, TOY.inputs, TASK.encode(SPACE, TOY.targets), TOY.targets, TOY.inputs,
                   trunks=(trunks(TASK),))  # fmt: skip


def test_the_teacher_reads_only_the_rows_of_which_the_student_is_not_sure():
    student = Told({"a": [4, 0], "b": [0.1, 0], "c": [0, 9]})
    teacher = Told({"b": [0, 6]})
    both = CascadePredictor(("x", student), ("y", teacher), 0.9, (1.0, 2.0), 0.3)
    found = both.outputs(["a", "b", "c"])
    assert teacher.rows == ["b"]
    assert found.argmax(1).tolist() == [0, 1, 1]
    np.testing.assert_allclose(found[1], log_softmax([0, 3]), rtol=1e-6)
    np.testing.assert_allclose(np.exp(found).sum(1), 1, rtol=1e-6)
    assert (both.rows, both.asked) == (3, 1)


def test_no_rows_are_no_work():
    both = CascadePredictor(("x", Told({})), ("y", Told({})), 0.5, (1.0, 1.0), 0.0)
    assert both.outputs([]).shape == (0, 2)


def test_a_temperature_makes_a_boastful_model_say_how_often_it_is_right():
    draws = np.random.default_rng(0)
    classes = (draws.random(4000) < 0.8).astype(int)  # right 4 times out of 5, and 99.99 % sure
    outputs = np.tile([0.0, 9.0], (4000, 1))
    share = np.exp(log_shares(outputs, temperature_of(outputs, classes)))[0, 1]
    assert share == pytest.approx(classes.mean(), abs=0.005)


def test_the_threshold_loses_surely_no_more_than_is_allowed_and_no_sure_row_is_sent_in_vain():
    n = 4000
    sure, teacher = np.linspace(1, 0, n, endpoint=False), np.ones(n, np.bool_)
    student = np.arange(n) < 2000  # right where it is surer than 0.5
    units = [str(i) for i in range(n)]
    threshold = by_loss(sure, student, teacher, units, 0.01)
    answered = sure > threshold
    assert (answered & ~student).sum() / n <= 0.01
    assert answered.mean() > 0.48
    assert by_loss(sure, student, teacher, units, 1.0) < sure.min()  # all may be lost: the student answers all


def test_too_few_rows_prove_nothing_so_that_the_teacher_answers_all():
    every = np.ones(8, np.bool_)
    assert by_loss(np.linspace(0.5, 1, 8), every, every, list("abcdefgh"), 0.005) == NEVER


def test_repeats_of_one_row_count_once():
    every = np.ones(4000, np.bool_)
    sure = np.full(4000, 0.9)
    assert by_loss(sure, every, every, ["the same"] * 4000, 0.005) == NEVER


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=40), st.floats(0, 1))
def test_at_least_the_share_asked_for_goes_to_the_teacher(values, share):
    sure = np.array(values)
    threshold = by_share(sure, share)
    assert 0 <= threshold <= 1
    if threshold > 0:  # a confidence of 0 is above nothing
        assert (sure <= threshold).sum() >= round(share * len(sure))


def test_half_of_the_rows_go_to_the_teacher_where_that_is_wished(context):
    done = run_step(make_step("cascade", HALF), context).derivation
    assert 0.3 <= done.frozen.share <= 0.7
    done.predictor.outputs([*TOY.inputs, "nothing of what it knows"])
    assert 0 < done.predictor.asked < len(TOY.inputs)


def test_refitting_with_the_settings_that_it_leaves_chooses_nothing(context):
    step = make_step("cascade", HALF)
    one = run_step(step, context).derivation
    again = run_step(make_step("cascade", one.frozen.model_dump(mode="json")), context).derivation
    assert again.frozen == one.frozen
    np.testing.assert_array_equal(one.predictor.outputs(TOY.inputs), again.predictor.outputs(TOY.inputs))
    effort, facts = plugins.load("methods", "cascade").effort, Facts(100, 3, 4)
    member = {"of": {"lora": {}}}
    chosen = make_step("cascade", member | {"threshold": 0.5, "temperatures": (1, 1)}).params
    assert 0 < effort(chosen, facts) < effort(make_step("cascade", member).params, facts)


@pytest.fixture(scope="module")
def place(tmp_path_factory, toy_base):
    folder = tmp_path_factory.mktemp("rows")
    lines = [f"{json.dumps(text)},{label}" for text, label in zip(TOY.inputs, TOY.targets)]
    (folder / "rows.csv").write_text("\n".join(["text,label", *lines]), "utf-8")
    made = {"cascade": HALF | {"of": "feature_extraction"}}
    return order(read_steps(made), folder / "rows.csv", task=TASK.name, columns={}, base=toy_base("bert"),
                 out=folder / "m").folder  # fmt: skip


def test_the_code_of_its_card_joins_the_two_folders_as_it_does(place, monkeypatch):
    model = open_model(place)
    code = snippet(model.identity).partition("```python")[2].partition("```")[0]
    monkeypatch.chdir(place)
    names = {"print": lambda *_: None}
    exec(code, names)
    student, teacher = (getattr(model.predictor, part)[1].outputs for part in ("student", "teacher"))
    assert names["answers"](TOY.inputs, student, teacher) == model.answers(TOY.inputs).values


def test_the_code_of_its_card_answers_by_itself(place, monkeypatch):
    model, said = open_model(place), []
    code = snippet(model.identity, parts=parts_in(place)).partition("```python")[2].partition("```")[0]
    monkeypatch.chdir(place)
    told = code.replace('answers(["a text"]', f"answers({list(TOY.inputs)!r}")
    assert told != code
    exec(told, {"print": said.extend})
    assert said == model.answers(TOY.inputs).values


def test_a_finished_model_is_the_teacher_as_it_is(place, toy_base, tmp_path):
    rows = place.parent / "rows.csv"
    chain = [{"feature_extraction": {}}, {"cascade": {"share": 0.5}}]
    made = order(read_steps(chain), rows, task=TASK.name, columns={}, base=toy_base("bert"), out=tmp_path / "m")
    before = open_model(tmp_path / "m.step-1")
    np.testing.assert_allclose(
        made.predictor.teacher[1].outputs(TOY.inputs), before.outputs(TOY.inputs), rtol=1e-5, atol=1e-5
    )
    assert made.identity["steps"][-1]["params"]["of"] is None
    assert not any(name.startswith("teacher.") for name in made.identity["trained"])


@pytest.mark.parametrize("broken", [
    "{}", "[]", '{"formats": {"student": "lexical", "teacher": "cascaded"}, "threshold": 0.5, "share": 0.1, '
    '"temperatures": {"student": 1, "teacher": 1}}',
])  # fmt: skip
def test_a_damaged_plan_is_said_in_one_line(place, tmp_path, broken):
    (tmp_path / "cascade.json").write_text(broken)
    with pytest.raises(BaseError, match=r"no sound 'cascade\.json'"):
        plugins.load("formats", "cascaded").load(tmp_path, lambda: None)


def test_a_share_and_a_threshold_are_not_asked_for_together(context):
    with pytest.raises(RecipeError, match="a share of the rows and a threshold can't both be asked for"):
        make_step("cascade", {"share": 0.2, "threshold": 0.5})
    frozen = run_step(make_step("cascade", {"share": 0.5}), context).derivation.frozen
    assert make_step("cascade", frozen.model_dump(mode="json")).params.threshold == frozen.threshold


@pytest.mark.parametrize("settings", [{"student": "cascade"}, {"of": "cascade"}])
def test_what_can_not_be_a_part_is_refused(context, settings):
    with pytest.raises(NotSupported):
        run_step(make_step("cascade", {"share": 0.5} | settings), context)
