import json

import pytest

from hasei.cli.derive import settings_of
from made_up import ROWS, write_rows


def test_one_command_derives_a_model_that_predicts_and_verifies(hasei, rows_file, tmp_path):
    out = tmp_path / "made"
    done = hasei("derive", "naive_bayes", "--data", rows_file, "--text", "message", "--label", "team", "--seed", "3",
                 "--out", out, "--json")  # fmt: skip
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert (found["seed"], found["steps"][0]["name"], found["data"]["rows"]) == (3, "naive_bayes", 12)
    assert "no verdict" in (out / "README.md").read_text("utf-8") or "None:" in (out / "README.md").read_text("utf-8")
    assert hasei("verify", out).code == 0
    assert "parcel" in hasei("predict", out, rows_file).out
    assert [p.name for p in tmp_path.iterdir()] == ["made"]


def test_a_base_is_taken_from_its_folder(hasei, rows_file, toy_base, tmp_path):
    done = hasei("derive", "as_it_is", "--data", rows_file, "--base", toy_base("bert"), "--set", "by=means", "--out",
                 tmp_path / "made", "--json")  # fmt: skip
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["steps"] == [{"name": "as_it_is", "params": {"by": "means"}}]
    assert found["parents"][0]["name"] == "bert"


def test_a_recipe_file_holds_exactly_one_recipe(hasei, rows_file, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(f"data: {{path: {rows_file}, text: message, label: team}}\nrecipes: [naive_bayes]\n")
    assert hasei("derive", path, "--out", tmp_path / "made").code == 0
    path.write_text(f"data: {rows_file}\nrecipes: [naive_bayes, lora]\n")
    assert "exactly one recipe" in hasei("derive", path, "--out", tmp_path / "other").error
    path.write_text(f"data: {rows_file}\n")
    assert "exactly one recipe" in hasei("derive", path, "--out", tmp_path / "other").error
    assert "--set" in hasei("derive", path, "--set", "rank=1").error


def test_an_existing_folder_is_refused_before_anything_is_read(hasei, tmp_path):
    done = hasei("derive", "naive_bayes", "--data", "absent.csv", "--out", tmp_path)
    assert done.code == 2
    assert "exists already" in done.error


def test_a_single_class_leaves_nothing_behind(hasei, tmp_path):
    rows = write_rows(tmp_path / "one.csv", [(text, "same") for text, _ in ROWS], ("message", "team"))
    done = hasei("derive", "naive_bayes", "--data", rows, "--label", "team", "--out", tmp_path / "made")
    assert done.code == 2
    assert [p.name for p in tmp_path.iterdir()] == ["one.csv"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("rank=8", 8), ("rate=1e-5", 1e-5), ("on=true", True), ("last=null", None), ("by=names", "names"),
        ("augment=[flip, swap]", ["flip", "swap"]), ("over={l2: [0.1, 1e-2]}", {"l2": [0.1, 1e-2]}),
    ],
)  # fmt: skip
def test_settings_are_read_as_numbers_where_they_are_numbers(text, value):
    assert list(settings_of([text]).values()) == [value]


def test_evaluate_scores_every_metric_with_its_interval(hasei, model, rows_file, tmp_path):
    rows = [*ROWS[:6], ("who is who", "people"), *[(f"{t} once more", label) for t, label in ROWS]]
    path = write_rows(tmp_path / "june.csv", rows, ("message", "team"))
    found = json.loads(hasei("evaluate", model, path, "--at-least", "accuracy=0.05", "--json").out)
    assert found["rows"] == 19
    assert found["unknown_labels"] == 1
    assert found["metrics"]["accuracy"]["value"] <= 18 / 19
    assert found["metrics"]["accuracy"]["low"] < found["metrics"]["accuracy"]["value"]
    assert found["goal"]["met"] == "surely"
    assert found["derived_from_these_rows"] is False
    text = hasei("evaluate", model, path, "--at-least", "accuracy=0.99").out
    assert "1 rows have a label that the model does not know" in text
    assert "goal accuracy 0.99: surely not met" in text or "goal accuracy 0.99: not certain" in text
    assert "no longer an unbiased one" in text


def test_evaluate_says_where_the_rows_are_those_it_was_derived_from(hasei, model, rows_file):
    assert "these are the rows that it was derived from" in hasei("evaluate", model, rows_file).out


def test_evaluate_refuses_a_goal_that_no_metric_has(hasei, model, rows_file):
    assert "accuracy" in hasei("evaluate", model, rows_file, "--at-least", "acuracy=0.9").error


def test_a_value_that_is_no_yaml_is_one_line(hasei, rows_file, tmp_path):
    done = hasei("derive", "search", "--data", rows_file, "--set", "over={l2: [0.1", "--out", tmp_path / "made")
    assert done.code == 2
    assert "--set can't be read" in done.error


def test_a_place_that_can_not_be_written_is_said_before_any_work(hasei, rows_file, tmp_path):
    done = hasei("derive", "majority", "--data", "absent.csv", "--out", rows_file / "inside")
    assert done.code == 2
    assert "can't be written" in done.error


def test_no_step_goes_on_from_weights_in_few_bits(hasei, rows_file, tmp_path):
    path = tmp_path / "recipe.yaml"
    path.write_text(
        f"data: {{path: {rows_file}, text: message, label: team}}\nrecipes: [[quantization, partial_fine_tuning]]\n"
    )
    done = hasei("derive", path, "--out", tmp_path / "made")
    assert done.code == 2
    assert "no step can go on from 'quantization'" in done.error


def test_what_was_forgotten_over_time_is_said(hasei, toy_base, tmp_path):
    rows = write_rows(
        tmp_path / "rows.csv", [(f"{text} {i}", team, stage) for i, (text, team) in enumerate(ROWS) for stage in ("1", "2")],
        ("message", "team", "month"),
    )  # fmt: skip
    done = hasei("derive", "continual_learning", "--data", rows, "--text", "message", "--label", "team", "--stage", "month",
                 "--base", toy_base("bert"), "--out", tmp_path / "made")  # fmt: skip
    assert done.code == 0, done.err
    assert "after the last stage: " in done.out and "forgotten on the way" in done.out
