"""``hasei rank``: each use case is run once, the table says which first, and what can't be compared is refused."""

from __future__ import annotations

import json
import sys

import pytest

from hasei.ground.errors import DataError, RunFailed, Stopped
from hasei.ground.files import write_json
from hasei.ground.statistics import Interval
from hasei.judge.money import reckon
from made_up import ROWS, report, write_rows

PRICES = "prices: {predictions_per_month: 1000, cost_of_an_error: 2, setup_hours: 10"


@pytest.fixture
def studies(monkeypatch, tmp_path):
    """Put a made-up study in the place of the real one; ``run`` lists what was run, ``saved`` is the money by name."""
    import hasei.judge.study as real

    found = {"run": [], "resumed": [], "saved": {}, "verdict": {}, "error": None, "errors": {}}

    def conduct(config, out, watch, *, resume=False):
        found["run"].append(out.name)
        found["resumed"] += [out.name] if resume else []
        if found["error"] is not None:
            (out.parent / f".{out.name}.work").mkdir(parents=True, exist_ok=True)
            raise found["error"]
        if out.name in found["errors"]:
            raise found["errors"][out.name]
        sys.stdout.write("a library says hello\n")
        value = found["saved"].get(out.name)
        saved = None if value is None else Interval(value, value - 60, value + 60, 30.0, "made up")
        money = reckon(config.prices, against="today", per_month=saved, train_seconds=60.0, inference_per_month=0.1)
        stated = money.to_json() if config.prices.predictions_per_month else None
        verdict = found["verdict"].get(out.name, "adopt")
        write_json(out / "report.json", report(verdict=verdict, reason=f"Because {out.name}.", money=stated))

    monkeypatch.setattr(real, "conduct", conduct)
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "rows.csv", ROWS, ("message", "team"))
    return found


@pytest.fixture
def yaml(studies, tmp_path):
    def write(name, more="", prices=PRICES + "}", saved=100.0):
        (tmp_path / f"{name}.yaml").write_text(f"data: rows.csv\n{prices}\n{more}\n")
        studies["saved"][name] = saved
        return f"{name}.yaml"

    return write


def test_the_table_says_which_first_with_what_it_takes_and_what_it_returns(hasei, studies, yaml):
    studies["verdict"]["c"] = "do not adopt"
    done = hasei("rank", yaml("a", saved=50), yaml("b", saved=200), yaml("c", saved=900))
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert [line.split()[:2] for line in lines if line[:1].isdigit()] == [["1.", "b"], ["2.", "a"], ["3.", "c"]]
    assert "2,000" in done.out  # 12 months at 200, less 400 of labour
    assert "1,280 to 2,720" in done.out
    assert "200*" in done.out  # 12 x 50 - 400, at its worst a loss
    assert "may not be paid back" in done.out
    assert "c: Because c." in done.out
    assert "a: Because a." not in done.out
    assert max(map(len, lines)) <= 80
    assert "hello" not in done.out


def test_the_json_is_the_only_thing_on_stdout(hasei, studies, yaml):
    done = hasei("rank", yaml("a", saved=None), yaml("b"), "--json")
    found = json.loads(done.out)
    assert (found["schema"], found["currency"], found["horizon_months"]) == (1, "USD", 12)
    assert [(c["place"], c["name"], c["folder"]) for c in found["use_cases"]] == [
        (1, "b", "runs/rank/b"), (2, "a", "runs/rank/a"),
    ]  # fmt: skip
    first = found["use_cases"][0]
    assert first["return_per_labour_hour"] == pytest.approx((12 * 100 - 400) / 10, rel=0.01)
    assert first["money"]["per_month"]["value"] == 100


def test_use_cases_without_prices_are_listed_all_the_same(hasei, studies, yaml):
    done = hasei("rank", yaml("a", prices="", saved=None))
    assert done.code == 0, done.err
    assert "the return can't be told" in " ".join(done.out.split())


def test_a_finished_run_of_the_same_settings_is_not_run_again(hasei, studies, yaml, tmp_path):
    files = [yaml("a"), yaml("b")]
    hasei("rank", *files, "--out", "kept")
    again = hasei("rank", *files, "--out", "kept")
    assert studies["run"] == ["a", "b"]
    assert "a: finished already, in kept/a" in again.err
    assert again.out
    yaml("b", more="seed: 7")
    done = hasei("rank", *files, "--out", "kept")
    assert done.code == 2
    assert "'kept/b' holds a run with other settings" in done.error
    yaml("b")
    write_rows(tmp_path / "rows.csv", ROWS[:6], ("message", "team"))
    assert "other settings or other rows" in hasei("rank", *files, "--out", "kept").error


