"""Every step of a chain is scored on rows that are not learnt from, and what was scored is kept."""

import json

import pytest

from hasei.derive import run as running
from made_up import ROWS, write_rows

NEW = [(f"{text} once more", label) for text, label in ROWS]
STEPS = "[[{partial_fine_tuning: {top_layers: 1, epochs: 1, min_steps: 0}}, feature_extraction]]"


@pytest.fixture
def chain(tmp_path, toy_base, rows_file):
    """A recipe of two steps, its file of test rows, and the place of its result."""
    test = write_rows(tmp_path / "june.csv", NEW, ("message", "team"))
    path = tmp_path / "recipe.yaml"
    path.write_text(
        f"base: {toy_base('bert')}\ndata: {{path: {rows_file}, text: message, label: team}}\nrecipes: {STEPS}\n"
    )
    return path, test, tmp_path / "made"


def record(folder):
    return json.loads((folder / "hasei.json").read_text("utf-8"))["record"]


def test_every_step_is_scored_in_its_own_folder_and_said_in_a_line(hasei, chain):
    recipe, test, out = chain
    done = hasei("derive", recipe, "--test", test, "--out", out)
    assert done.code == 0, done.err
    lines = [line for line in done.out.splitlines() if line.startswith("step ")]
    assert [line.split(":")[0] for line in lines] == ["step 1, partial_fine_tuning", "step 2, feature_extraction"]
    assert all("accuracy" in line and "95 % interval" in line and "12 rows" in line for line in lines)
    assert "no longer an unbiased one" in done.out
    for folder in (out.with_name("made.step-1"), out):
        kept = record(folder)["scores"]
        evaluated = json.loads(hasei("evaluate", folder, test, "--json").out)
        assert (kept["rows"], kept["fingerprint"]) == (12, evaluated["fingerprint"])
        assert kept["metrics"] == evaluated["metrics"]
        assert kept["metrics"]["accuracy"]["low"] <= kept["metrics"]["accuracy"]["value"]
    assert hasei("verify", out).code == 0


def test_a_finished_step_that_was_scored_is_neither_run_nor_scored_again(hasei, chain, monkeypatch):
    recipe, test, out = chain
    real, failing = running.run_step, {"feature_extraction"}

    def stopped(step, context):
        if step.name in failing:
            raise KeyboardInterrupt
        return real(step, context)

    monkeypatch.setattr(running, "run_step", stopped)
    assert hasei("derive", recipe, "--test", test, "--out", out).code == 130
    first = out.with_name("made.step-1")
    scores = record(first)["scores"]
    from hasei.judge import scored

    asked, measure = [], scored.scores_of
    monkeypatch.setattr(scored, "scores_of", lambda model, *rest: asked.append(model.folder) or measure(model, *rest))
    failing.symmetric_difference_update({"feature_extraction", "partial_fine_tuning"})
    done = hasei("derive", recipe, "--test", test, "--out", out, "--resume", "--json")
    assert done.code == 0, done.err
    assert asked == [out]
    found = json.loads(done.out)["scores"]
    assert [(one["step"], one["name"]) for one in found] == [(1, "partial_fine_tuning"), (2, "feature_extraction")]
    assert found[0]["scores"] == scores == record(first)["scores"]
    assert found[1]["scores"] == record(out)["scores"]


def test_rows_that_are_scored_are_not_learnt_from_and_that_is_said(hasei, rows_file, tmp_path):
    test = write_rows(tmp_path / "june.csv", [*ROWS[:2], *NEW], ("message", "team"))
    columns = ("--text", "message", "--label", "team", "--json")
    done = hasei("derive", "naive_bayes", "--data", rows_file, "--test", test, *columns, "--out", tmp_path / "one")
    assert done.code == 0, done.err
    assert "rows dropped from 'tickets.csv' that also stand in the test file 'june.csv': 2" in done.err
    found = json.loads(done.out)
    assert found["data"]["rows"] == 10
    assert found["scores"][0]["scores"]["rows"] == 14
    left = write_rows(tmp_path / "left.csv", ROWS[2:], ("message", "team"))
    plain = json.loads(hasei("derive", "naive_bayes", "--data", left, *columns, "--out", tmp_path / "two").out)
    assert plain["identity_hash"] == found["identity_hash"]  # scoring changes nothing else of the model
    assert plain["scores"] == []


