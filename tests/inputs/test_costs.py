"""What rows cost: a table with wildcards, weights, and a function of the user's own, checked before anything is trained."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hasei.ground.errors import DataError, RecipeError, UserError
from hasei.inputs.purpose import Prices, RowCosts, open_costs
from hasei.inputs.purpose.costs import read_weights
from hasei.tasks import open_task
from hasei.tasks._known import as_known
from made_up import write_rows

NAMES = ("card", "fraud", "loss")
HEADER = ("truth", "answer", "cost")


def table(
    place: Path, *lines: tuple[str, ...], header: tuple[str, ...] = HEADER, error: float | None = 1.0
) -> RowCosts:
    path = write_rows(place / "costs.csv", list(lines), header)
    costs = open_costs(Prices(cost_of_an_error=error, costs=str(path)), NAMES)  # type: ignore[arg-type]
    assert costs is not None
    return costs


def cost(costs: RowCosts, truth: str, answer: str) -> float:
    return float(costs.of([truth], [answer])[0])


def test_a_line_that_names_both_labels_comes_before_one_with_a_star(tmp_path):
    costs = table(
        tmp_path,
        ("*", "*", "3"),
        ("*", "loss", "4"),
        ("fraud", "*", "500"),
        ("fraud", "loss", "20"),
        ("card", "card", "-1"),
    )
    assert cost(costs, "fraud", "loss") == 20
    assert cost(costs, "fraud", "card") == 500
    assert cost(costs, "card", "loss") == 4
    assert cost(costs, "loss", "card") == 3
    assert cost(costs, "card", "card") == -1
    assert cost(costs, "fraud", "fraud") == 0


def test_what_is_not_listed_costs_the_price_of_an_error(tmp_path):
    costs = table(tmp_path, ("fraud", "*", "500"), error=7.0)
    assert cost(costs, "card", "loss") == 7
    assert cost(costs, "card", "card") == 0
    assert cost(costs, "card", "") == 7  # a row that today's process does not answer


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), min_size=1, max_size=30), st.randoms())
def test_costs_follow_their_rows_and_only_two_stars_reach_every_error(pairs, random):
    priced = {("*", "*"): 2.0, ("fraud", "*"): 9.0, ("*", "loss"): 5.0, ("card", "loss"): 1.0}
    costs = RowCosts(None, priced)
    truths, answers = (list(side) for side in zip(*pairs))
    found = costs.of(truths, answers)
    for (truth, answer), value in zip(pairs, found):
        if truth == answer:
            assert value == 0
        elif (truth, answer) == ("card", "loss"):
            assert value == 1
        else:
            assert value == (9 if truth == "fraud" else 5 if answer == "loss" else 2)
    order = random.sample(range(len(pairs)), len(pairs))
    assert costs.of([truths[i] for i in order], [answers[i] for i in order]).tolist() == [found[i] for i in order]


def test_labels_of_the_table_are_those_of_the_data_however_they_are_written(tmp_path):
    task = open_task("text_classification")
    space = task.space(NAMES)
    path = write_rows(tmp_path / "costs.csv", [("FRAUD", "*", "500"), ("Ｃａｒｄ", " loss ", "2")], HEADER)
    prices = Prices(cost_of_an_error=1.0, costs=str(path))  # type: ignore[arg-type]
    costs = open_costs(prices, NAMES, lambda labels: as_known(task, space, labels)[0])
    assert costs is not None
    assert costs.of(["fraud", "card"], ["card", "loss"]).tolist() == [500, 2]


@pytest.mark.parametrize(
    ("lines", "header", "error", "words"),
    [
        ([("fruad", "*", "5")], HEADER, 1.0, r"line 2: there is no label 'fruad' in the data. Did you mean 'fraud'"),
        ([("fraud", "*", "dear")], HEADER, 1.0, r"line 2: the cost is no number.*received 'dear'"),
        ([("fraud", "*", "nan")], HEADER, 1.0, r"line 2: the cost is no number"),
        ([("fraud", "*", "inf")], HEADER, 1.0, r"line 2: the cost is no number"),
        ([("fraud", "*", "")], HEADER, 1.0, r"line 2: the cost is no number"),
        ([("fraud", "*", "5"), ("fraud", "*", "6")], HEADER, 1.0, r"line 3 prices 'fraud' answered as '\*' again"),
        ([("fraud", "", "5")], HEADER, 1.0, r"line 2 lacks a label"),
        ([("fraud", "*", "5", "x"), ("card", "*", "2")], HEADER, 1.0, r"too many or too few cells.*line 2 first"),
        ([("fraud", "*", "5")], ("label", "answer", "cost"), 1.0, r"no column 'truth'.*received label, answer, cost"),
        ([("fraud", "*", "5")], HEADER, None, r"does not say what an error costs that it does not list"),
    ],
)
def test_a_bad_table_is_refused_in_one_line(tmp_path, lines, header, error, words):
    with pytest.raises(UserError, match=words) as caught:
        table(tmp_path, *lines, header=header, error=error)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_table_that_is_not_there_is_refused():
    with pytest.raises(DataError, match=r"there is no file 'nowhere.csv'"):
        open_costs(Prices(cost_of_an_error=1.0, costs="nowhere.csv"), NAMES)  # type: ignore[arg-type]


def test_a_table_in_the_encoding_of_a_japanese_spreadsheet_is_read(tmp_path):
    path = write_rows(
        tmp_path / "費用.csv", [("不正利用", "*", "500"), ("カードの色を教えてください", "*", "1")], HEADER, "cp932"
    )
    costs = open_costs(Prices(cost_of_an_error=1.0, costs=str(path)))  # type: ignore[arg-type]
    assert costs is not None
    assert cost(costs, "不正利用", "x") == 500


def test_without_prices_nothing_costs_anything():
    assert open_costs(Prices()) is None


# Weights


def test_weights_are_numbers_from_nothing_on():
    assert read_weights(["1", "0", "2.5"], "amount").tolist() == [1.0, 0.0, 2.5]
    for bad in ("", "-1", "many", "nan", "inf", "1,000"):
        with pytest.raises(DataError, match=rf"'amount' can't weigh rows.*received '{bad}'"):
            read_weights(["1", bad], "amount")


# A function of the user's own


@pytest.fixture
def function(tmp_path, monkeypatch):
    """Return what opens the function ``of_rows`` of a module in the current folder that holds *code*."""
    monkeypatch.chdir(tmp_path)
    made: list[str] = []

    def write(code: str, name: str = "of_rows", module: str = "") -> RowCosts | None:
        module = module or f"own_costs_{tmp_path.name}_{len(made)}"
        made.append(module)
        (tmp_path / f"{module}.py").write_text(code)
        return open_costs(Prices(costs=f"{module}:{name}"), NAMES)  # type: ignore[arg-type]

    yield write
    for module in made:
        sys.modules.pop(module, None)


GOOD = """
import helper_of_mine