def test_a_stopped_run_is_gone_on_with(hasei, studies, yaml):
    files = [yaml("a"), yaml("b")]
    studies["error"] = Stopped("stopped by Ctrl-C", do="run with --resume")
    done = hasei("rank", *files)
    assert done.code == 130
    assert "Run the same command again" in done.error
    assert "--resume" not in done.error
    studies["error"] = None
    assert hasei("rank", *files).code == 0
    assert (studies["run"], studies["resumed"]) == (["a", "a", "b"], ["a"])


def test_what_goes_wrong_in_a_use_case_names_it(hasei, studies, yaml):
    studies["error"] = DataError("there is no file 'rows.csv'", do="check the path")
    done = hasei("rank", yaml("a"))
    assert done.code == 2
    assert done.error == "error: a: there is no file 'rows.csv'. Check the path."


def test_one_use_case_that_fails_does_not_stop_the_others_and_stands_last(hasei, studies, yaml):
    files = [yaml("a"), yaml("b", saved=200), yaml("c")]
    studies["errors"] = {"a": DataError("there is no file 'rows.csv'", do="check the path")}
    done = hasei("rank", *files)
    assert done.code == 0, done.err
    assert done.error == "error: a: there is no file 'rows.csv'. Check the path."
    assert [line.split()[:2] for line in done.out.splitlines() if line[:1].isdigit()] == [
        ["1.", "b"], ["2.", "c"], ["3.", "a"],
    ]  # fmt: skip
    assert "failed" in done.out and "a: there is no file 'rows.csv'" in done.out
    last = json.loads(hasei("rank", *files, "--json").out)["use_cases"][-1]
    assert (last["name"], last["verdict"], last["adopted"], last["place"]) == ("a", "failed", False, 3)
    assert "a: a:" not in done.out
    assert last["reason"] == "there is no file 'rows.csv'. Check the path."
    studies["errors"] = {}
    assert hasei("rank", *files).code == 0
    assert studies["run"] == ["a", "b", "c", "a", "a"]  # what was done is not done again


def test_where_all_fail_it_is_said_and_the_exit_code_is_that_of_a_wrong_request(hasei, studies, yaml):
    studies["errors"] = {name: RunFailed(f"{name} diverged") for name in "ab"}
    done = hasei("rank", yaml("a"), yaml("b"), "--json")
    assert done.code == 2
    assert [c["verdict"] for c in json.loads(done.out)["use_cases"]] == ["failed", "failed"]
    assert "a diverged" in done.err and "b diverged" in done.err


def test_what_has_no_amounts_stands_beside_every_currency(hasei, studies, yaml):
    yen = PRICES + ", currency: JPY, cpu_hour: 12, labour_hour: 4000}"
    done = hasei("rank", yaml("a", prices=""), yaml("b", prices=yen))
    assert done.code == 0, done.err
    assert studies["run"] == ["a", "b"]


def test_different_currencies_are_refused_with_what_to_do(hasei, studies, yaml):
    yen = PRICES + ", currency: JPY, cpu_hour: 12, labour_hour: 4000}"
    line = hasei("rank", yaml("a"), yaml("b", prices=yen)).error
    assert "a: USD, b: JPY" in line and "Convert the amounts" in line and "none is stated, USD" in line


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (PRICES + ", currency: JPY, cpu_hour: 12, labour_hour: 4000}", "different currencies"),
        (PRICES + ", horizon_months: 24}", "different horizons"),
        ("prices: {cpu_hours: 3}", "b.yaml: there is no setting 'prices.cpu_hours'"),
    ],
)
def test_what_can_not_be_compared_or_read_is_refused_before_anything_is_run(hasei, studies, yaml, other, words):
    done = hasei("rank", yaml("a"), yaml("b", prices=other))
    assert done.code == 2
    assert words in done.error
    assert studies["run"] == []


def test_two_files_of_one_name_are_refused(hasei, studies, yaml, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.yaml").write_text("data: rows.csv\n")
    done = hasei("rank", yaml("a"), "more/a.yaml")
    assert done.code == 2
    assert "two use cases are called 'a'" in done.error


def test_a_file_that_is_not_there_is_refused(hasei, studies):
    done = hasei("rank", "nowhere.yaml")
    assert done.code == 2
    assert "there is no file 'nowhere.yaml'" in done.error


def test_names_of_files_can_not_steer_the_terminal(hasei, studies, yaml, tmp_path):
    done = hasei("rank", yaml("a\x1b[31m"))
    assert "\x1b" not in done.out + done.err


def test_no_figure_is_cut_in_a_currency_of_large_numbers(hasei, studies, yaml):
    prices = PRICES.replace("{", "{currency: JPY, cpu_hour: 12, labour_hour: 4000, ") + "}"
    done = hasei(
        "rank", yaml("customer tickets", prices=prices, saved=1_234_567), yaml("small", prices=prices, saved=2.0)
    )
    assert done.code == 0, done.err
    assert "1.2 M" in done.out
    assert "never" in done.out
    assert "…" not in done.out