def test_rows_of_a_group_that_is_scored_are_not_learnt_from(hasei, tmp_path):
    rows = [(text, label, f"person {i}") for i, (text, label) in enumerate(ROWS)]
    data = write_rows(tmp_path / "rows.csv", rows, ("message", "team", "who"))
    test = write_rows(tmp_path / "june.csv", [(t, y, "person 0") for t, y in NEW], ("message", "team", "who"))
    done = hasei("derive", "naive_bayes", "--data", data, "--test", test, "--text", "message", "--label", "team",
                 "--group", "who", "--out", tmp_path / "made", "--json")  # fmt: skip
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["data"]["rows"] == 11
    assert found["scores"][0]["scores"]["units"] == 1


@pytest.mark.parametrize("rows", [ROWS, [*ROWS, *NEW]])
def test_nothing_left_to_learn_from_is_refused_and_leaves_nothing(rows, hasei, rows_file, tmp_path):
    test = write_rows(tmp_path / "june.csv", rows, ("message", "team"))
    done = hasei("derive", "naive_bayes", "--data", rows_file, "--test", test, "--text", "message", "--label", "team",
                 "--out", tmp_path / "made")  # fmt: skip
    assert done.code == 2
    assert "june.csv" in done.error
    assert [p.name for p in tmp_path.iterdir()] == ["june.csv"]


def test_a_label_that_no_train_row_has_counts_as_answered_wrongly(hasei, rows_file, tmp_path):
    test = write_rows(tmp_path / "june.csv", [*NEW, ("who is who", "people")], ("message", "team"))
    done = hasei("derive", "naive_bayes", "--data", rows_file, "--test", test, "--text", "message", "--label", "team",
                 "--out", tmp_path / "made", "--json")  # fmt: skip
    scores = json.loads(done.out)["scores"][0]["scores"]
    assert (scores["rows"], scores["unknown_labels"]) == (13, 1)
    assert scores["metrics"]["accuracy"]["value"] <= 12 / 13


def test_a_step_that_answers_nothing_says_so_and_the_chain_goes_on(hasei, chain, monkeypatch):
    from hasei.ground.errors import NotSupported
    from hasei.judge import scored

    measure = scored.scores_of

    def refuse(model, *rest):
        if model.folder.name.endswith(".step-1"):
            raise NotSupported("this model answers nothing")
        return measure(model, *rest)

    monkeypatch.setattr(scored, "scores_of", refuse)
    recipe, test, out = chain
    done = hasei("derive", recipe, "--test", test, "--out", out)
    assert done.code == 0, done.err
    assert "step 1, partial_fine_tuning: not scored: this model answers nothing" in done.out
    assert "scores" in record(out) and "scores" not in record(out.with_name("made.step-1"))


def test_rows_without_a_target_that_are_scored_are_left_out_of_those_that_are_read(rows_file, tmp_path):
    from hasei.derive import order
    from hasei.derive.beside import Beside
    from hasei.ground.events import Watch
    from hasei.tasks import open_task

    test = write_rows(tmp_path / "june.csv", NEW, ("message", "team"))
    more = write_rows(tmp_path / "more.csv", [(NEW[0][0],), ("something else",)], ("message",))
    columns = {"text": "message", "label": "team"}
    _, rows = order._rows(rows_file, open_task("text_classification"), columns, None, (), "unknown", Watch(), None,
                          Beside(unlabeled=str(more)), test)  # fmt: skip
    assert rows.unlabeled == ["something else"]
    assert any("also rows that are scored: left out" in finding.message for finding in rows.findings)
