"""Bad input through the doors: one line that says what is wrong and what to do, exit code 2, nothing left behind."""

from __future__ import annotations

import errno
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

import hasei
from hasei.cli import main
from hasei.ground import files
from hasei.ground.errors import BaseError, BudgetError, DataError, OutputError, RecipeError, UserError
from hasei.judge.study.clock import Clock
from hasei.judge.study.lab import Lab
from made_up import ROWS, write_rows

ToyBase = Callable[[str], Path]
Refused = Callable[..., str]
HEADER = ("message", "team")


def everything_in(folder: Path) -> dict[str, bytes]:
    """Every file below *folder*, hidden ones too, and every folder."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() if p.is_file() else b"" for p in folder.rglob("*")}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with ``rows.csv`` in it."""
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "rows.csv", [(f"{text} {i}", team) for i in range(8) for text, team in ROWS], HEADER)
    return tmp_path


@pytest.fixture
def refused(here: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Return a function that runs a command line which must be refused, and gives the one line that says why."""

    def run(*arguments: object) -> str:
        before = everything_in(here)
        capsys.readouterr()
        code = main([str(a) for a in arguments])
        said = capsys.readouterr()
        assert code == 2, said.err
        assert said.out == ""
        assert everything_in(here) == before
        *progress, last = said.err.splitlines()
        assert last.startswith("error: ")
        assert not [line for line in progress if "error" in line or "Traceback" in line]
        return last

    return run


def holds(line: str, *words: str) -> bool:
    """Whether all of *words* stand in *line*; which do not is shown."""
    missing = [word for word in words if word.casefold() not in line.casefold()]
    assert not missing, line
    return True


# Files of rows (all that is wrong with a file alone is in tests/inputs/data)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("row.csv", None, ("there is no file", "row.csv", "did you mean 'rows.csv'?")),
        ("a.csv", b"", ("'a.csv'", "empty")),
        ("a.csv", b"message,team\n", ("'a.csv'", "no rows")),
        ("a.csv", "message,team\nnaïve déjà vu,a\nbr".encode() + b"\xffken,b\n", ("byte at position 34 (line 3)", "UTF-8")),
        ("a.csv", b"message,team,message\na,b,c\n", ("two columns called 'message'", "rename")),
        ("a.csv", b'message,team\n"not closed,b\n', ("line 2", "quote")),
        ("a.csv", b"message,team\n" + b"".join(f"text {i},one\n".encode() for i in range(60)),
         ("nothing to tell apart", "at least two different labels", "only 'one'", "--label")),
        ("a.csv", b"message,team\none,a\ntwo,b\n", ("too little to split", "add rows")),
    ],
    ids=["missing", "empty", "header only", "unreadable", "a column twice", "a quote", "one class", "too few"],
)  # fmt: skip
def test_a_bad_file_of_rows_is_refused(
    refused: Refused, here: Path, name: str, content: bytes | None, words: tuple[str, ...]
) -> None:
    if content is not None:
        (here / name).write_bytes(content)
    assert holds(refused("try", name, "--out", "runs/x"), *words)
    with pytest.raises(DataError) as caught:
        hasei.study(name, out="runs/x")
    assert caught.value.exit_code == 2
    assert not (here / "runs").exists()


def test_the_train_file_is_no_test_file(refused: Refused) -> None:
    line = refused("try", "rows.csv", "--test", "rows.csv", "--out", "x")
    assert holds(line, "train file 'rows.csv'", "same rows", "leave out --test")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--text", "mesage"), ("no column 'mesage'", "did you mean 'message'?")),
        (("--label", "Teams"), ("no column 'Teams'", "did you mean 'team'?")),
        (("--group", "customer"), ("no column 'customer'", "message, team")),
        (("--where", "lang=en"), ("no column 'lang'",)),
        (("--where", "team=nobody"), ("no row", "team=nobody")),
        (("--text", "team", "--label", "team"), ("'team'", "two parts")),
        (("--map", "txt=message"), ("no part called 'txt'", "did you mean 'text'?")),
        (("--test", "tests.csv"), ("there is no file 'tests.csv'",)),
    ],
)
def test_a_column_or_a_condition_that_does_not_fit_is_refused(
    refused: Refused, flags: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert holds(refused("try", "rows.csv", "--out", "x", *flags), *words)


def test_a_result_is_never_overwritten(refused: Refused, here: Path) -> None:
    (here / "runs" / "rows").mkdir(parents=True)
    assert holds(refused("try", "rows.csv"), "'runs/rows' exists already", "--out")
    assert holds(refused("derive", "majority", "--data", "rows.csv"), "'runs/rows' exists already", "--out")
    with pytest.raises(OutputError, match="exists already"):
        hasei.study("rows.csv")


@pytest.mark.parametrize("option", ["--next", "--redact"])
def test_a_new_file_of_check_must_have_a_folder_and_be_new(refused: Refused, here: Path, option: str) -> None:
    line = refused("check", "rows.csv", "--quick", option, "nowhere/x.csv")
    assert holds(line, "there is no folder 'nowhere' for 'x.csv'", f"choose another {option}")
    line = refused("check", "rows.csv", "--quick", option, "rows.csv")
    assert holds(line, "'rows.csv' exists already", f"choose another {option}")
    assert "--out" not in line
    both = refused("check", "rows.csv", "--quick", "--redact", "x.csv", "--next", "x.csv")
    assert holds(both, "--next", "--redact names the same file")


def test_answers_have_no_folder_made_for_them(refused: Refused, here: Path) -> None:
    assert holds(refused("predict", "model", "rows.csv", "--out", "nowhere/x.csv"), "no folder 'nowhere'", "--out")


@pytest.mark.parametrize("command", [("check", "--quick"), ("try", "--out", "x")])
@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--time", "team"), ("the column 'team' can't be read as times", "2026-03-31", "'billing'", "--time")),
        (("--time", "teem"), ("no column 'teem'", "did you mean 'team'?")),
        (("--id", "teem"), ("no column 'teem'", "did you mean 'team'?")),
        (("--id", "same"), ("the column 'same' does not number the rows", "'1' alone", "--id")),
    ],
)
def test_a_time_or_a_number_of_the_rows_that_is_none_is_refused(
    refused: Refused, here: Path, command: tuple[str, ...], flags: tuple[str, ...], words: tuple[str, ...]
) -> None:
    rows = [(f"{text} {i}", team, "1") for i in range(8) for text, team in ROWS]
    write_rows(here / "rows.csv", rows, (*HEADER, "same"))
    name, *more = command
    assert holds(refused(name, "rows.csv", *more, *flags), *words)


@pytest.mark.parametrize("command", ["check", "try"])
def test_a_licence_that_there_is_not_is_refused(refused: Refused, command: str) -> None:
    line = refused(command, "rows.csv", "--licence", "CC-BY-4.O")
    assert holds(line, "there is no licence 'CC-BY-4.O'", "did you mean 'CC-BY-4.0'?")


# Bases (all that is wrong with a base alone is in tests/inputs/test_bad_bases.py)


def test_a_bad_base_is_refused_with_nothing_left(refused: Refused, here: Path, toy_base: ToyBase) -> None:
    (here / "base").mkdir()
    (here / "base" / "config.json").write_bytes((toy_base("bert") / "config.json").read_bytes())
    assert holds(refused("try", "rows.csv", "--base", "base", "--out", "x"), "'base' has no weights", "*.safetensors")
    assert holds(refused("derive", "lora", "--data", "rows.csv", "--base", "base", "--out", "x"), "has no weights")
    assert holds(refused("base", "base"), "has no weights")
    with pytest.raises(BaseError, match="has no weights"):
        hasei.study("rows.csv", base="base", out="x")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("all-minilm-l6-v3", ("did you mean 'all-minilm-l6-v2'?",)),
        ("owner/model", ("'owner/model' is not in the local cache and the hub can't be reached", "network")),
    ],
)
def test_a_base_that_is_not_to_be_had_is_refused(refused: Refused, name: str, words: tuple[str, ...]) -> None:
    assert holds(refused("try", "rows.csv", "--base", name, "--out", "x"), *words)
    assert holds(refused("base", name), *words)


def test_a_base_whose_weights_do_not_fit_its_config_is_refused_with_nothing_left(
    refused: Refused, here: Path, toy_base: ToyBase
) -> None:
    import shutil

    shutil.copytree(toy_base("bert"), here / "base")
    config = json.loads((here / "base" / "config.json").read_text())
    (here / "base" / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 6}))
    assert holds(refused("try", "rows.csv", "--base", "base", "--out", "x"), "'base' lacks", "weights")


# hasei.yaml

BAD_SETTINGS: list[tuple[str, str, tuple[str, ...]]] = [
    ("an unknown setting", "buget: 2m", ("'my.yaml' has no setting 'buget'", "did you mean 'budget'?")),
    ("an unknown setting of the data", "data: {path: rows.csv, txet: a}", ("'data.txet'", "did you mean 'text'?")),
    ("a misspelt path", "data: {paht: rows.csv}", ("'data.paht'", "did you mean 'path'?")),
    ("an unknown setting of the goal", "goal: {metrik: accuracy}", ("'goal.metrik'", "did you mean 'metric'?")),
    ("an unknown price", "prices: {cpu_hours: 1}", ("'prices.cpu_hours'", "did you mean 'cpu_hour'?")),
    ("two processes of today", "goal: {today: {column: a, rules: b.csv}}", ("'goal.today'", "one process", "column, rules")),
    ("a misspelt process of today", "goal: {today: {colum: a}}", ("'goal.today.colum'", "did you mean 'column'?")),
    ("today's figure of no metric", "goal: {today: {acuracy: 0.8}}", ("'acuracy'", "no metric", "did you mean 'accuracy'?")),
    ("costs from two places", "prices: {costs: {table: a.csv, function: 'a:b'}}", ("'prices.costs'", "a function and a table")),
    ("hours in yen without a price", "prices: {currency: JPY, cpu_hour: 9, setup_hours: 3}", ("'prices.labour_hour'", "JPY")),
    ("an unknown setting of a method", "recipes: [{lora: {rnk: 4}}]", ("'lora' has no setting 'rnk'", "mean 'rank'?")),
    ("text for a number", "seed: many", ("'seed'", "a valid integer", "'many'")),
    ("half a number", "seed: 1.5", ("'seed'", "a valid integer", "1.5")),
    ("a switch for a number", "seed: true", ("'seed'", "a number", "True")),
    ("a number for text", "base: 5", ("'base'", "text", "5")),
    ("text for a list", "recipes: lora", ("'recipes'", "a list", "'lora'")),
    ("a list for settings", "goal: [accuracy]", ("'goal'", "['accuracy']")),
    ("a number for a file", "data: 5", ("'data'", "named settings", "5")),
    ("a number for a name", "1: 2", ("'1'", "a name")),
    ("a number as a recipe", "recipes: [5]", ("recipe", "a method's name", "5")),
    ("a negative seed", "seed: -1", ("'seed'", "greater than or equal to 0", "-1")),
    ("a negative learning rate", "recipes: [{lora: {learning_rate: -1}}]", ("'learning_rate'", "greater than 0", "-1")),
    ("a learning rate of NaN", "recipes: [{lora: {learning_rate: .nan}}]", ("'learning_rate'", "finite", "nan")),
    ("an infinite one", "recipes: [{full_fine_tuning: {learning_rate: .inf}}]", ("'learning_rate'", "inf")),
    ("rank 0", "recipes: [{lora: {rank: 0}}]", ("'lora': 'rank'", "greater than or equal to 1", "0")),
    ("rank true", "recipes: [{lora: {rank: true}}]", ("'lora': 'rank'", "a number", "True")),
    ("a negative layer", "recipes: [{feature_extraction: {layer: -1}}]", ("'layer'", "greater than or equal to 0", "-1")),
    ("no top layer", "recipes: [{partial_fine_tuning: {top_layers: -1}}]", ("'top_layers'", "0")),
    ("an unknown method", "recipes: [loraa]", ("no method called 'loraa'", "did you mean 'lora'?")),
    ("an unknown metric", "goal: {metric: acuracy}", ("no metric called 'acuracy'", "did you mean 'accuracy'?")),
    ("a goal out of range", "goal: {metric: accuracy, at_least: 92}", ("92", "0 to 1", "92%")),
    ("a goal that is no number", "goal: {metric: accuracy, at_least: lots}", ("'goal.at_least'", "'lots'")),
    ("a smallest gain of NaN", "smallest_gain: .nan", ("smallest_gain", "finite", "nan")),
    ("an unknown task", "task: text_clasification", ("no task called", "did you mean 'text_classification'?")),
    ("a step that leaves no base in a chain", "recipes: [[lora, feature_extraction]]", ("'lora'", "put it last")),
    ("a cheap truth in a chain", "recipes: [[majority, lora]]", ("'majority'", "stand alone")),
    ("a setting twice", "seed: 1\nseed: 2", ("'my.yaml'", "line 3", "duplicate key", "seed")),
    ("a setting twice inside", "goal: {metric: accuracy, metric: accuracy}", ("line 2", "duplicate key", "metric")),
    ("broken YAML", "goal: {metric", ("'my.yaml'", "line", "not valid YAML")),
    ("a small budget", "budget: 5s", ("too small for anything", "at least 20s", "5s")),
    ("no budget", "budget: 0", ("too small for anything", "at least 20s")),
    ("a budget that is no time", "budget: soon", ("can't be read", "90s, 10m or 1.5h", "'soon'")),
    ("a negative budget", "budget: -5m", ("can't be read", "'-5m'")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), [case[1:] for case in BAD_SETTINGS], ids=[case[0] for case in BAD_SETTINGS])
def test_a_wrong_setting_is_refused_before_anything_is_read(
    refused: Refused, here: Path, text: str, words: tuple[str, ...]
) -> None:
    whole = text if text.startswith("data:") else f"data: absent.csv\n{text}"
    (here / "my.yaml").write_text(f"{whole}\n")
    assert holds(refused("try", "--config", "my.yaml", "--out", "x"), *words)


def test_settings_without_data_are_refused(refused: Refused, here: Path) -> None:
    (here / "my.yaml").write_text("seed: 3\n")
    assert holds(refused("try", "--config", "my.yaml", "--out", "x"), "'my.yaml' lacks the setting 'data'")


def test_a_blank_setting_is_one_that_is_not_given(refused: Refused, here: Path) -> None:
    (here / "my.yaml").write_text("data: absent.csv\nbudget:\nrecipes:\n  # - lora\ngoal:\n")
    assert holds(refused("try", "--config", "my.yaml", "--out", "x"), "there is no file 'absent.csv'")


@pytest.mark.parametrize(
    ("asked", "kind", "words"),
    [
        ({"methods": ["loraa"]}, RecipeError, "did you mean 'lora'"),
        ({"methods": [{"lora": {"learning_rate": float("nan")}}]}, RecipeError, "finite"),
        ({"at_least": {"acuracy": 0.9}}, RecipeError, "did you mean 'accuracy'"),
        ({"budget": 5}, BudgetError, "at least 20s"),
        ({"budget": float("nan")}, BudgetError, "can't be read"),
        ({"seed": -1}, RecipeError, "seed"),
        ({"prices": {"currency": "Yen"}}, RecipeError, "cpu_hour"),
    ],
)
def test_python_is_told_the_same(here: Path, asked: dict[str, Any], kind: type[UserError], words: str) -> None:
    before = everything_in(here)
    with pytest.raises(kind) as caught:
        hasei.study("rows.csv", out="x", **asked)
    assert words in str(caught.value).lower()
    assert caught.value.exit_code == 2
    assert everything_in(here) == before


def test_a_budget_in_which_nothing_can_be_finished_is_said_and_leaves_no_result(
    here: Path, toy_base: ToyBase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Clock, "free", lambda clock: -1.0)  # a machine so slow that no time is left at all
    write_rows(here / "tests.csv", [(f"{text} perhaps", team) for text, team in ROWS], HEADER)
    asked = ["try", "rows.csv", "--test", "tests.csv", "--base", str(toy_base("bert")), "--budget", "20s", "--out", "x"]
    assert main(asked) == 2
    assert holds(
        capsys.readouterr().err.splitlines()[-1], "error: the budget", "too small", "expected at least", "--budget"
    )
    assert not list(here.glob("x")) + list(here.glob(".x*.partial"))


@pytest.mark.parametrize(
    ("method", "setting", "words"),
    [
        ("feature_extraction", "layer=9", ("no layer 9", "0 to 4", "lower")),
        ("partial_fine_tuning", "top_layers=9", ("no 9 layers", "1 to 4", "lower")),
        ("lora", "first_layer=9", ("layer range 9 to 3", "0 to 3")),
        ("lora", "last_layer=4", ("layer range 0 to 4", "0 to 3")),
    ],
)
def test_a_layer_that_the_base_does_not_have_is_refused(
    refused: Refused, toy_base: ToyBase, method: str, setting: str, words: tuple[str, ...]
) -> None:
    asked = ("derive", method, "--set", setting, "--data", "rows.csv", "--base", toy_base("bert"), "--out", "x")
    assert holds(refused(*asked), *words)


@pytest.mark.parametrize(
    "recipe", ["feature_extraction: {layer: 9}", "lora: {first_layer: 9}", "lora: {last_layer: 4}"]
)
def test_a_recipe_whose_layer_the_base_does_not_have_is_refused_before_any_training(
    refused: Refused, here: Path, toy_base: ToyBase, recipe: str
) -> None:
    write_rows(here / "tests.csv", [(f"{text} indeed", team) for text, team in ROWS], HEADER)
    (here / "my.yaml").write_text(f"data: {{path: rows.csv, test: tests.csv}}\nbudget: 60s\nrecipes: [{{{recipe}}}]\n")
    line = refused("try", "--config", "my.yaml", "--base", toy_base("bert"), "--out", "x")
    assert holds(line, "layer", recipe.split(": ")[-1].rstrip("}"))


def test_a_method_that_can_not_be_used_for_the_task_is_refused_naming_those_that_can(
    refused: Refused, here: Path, toy_base: ToyBase
) -> None:
    asked = ("--base", toy_base("bert"), "--methods", "pair_regression", "--budget", "60s", "--out", "x")
    line = refused("try", "rows.csv", *asked)
    assert holds(line, "'pair_regression'", "can't be used for the task text_classification", "feature_extraction")
    assert not (here / "x").exists()


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ("[full_fine_tuning, {partial_fine_tuning: {top_layers: 40}}]", ("no 40 layers",)),
        ("[full_fine_tuning, pair_regression]", ("'pair_regression'", "can't be used for the task")),
    ],
)
def test_a_later_step_of_a_chain_that_can_not_be_is_refused_before_the_first_is_run(
    refused: Refused, here: Path, toy_base: ToyBase, steps: str, words: tuple[str, ...]
) -> None:
    (here / "my.yaml").write_text(f"data: rows.csv\nrecipes: [{steps}]\n")
    assert holds(refused("derive", "my.yaml", "--base", toy_base("bert"), "--out", "x"), *words)


def test_a_goal_without_a_metric_is_one_for_the_default_metric(refused: Refused, here: Path) -> None:
    (here / "my.yaml").write_text("data: absent.csv\ngoal: {at_least: 92}\n")
    assert holds(refused("try", "--config", "my.yaml", "--out", "x"), "accuracy", "0 to 1", "92%")


def test_two_goals_at_once_are_refused(here: Path) -> None:
    with pytest.raises(RecipeError):
        hasei.study("absent.csv", at_least={"accuracy": 0.9, "macro_f1": 0.9}, out="x")


def test_a_chain_is_never_tried_in_part(refused: Refused, here: Path, toy_base: ToyBase) -> None:
    (here / "my.yaml").write_text("data: rows.csv\nrecipes: [[feature_extraction, partial_fine_tuning]]\n")
    line = refused("try", "--config", "my.yaml", "--base", toy_base("bert"), "--plan", "--out", "x")
    assert holds(line, "chain", "hasei derive")


# A full disk


def full() -> NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_nothing_half_written(refused: Refused, toy_base: ToyBase) -> None:
    with files.fail_at("write", full):
        tried = refused("try", "rows.csv", "--base", toy_base("bert"), "--out", "x")
        derived = refused("derive", "naive_bayes", "--data", "rows.csv", "--out", "x")
    for line in (tried, derived):
        assert holds(line, "the disk is full", "was not written", "free some space")


def test_answers_that_do_not_fit_on_the_disk_replace_nothing(refused: Refused, here: Path) -> None:
    assert main(["derive", "naive_bayes", "--data", "rows.csv", "--out", "model"]) == 0
    with files.fail_at("before-rename:answers.csv", full):
        line = refused("predict", "model", "rows.csv", "--out", "answers.csv")
    assert holds(line, "the disk is full", "'answers.csv'")


def test_a_disk_that_fills_up_at_the_end_of_a_study_loses_nothing_that_was_done(
    here: Path, toy_base: ToyBase, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(here / "tests.csv", [(f"{text} at once", team) for text, team in ROWS], HEADER)
    asked = ["try", "rows.csv", "--test", "tests.csv", "--base", str(toy_base("bert")), "--budget", "60s", "--out", "x"]
    asked += ["--methods", "feature_extraction"]
    with files.fail_at("before-rename:x", full):
        assert main(asked) == 2
    assert "the disk is full" in capsys.readouterr().err
    assert not (here / "x").exists()
    assert not list(here.glob("*.partial")) + list(here.glob(".*.partial"))
    assert list((here / ".x.work" / "trials").iterdir())
    assert main([*asked, "--resume", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["openings"] == 1  # the same study, so the confirm rows were not opened again
    assert not (here / ".x.work").exists()
    assert (here / "x" / "model" / "hasei.json").is_file()


def test_a_refused_request_without_a_place_of_its_own_leaves_no_folder_of_runs(
    refused: Refused, here: Path, toy_base: ToyBase
) -> None:
    asked = ("rows.csv", "--base", toy_base("bert"))
    assert holds(refused("try", *asked, "--methods", "pair_regression"), "can't be used for the task")
    with files.fail_at("write", full):
        refused("derive", "naive_bayes", "--data", "rows.csv")
    (here / "runs").mkdir()
    refused("try", *asked, "--methods", "pair_regression")  # which also sees that what was there before stays


@pytest.mark.parametrize("done", [False, True])
def test_a_failure_of_hasei_leaves_only_trials_that_are_worth_going_on_from(
    here: Path, toy_base: ToyBase, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], done: bool
) -> None:
    def fail(config: object, lab: Lab, *_: object) -> NoReturn:
        if done:
            files.write_text(lab.work / "trials" / "0123.json", "an hour of training")
        raise ZeroDivisionError("a slip of ours")

    monkeypatch.setattr(importlib.import_module("hasei.judge.study.conduct"), "_run", fail)
    assert main(["try", "rows.csv", "--base", str(toy_base("bert")), "--methods", "feature_extraction"]) == 1
    assert "a slip of ours" in capsys.readouterr().err
    assert [p.name for p in here.iterdir() if p.name != "rows.csv"] == (["runs"] if done else [])
    assert (here / "runs" / ".rows.work" / "trials").exists() == done


def test_a_slip_in_the_command_that_goes_on_does_not_lose_what_was_done(refused: Refused, here: Path) -> None:
    (here / ".x.work" / "trials").mkdir(parents=True)
    (here / ".x.work" / "trials" / "0123.safetensors").write_bytes(b"an hour of training")
    line = refused("try", "rows.csv", "--base", "all-minilm-l6-v3", "--out", "x", "--resume")
    assert holds(line, "did you mean 'all-minilm-l6-v2'?")
