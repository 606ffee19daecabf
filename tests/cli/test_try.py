import json
import sys

import pytest

from hasei.ground.errors import OutputError
from hasei.ground.files import write_json
from hasei.judge.ledger import Commitment
from made_up import ROWS, report, write_rows


@pytest.fixture
def study(monkeypatch, tmp_path):
    """Put a made-up study in the place of the real one; returns what it was asked, and lets the test set its report."""
    import hasei.judge.study as real

    asked = {"report": report()}

    class Result:
        def __init__(self, found):
            self.report = found

        def to_json(self):
            return self.report

    def conduct(config, out, watch, *, resume=False):
        asked.update(config=config, out=out, resume=resume)
        watch.report("trying", "majority on 10 rows")
        sys.stdout.write("a library says hello\n")
        if out.exists():
            raise OutputError(f"'{out}' exists already")
        out.mkdir(parents=True)
        Commitment("accuracy", 0.92, 0.01, "w", "r").write(out / "commitment.json")
        return Result(asked["report"])

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(real, "conduct", conduct)
    return asked


def test_json_is_the_only_thing_on_stdout(hasei, study):
    done = hasei("try", "tickets.csv", "--json")
    assert json.loads(done.out) == report()
    assert "trying: majority" in done.err
    assert "a library says hello" in done.err


def test_the_result_goes_to_stdout_and_the_progress_does_not(hasei, study):
    done = hasei("try", "tickets.csv")
    assert done.code == 0
    assert "Verdict: adopt" in done.out
    assert "trying" not in done.out
    assert "hasei predict runs/tickets/model new.csv --out answers.csv" in done.out


def test_flags_become_the_configuration(hasei, study):
    hasei("try", "a.csv", "--test", "b.csv", "--base", "x/y", "--text", "t", "--label", "l", "--map", "other=o", "--group", "g",
          "--where", "lang=en", "--where", "n!=1", "--at-least", "accuracy=92%", "--budget", "90s", "--methods",
          "lora, feature_extraction", "--licence", "MIT", "--licence-override", "we asked", "--seed", "3", "--out", "here",
          "--resume", "--slice", "region", "--keep", "old.csv", "--time", "when", "--id", "number",
          "--scheme", "kfold", "--folds", "4", "--seeds", "2", "--lang", "ja", "--out-of-scope", "oos", "--unlabeled", "more.txt",
          "--stage", "month", "--also", "mood", "--also", "price=text_regression")  # fmt: skip
    config = study["config"]
    assert config.data.model_dump() == {
        "path": "a.csv", "test": "b.csv", "text": "t", "label": "l", "map": {"other": "o"}, "group": "g",
        "where": ("lang=en", "n!=1"), "licence": "MIT", "licence_override": "we asked", "slices": ("region",),
        "time": "when", "id": "number", "keep": "old.csv", "out_of_scope": "oos",
        "corpus": None, "unlabeled": "more.txt", "stage": "month", "also": ("mood", "price=text_regression"),
    }  # fmt: skip
    assert (config.base, config.goal.metric, config.goal.at_least) == ("x/y", "accuracy", 0.92)
    assert (config.budget_seconds, config.seed, config.recipes) == (90.0, 3, ("lora", "feature_extraction"))
    assert (str(study["out"]), study["resume"]) == ("here", True)


def test_flags_win_over_the_file_that_config_names(hasei, study, tmp_path):
    (tmp_path / "my.yaml").write_text("data: rows.csv\nseed: 4\nbudget: 2m\ngoal: {metric: macro_f1, at_least: 0.8}\n")
    done = hasei("try", "--config", "my.yaml", "--seed", "5")
    assert done.code == 0
    config = study["config"]
    assert (config.data.path, config.seed, config.budget_seconds) == ("rows.csv", 5, 120.0)
    assert (config.goal.metric, config.goal.at_least) == ("macro_f1", 0.8)
    assert study["out"].as_posix() == "runs/rows"


def test_a_file_that_merely_lies_there_is_not_used_and_that_is_said(hasei, study, tmp_path):
    (tmp_path / "hasei.yaml").write_text("seed: 4\n")
    done = hasei("try", "a.csv")
    assert "hasei.yaml found but not used; give --config hasei.yaml" in done.err
    assert study["config"].seed == 0


def test_an_unknown_key_of_the_file_is_one_line_with_a_suggestion(hasei, study, tmp_path):
    (tmp_path / "my.yaml").write_text("data: rows.csv\nbuget: 2m\n")
    done = hasei("try", "--config", "my.yaml")
    assert done.code == 2
    assert "did you mean 'budget'?" in done.error.lower()