def of_rows(truth, answer):
    return [helper_of_mine.DEAR if t == "fraud" != a else 0.5 * (t != a) for t, a in zip(truth, answer)]
"""


def test_a_function_in_the_current_folder_says_what_each_row_costs(function, tmp_path):
    (tmp_path / "helper_of_mine.py").write_text("DEAR = 300\n")
    before, path = sorted(p.name for p in tmp_path.iterdir()), list(sys.path)
    costs = function(GOOD)
    sys.modules.pop("helper_of_mine")
    assert costs.of(["fraud", "card", "card"], ["card", "card", "loss"]).tolist() == [300, 0, 0.5]
    assert costs.of(["fraud"], ["card"], [2.0]).tolist() == [600]
    assert sys.path == path
    assert [p.name for p in tmp_path.iterdir() if p.suffix != ".py"] == []
    assert before == ["helper_of_mine.py"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def of_row(t, a):\n    return [0] * len(t)", r"has no function 'of_rows'. Did you mean 'of_row'"),
        ("of_rows = 3", r"has no function 'of_rows'"),
        ("def of_rows(t):\n    return [0]", r"can't be called.*two lists of text; received of_rows\(t\)"),
        ("def of_rows(t, a, more):\n    return [0]", r"can't be called"),
        ("def of_rows(t, a):\n    return [0]", r"one cost for each row; expected 3 numbers; received 1"),
        ("def of_rows(t, a):\n    return 5", r"failed: TypeError"),
        ("def of_rows(t, a):\n    return None", r"failed: TypeError"),
        ("def of_rows(t, a):\n    return [[1, 2]] * len(t)", r"one cost for each row"),
        ("def of_rows(t, a):\n    return ['dear'] * len(t)", r"failed: ValueError"),
        ("def of_rows(t, a):\n    return [float('nan')] * len(t)", r"finite numbers.*received nan for truth 'card'"),
        ("def of_rows(t, a):\n    return [float('inf')] * len(t)", r"finite numbers.*received inf"),
        ("def of_rows(t, a):\n    raise KeyError('x')", r"failed: KeyError: 'x'"),
        ("def of_rows(t, a):\n    raise SystemExit(0)", r"failed: SystemExit"),
        ("import no_such_module_at_all", r"can't be imported: ModuleNotFoundError"),
        ("def of_rows(t, a) return", r"can't be imported: SyntaxError"),
        ("raise SystemExit", r"can't be imported: SystemExit"),
        ("1 / 0\n", r"can't be imported: ZeroDivisionError"),
    ],
)
def test_a_function_that_does_not_work_is_refused_in_one_line_before_any_training(function, code, words):
    with pytest.raises(RecipeError, match=words) as caught:
        function(code)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_module_that_is_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("no_such_module_here:f", "no_such_package.costs:f"):
        with pytest.raises(RecipeError, match="there is no module 'no_such_"):
            open_costs(Prices(costs=name), NAMES)  # type: ignore[arg-type]


def test_a_function_that_returns_the_wrong_count_only_later_is_refused_then(function):
    code = "def of_rows(t, a):\n    return [1.0] * min(3, len(t))"
    costs: Any = function(code)
    with pytest.raises(RecipeError, match="expected 4 numbers; received 3"):
        costs.of(["card"] * 4, ["loss"] * 4)