def test_the_language_is_asked_of_the_flag_then_the_environment_then_the_file(hasei, study, tmp_path, monkeypatch):
    (tmp_path / "my.yaml").write_text("data: rows.csv\nlang: ja\n")
    said = {}
    for name, value, given in (
        ("nothing", None, ["a.csv"]), ("file", None, ["--config", "my.yaml"]), ("environment", "ja", ["a.csv"]),
        ("flag", "ja", ["a.csv", "--lang", "en"]),
    ):  # fmt: skip
        monkeypatch.delenv("HASEI_LANG", raising=False)
        if value:
            monkeypatch.setenv("HASEI_LANG", value)
        done = hasei("try", *given, "--out", name)
        said[name] = (study["config"].lang, "判定: 採用" in done.out, "Verdict: adopt" in done.out)
    japanese, english = ("ja", True, False), ("en", False, True)
    assert said == {"nothing": english, "file": japanese, "environment": japanese, "flag": english}


def test_identifiers_in_json_stay_english_in_every_language(hasei, study):
    assert json.loads(hasei("try", "a.csv", "--lang", "ja", "--json").out)["verdict"] == "adopt"


def test_a_language_that_is_not_there_is_one_line(hasei, study):
    done = hasei("try", "a.csv", "--lang", "xx")
    assert done.code == 2
    assert "no language 'xx'" in done.error


def test_a_verdict_against_it_is_no_failure_unless_gated(hasei, study):
    study["report"] = report(verdict="do not adopt")
    assert hasei("try", "a.csv", "--out", "one").code == 0
    done = hasei("try", "a.csv", "--out", "two", "--gate")
    assert done.code == 3
    assert "gate: the verdict is: do not adopt" in done.err
    assert "ゲート: 判定は「採用しない」です" in hasei("try", "a.csv", "--out", "three", "--gate", "--lang", "ja").err


def test_the_gate_lets_an_adopted_result_pass(hasei, study):
    assert hasei("try", "a.csv", "--gate").code == 0


def test_an_existing_out_is_refused(hasei, study, tmp_path):
    (tmp_path / "there").mkdir()
    done = hasei("try", "a.csv", "--out", "there")
    assert done.code == 2
    assert "exists already" in done.error


def test_a_plan_leaves_nothing_behind(hasei, toy_base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [(f"{text} number {i}", label) for i in range(8) for text, label in ROWS]
    write_rows(tmp_path / "tickets.csv", rows, ("message", "team"))
    done = hasei("try", "tickets.csv", "--base", toy_base("bert"), "--plan", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["columns"] == {"text": "message", "label": "team"}
    assert [p.name for p in tmp_path.iterdir()] == ["tickets.csv"]


def test_a_plan_names_what_is_longer_than_the_budget(hasei, toy_base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [(f"{text} number {i}", label) for i in range(8) for text, label in ROWS]
    write_rows(tmp_path / "tickets.csv", rows, ("message", "team"))
    asked = ("try", "tickets.csv", "--base", toy_base("bert"), "--plan", "--budget")
    monkeypatch.setattr("hasei.judge.study.racing.Race.effort_seconds", lambda *_: 100.0)
    told = json.loads(hasei(*asked, "1m", "--json").out)
    assert "full_fine_tuning" in told["beyond_budget"] and len(told["beyond_budget"]) == len(told["candidates"])
    assert "Longer than the whole budget: " in hasei(*asked, "1m").out
    assert "Longer than the whole budget" not in hasei(*asked, "1h").out


def test_compare_puts_runs_side_by_side_and_says_where_rows_differ(hasei, tmp_path):
    other = report(verdict="rethink", chosen=report()["reference"])
    other["data"]["fingerprint"] = "00" * 32
    for name, found in (("monday", report()), ("tuesday", other)):
        write_json(tmp_path / name / "report.json", found)
    same = hasei("compare", tmp_path / "monday", tmp_path / "monday" / "report.json")
    assert "can't be set against" not in same.out
    done = hasei("compare", tmp_path / "monday", tmp_path / "tuesday")
    assert "different rows" in done.out
    assert "rethink" in done.out
    assert "94.4 (93.2 to 95.5)" in done.out
    found = json.loads(hasei("compare", tmp_path / "monday", tmp_path / "tuesday", "--json").out)
    assert [run["verdict"] for run in found["runs"]] == ["adopt", "rethink"]
    assert found["same_data"] is False


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json", '{"schema": 2}'])
def test_compare_refuses_what_is_no_report(hasei, tmp_path, text):
    (tmp_path / "report.json").write_text(text)
    assert hasei("compare", tmp_path).code == 2


def test_what_the_report_prints_to_do_it_again_asks_for_the_same(hasei, study, tmp_path):
    import shlex

    from hasei.judge.report.sections.again import command_of, settings_of
    from hasei.judge.study.config import make_config

    asked = make_config({
        "data": {"path": "/far/away/the rows.csv", "test": "t.csv", "text": "a text", "map": {"other": "o=p"}, "group": "g",
                 "where": ["lang=en", "n~'x y'"], "slices": ["支店", "b"], "keep": "k.csv", "time": "when", "id": "no",
                 "licence": "CC-BY-4.0", "licence_override": "we asked them", "out_of_scope": "どれでもない"},
        "goal": {"metric": "macro_f1", "at_least": 0.81234567, "latency_p95_ms": 20, "automate_at": 0.97,
                 "today": {"rules": "/far/rules.csv"}},
        "prices": {"currency": "JPY", "cpu_hour": 1e-5, "cost_of_an_error": 300, "costs": {"table": "costs.csv"}},
        "recipes": ["feature_extraction", {"lora": {"rank": 4}}], "smallest_gain": 0.02, "scheme": "kfold", "folds": 4,
        "seeds": 2, "seed": 7, "budget": "90s", "lang": "ja", "checks": False,
    })  # fmt: skip
    found = report(asked=asked.asked(), budget_seconds=90.0, seed=7, kpi={"metric": "macro_f1", "at_least": 0.81234567})
    found["data"]["columns"] = {"text": "a text", "other": "o=p"}
    (tmp_path / "hasei.yaml").write_text(settings_of(found), "utf-8")
    words = shlex.split(command_of(found))
    assert hasei(*words[1:]).code == 0
    again = study["config"].model_dump(mode="json")
    expected = asked.model_dump(mode="json")
    expected["data"]["path"], expected["goal"]["today"], expected["budget"] = (
        "the rows.csv",
        {"rules": "rules.csv"},
        "90s",
    )
    assert again == expected


def test_a_price_that_another_currency_needs_is_asked_again_even_where_it_is_the_usual_one():
    from hasei.inputs.purpose import Prices
    from hasei.judge.study.config import make_config

    prices = {"currency": "EUR", "cpu_hour": Prices().cpu_hour, "predictions_per_month": 10}
    asked = make_config({"data": {"path": "a.csv"}, "prices": prices}).asked()
    assert asked["prices"] == prices
    assert make_config(asked).prices == make_config({"data": {"path": "a.csv"}, "prices": prices}).prices


def test_what_was_asked_by_flags_alone_needs_no_settings_to_do_it_again():
    from hasei.judge.report.sections.again import command_of, settings_of
    from hasei.judge.study.config import make_config

    found = report(
        asked=make_config({"data": {"path": "a.csv"}, "goal": {"metric": "accuracy", "at_least": 0.9}}).asked()
    )
    assert settings_of(found) == ""
    assert "--config" not in command_of(found)


@pytest.mark.parametrize(
    ("flags", "scheme", "words"),
    [
        (("--scheme", "kfold"), "5-fold cross-validation", "5-fold cross-validation"),
        (("--scheme", "kfold", "--folds", "3"), "3-fold cross-validation", "3-fold"),
        (("--scheme", "nested"), "nested cross-fitting (5 x 4)", "nested cross-fitting (5 x 4)"),
        (("--scheme", "holdout"), "holdout", "scheme: holdout"),
    ],
)
def test_a_plan_names_the_scheme_as_the_report_will(hasei, toy_base, tmp_path, monkeypatch, flags, scheme, words):
    monkeypatch.chdir(tmp_path)
    rows = [(f"{text} {n}", team) for n in range(6) for text, team in ROWS]
    asked = (
        "try",
        write_rows(tmp_path / "rows.csv", rows, ("message", "team")),
        "--base",
        toy_base("bert"),
        "--plan",
        *flags,
    )
    assert json.loads(hasei(*asked, "--json").out)["scheme"] == scheme
    assert words in hasei(*asked).out
    assert "取り置き" in hasei(*asked, "--lang", "ja").out or scheme != "holdout"
